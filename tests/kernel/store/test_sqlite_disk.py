"""The disk says no: full, at a limit, damaged, locked. Each is told apart, and none is the end."""

import asyncio
import os
import resource
import sqlite3
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreDiskError,
    StoreForeignError,
    StoreFullError,
    StoreMissingError,
    StoreRewoundError,
)
from quarterdeck_kernel.store.batch import AccountMove, Batch
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.sqlite import connection
from quarterdeck_kernel.store.sqlite.folder import LockFile
from quarterdeck_kernel.store.sqlite.standing import Standing
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.logs import Beside, LogBuilder, say
from quarterdeck_kernel.vocabulary.rows import StepRow
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import begun, opened, put, raw, small_log

BIG = "x" * 20_000


def large(log: LogBuilder) -> Batch:
    """Three large events that move everything beside the log."""
    seq = (log.head.seq if log.head else 0) + 1
    beside = Beside(
        opened=(log.item(f"item-{seq}"),),
        steps=(StepRow(step_key=f"step-{seq}", requested_seq=seq),),
        moves=(AccountMove(account="till", spend=1),),
    )
    return log.operate(*(say(BIG, key=f"{seq}-{n}") for n in range(3)), beside=beside)


async def fill(store: SqliteStore, log: LogBuilder) -> None:
    """Append until there is no room; what was refused has left nothing behind."""
    stored = 0

    async def append_on() -> None:
        nonlocal stored
        for _ in range(1_000):
            await put(store, log, large(log))
            stored += 1

    with pytest.raises((StoreFullError, StoreDiskError), match="nothing was written by halves"):
        await append_on()
    assert await store.read(log.run_id, limit=1_000) == log.records
    assert (await store.account("till")).spent == stored
    rows = await store.projections(log.run_id)
    assert (len(rows.inbox_opened), len(rows.steps)) == (stored, stored)
    assert (await store.verify()).ok


async def goes_on(store: SqliteStore, log: LogBuilder) -> None:
    await put(store, log, large(log))
    await put(store, log, log.operate())
    assert (await store.read(log.run_id, limit=1_000))[-1] == log.records[-1]
    assert (await store.verify()).ok


async def limit_pages(store: SqliteStore, more: int | None) -> None:
    rows = await store._parts.write_db.execute_fetchall("PRAGMA page_count")
    pages = next(iter(rows))[0] + more if more is not None else 2**30
    await store._parts.write_db.execute_fetchall(f"PRAGMA max_page_count = {pages}")


async def test_a_full_file(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        log = await begun(store)
        await limit_pages(store, 40)
        await fill(store, log)
        await limit_pages(store, None)
        await goes_on(store, log)


async def test_a_full_file_fails_what_else_writes(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        log = await begun(store)
        head = log.at()
        await limit_pages(store, 0)
        snapshot = Snapshot(run_id="run-1", seq=1, hash=head.hash, fold_version=1, state=BIG)
        with pytest.raises(StoreFullError):
            await store.put_blob("acme", BIG.encode())
        with pytest.raises(StoreFullError):
            await store.put_snapshot(snapshot)
        assert await store.snapshot("run-1", fold_version=1) is None
        await limit_pages(store, None)
        await store.put_snapshot(snapshot)
        assert await store.blob(await store.put_blob("acme", BIG.encode())) == BIG.encode()


async def test_a_full_file_closes_all_the_same(tmp_path: Path) -> None:
    """Not even the leases can be given back, but the lock file tells that nobody is there."""
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        log = await begun(store)
        await store.claim("run-1")
        await limit_pages(store, 0)
        await store._parts.write_db.execute_fetchall("PRAGMA query_only = ON")
        await store.close()
    async with opened(path) as store:
        status = await store.lease("run-1")
        assert not status.live
        await store.claim("run-1")
        await goes_on(store, log)


async def append_at_a_limit(path: Path, pipe: Connection) -> None:
    """Python ignores SIGXFSZ, so that a write beyond the limit fails and does not kill."""
    async with opened(path) as store:
        log = await begun(store)
        wal = path.with_name(path.name + "-wal")
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 300_000, hard))
        await fill(store, log)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await goes_on(store, log)
        pipe.send("went on")


def test_a_limit_of_file_size(tmp_path: Path) -> None:
    with Child(partial(append_at_a_limit, tmp_path / "quarterdeck.db")) as child:
        assert child.hear() == "went on"


