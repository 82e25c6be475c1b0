"""Every byte of events, heads and blobs is held to account: flipped, `verify` says where.

All flips of a table happen in one open database: flip, verify, flip back.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import StoreRewoundError
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.store.verdict import Fault
from quarterdeck_kernel.testing.logs import LogBuilder, queued
from tests.kernel.store.sqlite_files import drop_triggers, opened, put, raw, small_log

MASKS = (0x01, 0x80)
TEXTS = frozenset({"kind", "header", "payload", "run_id", "tenant", "idempotency_key", "ref"})
ROWIDS = frozenset({("events", "pos"), ("runs", "run_no")})
EVENT_COLUMNS = (
    *("run_no", "seq", "kind", "at_us", "header"),
    *("salt", "payload", "commitment", "hash", "link"),
)
# Of a run's other columns the epoch may rise with every claim, and the rest can be folded anew.
RUN_COLUMNS = (
    *("run_no", "run_id", "tenant", "idempotency_key"),
    *("parent_no", "parent_seq", "seq", "hash"),
)
BLOB_COLUMNS = ("ref", "tenant", "digest", "salt", "content")

Value = int | bytes


def flips(value: Value) -> Iterator[Value]:
    """Every byte of a value with every mask; an integer is the eight bytes it may have."""
    data = value.to_bytes(8, "big", signed=True) if isinstance(value, int) else value
    for place in range(len(data)):
        for mask in MASKS:
            flipped = bytearray(data)
            flipped[place] ^= mask
            yield (
                int.from_bytes(flipped, "big", signed=True)
                if isinstance(value, int)
                else bytes(flipped)
            )


@dataclass
class Site:
    """A small log in a file, open as a store and behind its back."""

    store: SqliteStore
    db: sqlite3.Connection

    def rows(self, table: str) -> list[int]:
        return [row[0] for row in self.db.execute(f"SELECT rowid FROM {table} ORDER BY 1")]  # noqa: S608 - a name of ours

    def events(self) -> dict[int, tuple[str, int]]:
        """The run and the seq of the event at each position."""
        sql = "SELECT pos, run_id, e.seq FROM events AS e JOIN runs USING (run_no)"
        return {pos: (run_id, seq) for pos, run_id, seq in self.db.execute(sql)}

    async def faults(self, table: str, column: str, rowid: int) -> AsyncIterator[Fault | None]:
        """What `verify` says of each flip of a cell; behind each the cell is whole again."""
        read = f"CAST({column} AS BLOB)" if column in TEXTS else column
        sql = f"SELECT {read} FROM {table} WHERE rowid = ?"  # noqa: S608 - names of ours
        value: Value | None = self.db.execute(sql, (rowid,)).fetchone()[0]
        new = "CAST(? AS TEXT)" if column in TEXTS else "?"
        write = f"UPDATE {table} SET {column} = {new} WHERE rowid = ?"  # noqa: S608 - names of ours
        for flipped in flips(value) if value is not None else ():
            try:
                self.db.execute(write, (flipped, rowid))
            except sqlite3.IntegrityError:
                continue  # The number is taken: that would be a swap, which is tried elsewhere.
            yield (await self.store.verify()).fault
            moved = isinstance(flipped, int) and (table, column) in ROWIDS
            self.db.execute(write, (value, flipped if moved else rowid))


@asynccontextmanager
async def site(path: Path) -> AsyncIterator[Site]:
    async with opened(path / "quarterdeck.db") as store:
        await small_log(store)
        keyed = LogBuilder("keyed")
        payload = queued().model_copy(update={"idempotency_key": "order-7"})
        await put(store, keyed, keyed.create(payload, idempotency_key="order-7"))
        with raw(path / "quarterdeck.db") as db:
            db.execute("PRAGMA synchronous = OFF")
            drop_triggers(db)
            yield Site(store, db)
            assert (await store.verify()).ok, "a flip was not taken back"


async def test_of_events_the_very_event_is_named(tmp_path: Path) -> None:
    tried = 0
    async with site(tmp_path) as at:
        for pos, event in at.events().items():
            for column in EVENT_COLUMNS:
                async for fault in at.faults("events", column, pos):
                    assert fault is not None, (event, column)
                    assert (fault.run_id, fault.seq) == event, (column, fault)
                    tried += 1
    assert tried > 6_000


async def test_of_an_events_position(tmp_path: Path) -> None:
    """It is told where the chain over all runs, or the order of a run, no longer fits: at this
    event, or at the one behind the gap it left.
    """
    async with site(tmp_path) as at:
        events = at.events()
        for pos in events:
            async for fault in at.faults("events", "pos", pos):
                assert fault is not None, events[pos]
                assert (fault.run_id, fault.seq) in events.values(), fault


async def test_of_runs(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        for row in at.rows("runs"):
            for column in RUN_COLUMNS:
                async for fault in at.faults("runs", column, row):
                    assert fault is not None, (row, column)
                    assert fault.run_id is not None, (column, fault)


async def test_a_lowered_epoch(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        at.db.execute("UPDATE runs SET epoch = 0 WHERE run_id = 'run-1'")
        fault = (await at.store.verify()).fault
        assert fault is not None
        assert (fault.run_id, fault.seq) == ("run-1", 2)
        at.db.execute("UPDATE runs SET epoch = 1 WHERE run_id = 'run-1'")


async def test_of_blobs(tmp_path: Path) -> None:
    """What an event names is told with the event; a blob of nobody by its reference."""
    async with site(tmp_path) as at:
        sql = "SELECT rowid FROM blobs WHERE CAST(content AS TEXT) LIKE '%long%'"
        named = at.db.execute(sql).fetchall()
        assert len(named) == 1
        for row in at.rows("blobs"):
            for column in BLOB_COLUMNS:
                async for fault in at.faults("blobs", column, row):
                    assert fault is not None, (row, column)
                    assert fault.kind in {"blob_changed", "blob_missing"}, fault
                    if (row,) in named:
                        assert (fault.run_id, fault.seq) == ("fork", 5), (column, fault)


async def test_of_what_an_act_allows(tmp_path: Path) -> None:
    """An erased event needs its act. Who and why stand under no hash: that is not promised."""
    async with site(tmp_path) as at:
        for row in at.rows("acts"):
            for column in ("run_no", "seq"):
                async for fault in at.faults("acts", column, row):
                    assert fault is not None, column
                    assert (fault.run_id, fault.seq) == ("run-1", 3), fault


async def test_of_the_workspaces_id(tmp_path: Path) -> None:
    async with site(tmp_path) as at:
        workspace_id = (await at.store.checkpoint()).workspace_id
        for flipped in flips(workspace_id.encode()):
            at.db.execute("UPDATE workspace SET workspace_id = CAST(? AS TEXT)", (flipped,))
            fault = (await at.store.verify()).fault
            assert fault is not None
            assert (fault.run_id, fault.seq) == ("run-1", 1)
        at.db.execute("UPDATE workspace SET workspace_id = ?", (workspace_id,))


@pytest.mark.parametrize("events", [0, 1, 10])
async def test_of_the_sidecar(tmp_path: Path, events: int) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        log = LogBuilder()
        for nth in range(events):
            await put(store, log, log.operate() if nth else log.create())
    sidecar = tmp_path / "quarterdeck.db.head"
    sound = sidecar.read_bytes()
    assert sound.split()[1] == b"%d" % events
    async with opened(path) as store:
        for flipped in flips(sound.removesuffix(b"\n")):
            assert isinstance(flipped, bytes)
            sidecar.write_bytes(flipped + b"\n")
            fault = (await store.verify()).fault
            assert fault is not None, flipped
            assert fault.kind == "rewound"
            if flipped[-1] != sound[-2]:
                with pytest.raises(StoreRewoundError):
                    await SqliteStore.open(path)
        sidecar.write_bytes(sound)
        assert (await store.verify()).ok
    async with opened(path) as store:
        assert (await store.checkpoint()).position == events
