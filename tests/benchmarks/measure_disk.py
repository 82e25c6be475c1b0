"""What a conversation costs on disk, beside what was said in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from quarterdeck_kernel.events.run_events import RunSucceeded
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target
from tests.benchmarks.talk import Talk
from tests.benchmarks.tool_step import driven

_TEXT_SHARE, _EVENT_BYTES = 1.1, 1_200
_KB = 1_024
_BUDGET = (
    "1.1 x the distinct text of all messages, calls, results and tool schemas + 1,200 B an event"
)
_BARE = "the same file without its snapshots, both compacted"


async def measure(bench: Bench) -> list[Figure]:
    """Hold the conversation event by event through the journal, close, and look at the file."""
    turns = bench.sizes.conversation_turns
    folder = bench.folder()
    path = folder / "quarterdeck.db"
    talk = Talk(seed=3)
    async with bench.store(path) as store:
        journal = await driven(store, "talk")
        for _ in range(4 * turns):
            await journal.append(lambda state: (talk.payload(state),))
        await journal.append(lambda _: (RunSucceeded(answer="in order"),))
        await journal.release()
        events = journal.state.head_seq
    size = sum(file.stat().st_size for file in folder.glob("quarterdeck.db*"))
    budget = _TEXT_SHARE * talk.text_bytes + _EVENT_BYTES * events
    whole, bare = (
        _compacted(path, folder / "whole.db"),
        _compacted(path, folder / "bare.db", cut=True),
    )
    return [
        Figure(
            what=f"disk of a conversation of {turns} turns",
            measured=size / _KB,
            unit="KB",
            floor=budget / _KB,
            floor_is=_BUDGET,
            ratio=size / budget,
            target=Target(bound=1),
        ),
        Figure(
            what="  its distinct text",
            measured=talk.text_bytes / _KB,
            unit="KB",
        ),
        Figure(
            what="  its file beyond 1.1 x text, an event",
            measured=(size - _TEXT_SHARE * talk.text_bytes) / events,
            unit="B",
        ),
        Figure(
            what="  its snapshots",
            measured=max(whole - bare, 1) / _KB,
            unit="KB",
            floor=bare / _KB,
            floor_is=_BARE,
            ratio=whole / bare,
            target=Target(bound=1.1),
        ),
    ]


def _compacted(path: Path, copy: Path, *, cut: bool = False) -> int:
    """Return the size of a compacted copy, with or without snapshots."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("VACUUM INTO ?", (str(copy),))
    if cut:
        with closing(sqlite3.connect(copy, isolation_level=None)) as db:
            db.execute("DELETE FROM snapshots")
            db.execute("VACUUM")
    return copy.stat().st_size