async def back_up_at_a_limit(path: Path, pipe: Connection) -> None:
    async with opened(path) as store:
        log = await begun(store)
        for _ in range(10):
            await put(store, log, large(log))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        target = path.with_name("backup.db")
        with pytest.raises((StoreFullError, StoreDiskError)):
            await store.backup(target)
        pipe.send(target.exists())
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await store.backup(target)
        pipe.send(target.exists())


def test_half_a_backup_is_none(tmp_path: Path) -> None:
    with Child(partial(back_up_at_a_limit, tmp_path / "quarterdeck.db")) as child:
        assert [child.hear(), child.hear()] == [False, True]


# -- locked


async def test_a_file_locked_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 1)
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        log = await begun(store)
        with raw(path) as db:
            db.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreBusyError, match="locked"):
                await store.append(log.operate())
            assert await store.read("run-1") == log.records
            db.execute("ROLLBACK")
        await put(store, log, log.operate())
    with raw(path) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError, match="locked"):
            await SqliteStore.open(path)


async def test_an_opening_that_hangs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 30)
    path = tmp_path / "quarterdeck.db"
    async with opened(path):
        pass
    setup = LockFile(tmp_path / "locks" / "setup.lock")
    assert setup.acquire()
    with pytest.raises(StoreBusyError, match="end that process"):
        await SqliteStore.open(path)
    setup.release()
    async with opened(path) as store:
        assert (await store.verify()).ok


# -- damaged


def page_of(path: Path, name: str) -> slice:
    """Where the first page of a table or index lies in the file."""
    with raw(path) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        if name == "sqlite_schema":
            # The file begins with what says that this is a database at all.
            return slice(100, size)
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (number,) = db.execute(sql, (name,)).fetchone()
        return slice((number - 1) * size, number * size)


@pytest.mark.parametrize("garbage", [b"\xff", b"\0"])
@pytest.mark.parametrize("name", ["sqlite_schema", "workspace", "runs", "events", "events_by_run"])
async def test_a_damaged_page(tmp_path: Path, name: str, garbage: bytes) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
    data = bytearray(path.read_bytes())
    place = page_of(path, name)
    data[place] = garbage * len(data[place])
    path.write_bytes(data)
    found: list[object] = []
    try:
        async with opened(path) as store:
            found += [(await store.verify()).fault, (await store.verify("run-1")).fault]
    except (StoreCorruptError, StoreRewoundError) as error:
        found.append(error)
    assert any(found)


async def test_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await small_log(store)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreCorruptError, match="backup"):
        async with opened(path) as store:
            await store.verify()


async def test_no_database_at_all(tmp_path: Path) -> None:
    """Another program's file is refused before anything in it is touched."""
    text = tmp_path / "quarterdeck.notes"
    text.write_text("dear diary\n" * 100, encoding="utf-8")
    foreign = tmp_path / "quarterdeck.foreign"
    with raw(foreign) as db:
        db.execute("CREATE TABLE diary (entry TEXT)")
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(StoreForeignError, match="another file"):
            await SqliteStore.open(path)
        assert path.read_bytes() == before
    with raw(foreign) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_driver_error_that_nobody_knows() -> None:
    """Whatever else SQLite says is still an error of ours, with its words in it."""

    async def fail() -> None:
        store = await SqliteStore.open(":memory:")
        try:
            with pytest.raises(Exception, match="no such table") as raised:
                await store.reader.fetch_text("SELECT * FROM nowhere", {})
            assert type(raised.value).__name__ == "StoreError"
            assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
        finally:
            await store.close()

    asyncio.run(fail())


async def _taken_away(database: Path, *, replaced: bool) -> None:
    """Take the file of an open store away, or put another in its place: both are told."""
    async with opened(database) as store:
        log = await begun(store)
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
        if replaced:
            database.touch()
        with pytest.raises(StoreMissingError, match="removed or replaced while it was open"):
            await store.append(log.operate(say("lost")))
        with pytest.raises(StoreMissingError):
            await store.claim(log.run_id)
        with pytest.raises(StoreMissingError):
            await store.checkpoint()
    left = {file.name: file.stat().st_size for file in database.parent.glob(f"{database.name}*")}
    assert left == ({database.name: 0} if replaced else {}), "and nothing is left behind"


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_database_that_was_taken_away_takes_nothing_any_more(
    tmp_path: Path, *, replaced: bool
) -> None:
    await _taken_away(tmp_path / "quarterdeck.db", replaced=replaced)


async def test_a_store_that_does_not_look_for_its_file_would_be_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Standing, "check", lambda _: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await _taken_away(tmp_path / "quarterdeck.db", replaced=False)
