"""Workspaces with something to record, and files that were tampered with."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quarterdeck_kernel import EventStore, Kernel, PersonalDataPolicy, export_run, open_store
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import ADA
from tests.kernel.engine.deck import World, acting, kernel_of

LARGE = "x" * 20_000
"""Content of this length is kept as a blob."""

AS_IT_IS = PersonalDataPolicy.everywhere("off")


@asynccontextmanager
async def deck(folder: Path, **wiring: Any) -> AsyncIterator[Kernel]:  # noqa: ANN401 - those of `Kernel`
    """A kernel on disk that takes nothing out of what is said."""
    world = World()
    wiring.setdefault("personal_data", AS_IT_IS)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with kernel_of(acting(world.acts), at=folder, **wiring) as kernel:
        yield kernel


async def worked(kernel: Kernel, run_id: str = "run", *, over: bool = True) -> None:
    """A run with a step, a message, a blob and an answer."""
    run = await kernel.start_run(agent="purser", run_id=run_id, objective="count the barrels")
    await kernel.step_tool(run=run, step_key="s1", tool="pay", arguments={"amount": 1})
    await kernel.say(run, "mind ada@example.com, please", actor=ADA)
    await kernel.say(run, LARGE, actor=ADA)
    await kernel.step_tool(run=run, step_key="s2", tool="pay", arguments={"amount": 2})
    if over:
        await kernel.finish_run(run, answer={"paid": 3})
    await kernel.let_go(run)


async def forked(kernel: Kernel, fork_id: str, of: str, seq: int, *, over: bool = True) -> None:
    """A fork behind an event, which says something of its own."""
    records = await kernel.store.read(of, after=seq - 1, until=seq)
    forked_from = RunForked(
        parent_run_id=of,
        parent_seq=seq,
        parent_hash=records[0].hash.hex(),
        changed=("message",),
        changes={},
    )
    journal_of = type(await kernel.journal(of))
    await journal_of.fork(kernel.store, forked_from, actor=ADA, run_id=fork_id, clock=FakeClock())
    run = await kernel.load_run(fork_id)
    await kernel.say(run, "the other way round", actor=ADA)
    if over:
        await kernel.finish_run(run, answer="forked")
    await kernel.let_go(run)


async def recorded(folder: Path) -> Path:
    """A recording of one finished run."""
    async with deck(folder / "origin") as kernel:
        await worked(kernel)
        await export_run(kernel.store, "run", folder / "tape", redaction="none")
    return folder / "tape"


@asynccontextmanager
async def elsewhere(folder: Path) -> AsyncIterator[EventStore]:
    """Another workspace, empty."""
    store = await open_store(folder)
    try:
        yield store
    finally:
        await store.close()


Lines = list[dict[str, Any]]


def lines_of(tape: Path) -> Lines:
    return [json.loads(line) for line in gzip.decompress(tape.read_bytes()).splitlines()]


def tampered(tape: Path, change: Callable[[Lines], object]) -> Path:
    """The same recording, unpacked, changed and packed again."""
    lines = lines_of(tape)
    change(lines)
    return packed(tape.with_name("tampered"), lines)


def packed(target: Path, lines: Lines) -> Path:
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
    return target
