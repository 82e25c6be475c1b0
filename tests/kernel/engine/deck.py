"""Kernels for tests of steps: a clock that says what is waited for, tools that count.

What a tool does to the world is counted in `World`, outside every log: nothing a kernel believes
can change those numbers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import Event, Kernel, Run, Tool, ToolContext, ToolResult, tool_of
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import QuarterdeckError, ReconciliationRequiredError
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.fake_clock import Alarm, FakeClock
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

ADA = Actor(kind="operator", name="ada", host="bridge", os_user="ada")
BEN = Actor(kind="operator", name="ben", host="engine-room", os_user="ben")

SECOND_US = 1_000_000
PATIENT = RetryPolicy(tries=3, timeout_s=10, first_delay_s=2, jitter=0, budget_s=1_000)
"""Waits that no other part of the kernel waits for, so that a test can tell them apart."""

Body = Callable[[ToolContext, int], Awaitable[object]]


class WatchedClock(FakeClock):
    """Tells when somebody begins to wait for so long, so that time passes only then."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: list[tuple[int, Alarm]] = []
        self._news: asyncio.Event = asyncio.Event()

    def call_later(self, us: int, callback: Callable[[], None]) -> Alarm:
        timer = super().call_later(us, callback)
        self._asked.append((us, timer))
        self._news.set()
        return timer

    async def waited_for(self, us: int) -> None:
        """Wait until somebody waits for exactly so long; each waiting is told of once."""
        while True:
            self._asked = [asked for asked in self._asked if not asked[1].cancelled]
            for asked in self._asked:
                if asked[0] == us:
                    self._asked.remove(asked)
                    return
            self._news.clear()
            async with asyncio.timeout(20):
                await self._news.wait()

    async def passes(self, us: int) -> None:
        """Let exactly the time pass that somebody waits for, once they do."""
        await self.waited_for(us)
        self.advance(us)


class World:
    """What was really done, and a door at which a call waits."""

    def __init__(self) -> None:
        self.calls: list[ToolContext] = []
        self.arrived = asyncio.Event()
        self.door = asyncio.Event()
        self.log: list[str] = []

    @property
    def count(self) -> int:
        return len(self.calls)

    async def acts(self, context: ToolContext, amount: int) -> object:
        """Do it, and say so."""
        self.calls.append(context)
        return {"paid": amount}

    async def waits(self, context: ToolContext, amount: int) -> object:
        """Do it, and answer when the door opens."""
        self.calls.append(context)
        self.arrived.set()
        await self.door.wait()
        return {"paid": amount}

    async def wait_for_call(self) -> None:
        async with asyncio.timeout(20):
            await self.arrived.wait()
        self.arrived.clear()


def acting(body: Body, *, name: str = "pay", **declared: Any) -> Tool:  # noqa: ANN401 - those of `tool_of`
    """Return a tool that does what `body` does."""

    async def act(context: ToolContext, amount: int = 1) -> object:
        return await body(context, amount)

    declared.setdefault("version", "1")
    declared.setdefault("retry", PATIENT)
    return tool_of(act, name=name, description="Pays.", **declared)


def raising(world: World, *errors: Exception | None) -> Body:
    """Return what raises one error after the other, and acts where there is none (any more)."""
    left = list(errors)

    async def body(context: ToolContext, amount: int) -> object:
        world.calls.append(context)
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return {"paid": amount}

    return body


@asynccontextmanager
async def kernel_of(
    *tools: Tool,
    at: Path | None = None,
    clock: FakeClock | None = None,
    **wiring: Any,  # noqa: ANN401 - those of `Kernel`
) -> AsyncIterator[Kernel]:
    """Open a kernel in a folder, or in memory, and close it.

    Tests of steps make the same calls again and again, and let them fail: nothing looks for that.
    """
    wiring.setdefault("safeguards", ())
    clock = clock or WatchedClock()
    where = at / "quarterdeck.db" if at is not None else Path(":memory:")
    store = await SqliteStore.open(":memory:" if at is None else where, clock=clock)
    kernel = Kernel(store, tools=tools, clock=clock, **wiring)
    try:
        yield kernel
    finally:
        await kernel.close()


def dies(kernel: Kernel) -> None:
    """Let the operating system take back the lock of a kernel's process, as if it had ended."""
    store = kernel.store
    assert isinstance(store, SqliteStore), "these tests run on SQLite"
    lock = store._leases._lock
    assert lock is not None, "a kernel in memory cannot die alone"
    assert lock._file is not None, "a kernel that drives nothing has no lock"
    lock._file.close()
    lock._file = None


async def events(kernel: Kernel, run: Run) -> list[Event]:
    """Return the run's log, whole."""
    records = await kernel.store.read(run.run_id, limit=1_000)
    return [await opened(kernel.store, record) for record in records]


async def story(kernel: Kernel, run: Run) -> list[str]:
    """Return the run's log as words, without its beginning."""
    return [_word(event) for event in await events(kernel, run)][2:]


def _word(event: Event) -> str:
    payload = event.payload
    match event.kind:
        case "tool_requested":
            return f"intent {getattr(payload, 'attempt', '')}"
        case "tool_completed":
            return str(getattr(payload, "outcome", ""))
        case "tool_reconciled":
            return f"{getattr(payload, 'by', '')} says {getattr(payload, 'verdict', '')}"
        case "tool_evidence":
            return f"{getattr(payload, 'source', '')}: {getattr(payload, 'verdict', '')}"
        case "pause_resolved":
            return str(getattr(payload, "decision", ""))
        case kind:
            return kind


UNKNOWN = ["intent 1", "unknown_outcome"]


async def pays(kernel: Kernel, run: Run) -> ToolResult:
    """Call the tool `pay` in step `s`."""
    return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})


async def breaks(context: ToolContext, amount: int) -> object:
    """Lose the connection: a `once` effect is unknown then."""
    raise ConnectionResetError(f"{context.tool} {amount}")


async def in_doubt(kernel: Kernel) -> Run:
    """Return a run whose step `s` has an unknown outcome."""
    run = await kernel.start_run(agent="purser")
    with pytest.raises(ReconciliationRequiredError):
        await pays(kernel, run)
    return run


async def length(kernel: Kernel, run: Run) -> int:
    return len(await kernel.store.read(run.run_id, limit=1_000))


async def left_open(kernel: Kernel, world: World) -> tuple[str, "asyncio.Task[ToolResult]"]:
    """Begin a call whose process then dies."""
    run = await kernel.start_run(agent="purser", run_id="voyage")
    task = asyncio.create_task(pays(kernel, run))
    await world.wait_for_call()
    dies(kernel)
    return run.run_id, task


async def over(task: "asyncio.Task[ToolResult]", world: World) -> None:
    """Let the call of the dead process return to nobody."""
    world.door.set()
    with pytest.raises(QuarterdeckError):
        await task
