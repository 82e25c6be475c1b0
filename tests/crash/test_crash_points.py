"""A process dies at each named point of the adapter, one after the other.

What an uncrashed process had on disk at a point is what one that dies there must leave behind:
the state before a write, or after it, never anything between. And a store opened upon that goes on.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from quarterdeck_kernel import crash_point
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.arrival import Arrival, Piece
from quarterdeck_kernel.store.batch import AccountMove
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.crash import CrashAt, recorded_points
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import ADA, Beside, LogBuilder, say, started
from quarterdeck_kernel.vocabulary.rows import ProjectionRows
from tests.crash.killer import full_batch
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import begun, opened, put, raw

_DUMP = (
    "SELECT count(*) FROM workspace",
    "SELECT run_id, seq, epoch, holder IS NULL, rank, fleet, parent_no, parent_seq FROM runs",
    "SELECT pos, run_no, seq, kind, at_us, payload IS NULL, commitment IS NULL FROM events",
    "SELECT count(*), sum(content IS NULL) FROM blobs",
    "SELECT act, run_no, seq, reason FROM acts",
    "SELECT count(*) FROM holders",
    "SELECT * FROM inbox",
    "SELECT * FROM context",
    "SELECT * FROM steps",
    "SELECT * FROM accounts",
    "SELECT run_no, seq, state FROM snapshots",
    "SELECT * FROM bookmarks",
)


async def _pieces(log: LogBuilder) -> AsyncIterator[Sequence[Piece]]:
    yield log.records


State = list[list[tuple[object, ...]]]


def state_of(path: Path) -> State:
    """What is on disk, but for what no two processes make alike: salts, hashes, ids."""
    with raw(path) as db:
        try:
            return [db.execute(sql).fetchall() for sql in _DUMP]
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []


async def _come_and_gone(store: SqliteStore) -> AsyncIterator[str]:
    """Take a run in from elsewhere, and delete it."""
    come = LogBuilder("run-come", clock=FakeClock(), seed=1)
    come.accept(come.create())
    assert come.head is not None
    assert come.fleet is not None
    rows = ProjectionRows(fleet=come.fleet)
    arrival = Arrival(run_id="run-come", tenant="acme", head=come.head, rows=rows)
    await store.take_in(arrival, _pieces(come), actor=ADA, reason="from far")
    yield "taken in"
    lease = await store.claim("run-come")
    yield "claimed to go"
    await store.delete(lease, come.head, actor=ADA, reason="asked to")
    yield "deleted"


async def everything(path: Path) -> AsyncIterator[str]:
    """Do with a new store whatever writes; tell of each thing done."""
    clock = FakeClock()
    async with opened(path, clock=clock) as store:
        yield "opened"
        logs = [await begun(store, f"run-{n}", clock=clock, seed=1) for n in range(3)]
        yield "begun"
        leases = [await store.claim(log.run_id) for log in logs]
        yield "claimed"
        batches = [
            full_batch(log, lease, n)
            for n, (log, lease) in enumerate(zip(logs, leases, strict=False), 1)
        ]
        await asyncio.gather(*(store.append(batch) for batch in batches))
        for log, batch in zip(logs, batches, strict=False):
            log.accept(batch)
        yield "appended in a group"
        ref = await store.put_blob("acme", b'{"text":"long"}')
        await put(store, logs[0], logs[0].operate(say("a secret"), beside=Beside(blob=ref)))
        yield "content in a blob"
        await store.set_limit("account", 100, version=0)
        reserve = Beside(moves=(AccountMove(account="account", reserve=7, guarded=True),))
        await put(store, logs[1], logs[1].drive(leases[1], started(), beside=reserve))
        yield "reserved"
        head = logs[0].at()
        snapshot = Snapshot(
            run_id=head.run_id, seq=head.seq, hash=head.hash, fold_version=1, state="{}"
        )
        await store.put_snapshot(snapshot)
        yield "snapshot"
        mark = Bookmark(
            bookmark_id="mark", run_id=head.run_id, seq=1, note="look", actor=ADA, at_us=1
        )
        await store.put_bookmark(mark)
        yield "bookmarked"
        await store.drop_bookmark("mark")
        yield "bookmark dropped"
        assert logs[0].fleet is not None
        assert logs[0].head is not None
        rows = ProjectionRows(fleet=logs[0].fleet, inbox_opened=(logs[0].item("rebuilt"),))
        await store.rebuild("run-0", rows, logs[0].head)
        yield "rebuilt"
        await store.erase("run-0", logs[0].head.seq, actor=ADA, reason="asked to")
        yield "erased"
        async for done in _come_and_gone(store):
            yield done
        await store.renew()
        await store.release(leases[2])
        yield "released"
    yield "closed"


async def run_through(path: Path, pipe: Connection, *, die_at: tuple[str, int] | None) -> None:
    """Do everything; die at a point, or record what was on disk at each."""
    states: list[State] = []
    with recorded_points() as names:
        if die_at is not None:
            with CrashAt(*die_at):
                async for done in everything(path):
                    pipe.send(done)
            return

        def record(name: str) -> None:
            names.append(name)
            states.append(state_of(path))

        crash_point.listen(record)
        async for done in everything(path):
            pipe.send(done)
    pipe.send((names, states))


def uncrashed(folder: Path) -> tuple[list[str], list[State], State]:
    """Return the points that everything passes, what was on disk at each, and in the end."""
    folder.mkdir(mode=0o700)
    path = folder / "quarterdeck.db"
    with Child(partial(run_through, path, die_at=None)) as child:
        *_done, (names, states) = child.hear_all()
    return names, states, state_of(path)


async def go_on(path: Path) -> None:
    """The store that was left behind is sound, its runs can be claimed, and it takes more."""
    async with opened(path) as store:
        verdict = await store.verify()
        assert verdict.ok, verdict.fault
        for head in await store.heads():
            await store.claim(head.run_id)
            rows = await store.projections(head.run_id)
            assert rows.fleet.head_seq == head.seq
        log = await begun(store, "afterwards")
        await put(store, log, log.operate())
        record: Record = (await store.read("afterwards"))[-1]
        assert record == log.records[-1]
        assert (await store.verify()).ok


# A scan over all points in one test: they are found by running, not by listing them here.
def test_dying_at_any_point_leaves_before_or_after(tmp_path: Path) -> None:
    names, states, last = uncrashed(tmp_path / "whole")
    assert last == states[-1]
    for nth, (name, state) in enumerate(zip(names, states, strict=True)):
        folder = tmp_path / f"{nth}"
        folder.mkdir(mode=0o700)
        path = folder / "quarterdeck.db"
        times = names[: nth + 1].count(name)
        with Child(partial(run_through, path, die_at=(name, times))) as child:
            done = child.hear_all()
            assert child.was_killed, f"{name}, {times}. time, was not reached: {done}"
        assert state_of(path) == state, f"{name}, {times}. time, after {done}"
        asyncio.run(go_on(path))


def test_the_points_are_known(tmp_path: Path) -> None:
    """Every write of the adapter has a point before it and one behind."""
    names, states, _ = uncrashed(tmp_path / "whole")
    writes = (
        *("migration", "commit", "register", "claim", "put_blob", "set_limit", "put_snapshot"),
        *("put_bookmark", "drop_bookmark"),
        *(
            "rebuild",
            "erase",
            "take_in",
            "deletion",
            "checkpoint",
            "release",
            "release_all",
            "forget_holder",
            "sidecar",
        ),
    )
    expected = {f"store.{write}.{when}" for write in writes for when in ("before", "after")}
    assert set(names) == expected
    assert len(names) > 40
    unchanging = {"checkpoint", "sidecar", "release"}
    for write in set(writes) - unchanging:
        before = names.index(f"store.{write}.before")
        assert states[before] != states[names.index(f"store.{write}.after")], write
