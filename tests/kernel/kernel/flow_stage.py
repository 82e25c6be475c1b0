"""A workspace on disk that workflows run in, left and entered again as processes do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Flow, Kernel, Run, RunState, ScriptedModel, load_script
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import TransientToolError
from quarterdeck_kernel.testing.fake_clock import FakeClock

Workflow = Callable[[Flow], Awaitable[object]]
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000

SCRIPT: dict[str, JsonValue] = {
    "rules": [
        {"when": {"said": "capital"}, "answer": {"text": "Paris"}, "times": None},
        {"when": {"said": "river"}, "answer": {"text": "Seine"}, "times": None},
    ]
}


class Stage:
    """Counts what happens outside the log, whichever kernel made it happen."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.clock = clock
        self.done: list[str] = []
        self.fail_next = 0
        self.model = ScriptedModel(load_script(SCRIPT), remember=100)

    @asynccontextmanager
    async def kernel(self) -> AsyncIterator[Kernel]:
        """Enter the workspace as a process of its own would."""
        kernel = await Kernel.open(self.folder, model=self.model, clock=self.clock)

        @kernel.tool(effect="idempotent")
        def stow(what: str) -> str:
            if self.fail_next:
                self.fail_next -= 1
                raise TransientToolError("the hold is shut")
            self.done.append(f"stow {what}")
            return f"{what} stowed"

        @kernel.tool(effect="once")
        def pay(amount: int) -> int:
            self.done.append(f"pay {amount}")
            return amount

        try:
            yield kernel
        finally:
            await kernel.close()

    def mark(self, text: str, value: JsonValue = None) -> Callable[[], JsonValue]:
        """Return a step's function that leaves a trace."""

        def function() -> JsonValue:
            self.done.append(text)
            return value if value is not None else text

        return function


async def begun(kernel: Kernel, run_id: str = "voyage") -> Run:
    """Return a new run."""
    return await kernel.start_run(agent="bosun", run_id=run_id, tenant="acme")


async def again(kernel: Kernel, run_id: str = "voyage") -> Run:
    """Return the run of before."""
    return await kernel.load_run(run_id, tenant="acme")


async def kinds(kernel: Kernel, run_id: str = "voyage") -> list[str]:
    """Return the kinds of a run's events, in order."""
    return [record.kind for record in await kernel.store.read(run_id)]


async def head(kernel: Kernel, run_id: str = "voyage") -> tuple[int, bytes]:
    """Return where a run's log ends."""
    info = await kernel.store.run(run_id)
    return info.head.seq, info.head.hash


async def state(kernel: Kernel, run_id: str = "voyage") -> RunState:
    """Return what a run is, as anybody sees it."""
    return (await kernel.journal(run_id)).state


async def until_recorded(kernel: Kernel, kind: str, count: int = 1) -> None:
    """Wait, in real time, until an event was written."""
    while True:
        seen, _ = await head(kernel)
        if (await kinds(kernel)).count(kind) >= count:
            return
        await kernel.store.wait(after=seen, run_id="voyage")


async def passes(clock: FakeClock, us: int, task: asyncio.Task[object]) -> None:
    """Let time pass, in steps that leave the disk time to keep up."""
    for _ in range(us // MINUTE_US):
        clock.advance(MINUTE_US)
        await asyncio.wait({task}, timeout=0.005)
        if task.done():
            return


async def leave(task: asyncio.Task[object]) -> None:
    """End an execution as a process that is stopped does."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def sleeps(flow: Flow) -> str:
    await flow.sleep(3600)
    return "awake"


def voyage(stage: Stage, answer: str = "home") -> Workflow:
    """Return a workflow with a step of each kind."""

    async def workflow(flow: Flow) -> str:
        await flow.step("load", stage.mark("load"))
        await flow.tool("stow", {"what": "rum"}, step_key="rum")
        said = await flow.model(step_key="where", prompt="the capital?")
        await flow.step("sail", stage.mark("sail"), effect="once")
        return f"{answer} {said.text}"

    return workflow


async def played(stage: Stage, kernel: Kernel, workflow: Workflow) -> None:
    """Run a workflow to its end, and forget what it did outside."""
    await kernel.run_workflow(workflow, run=await begun(kernel))
    stage.done.clear()
    stage.model.asked.clear()
