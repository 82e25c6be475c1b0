"""The quiet work: checkpoints by one at a time, the sidecar, backups, and what a crowd leaves."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import StoreMissingError, StoreUnwritableError
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.sqlite import connection, maintenance
from quarterdeck_kernel.store.sqlite.folder import LockFile
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.crash import recorded_points
from quarterdeck_kernel.testing.logs import ADA, LogBuilder, say
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import begun, opened, put, raw


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def names_in(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def noted(path: Path) -> Checkpoint | None:
    sidecar = path.with_name(path.name + ".head")
    return Checkpoint.parse(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else None


async def append_big(store: SqliteStore, log: LogBuilder, times: int = 10) -> None:
    for nth in range(times):
        await put(store, log, log.operate(say("x" * 50_000, key=f"{nth}")))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in a thread, or on the disk, and tells nobody."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


async def worked(store: SqliteStore, names: list[str], point: str) -> None:
    """Wait until the quiet work has come past a point."""
    upkeep = store._upkeep
    assert upkeep is not None
    await until(lambda: point in names and not upkeep._committed.is_set())


def resting(store: SqliteStore) -> Callable[[], bool]:
    """Return what tells whether the quiet work has seen to all that was committed."""
    upkeep, looks = store._upkeep, list[str]()
    assert upkeep is not None
    look = upkeep._look

    async def counted() -> None:
        looks.append("begun")
        await look()
        looks.append("ended")

    upkeep._look = counted  # type: ignore[method-assign]
    return lambda: not upkeep._committed.is_set() and len(looks) % 2 == 0


# -- checkpoints


async def test_no_connection_checkpoints_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        for db in (store._parts.write_db, store._parts.read_db):
            rows = await db.execute_fetchall("PRAGMA wal_autocheckpoint")
            assert next(iter(rows))[0] == 0
        before = size(path)
        await append_big(store, await begun(store), times=100)
        assert size(wal(path)) > 5_000_000
        assert size(path) == before


async def test_a_long_log_is_brought_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever made it long, once it is; and it does not grow on then."""
    monkeypatch.setattr(maintenance, "_LOOK_EVERY_S", 0)
    monkeypatch.setattr(maintenance, "_ENOUGH_BYTES", 400_000)
    path = tmp_path / "quarterdeck.db"
    with recorded_points() as names:
        async with opened(path) as store:
            log = await begun(store)
            await worked(store, names, "store.sidecar.after")
            assert "store.checkpoint.before" not in names
            await append_big(store, log)
            await worked(store, names, "store.checkpoint.after")
            assert size(path) > 400_000
            at_rest = resting(store)
            for _ in range(8):
                await append_big(store, log)
                # Until then it may have seen a part of them, and the log is not begun anew.
                await until(at_rest)
            assert size(wal(path)) < 3_100_000


async def test_far_too_long_a_log_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When appends never pause, only waiting for the readers lets it start from the front."""
    monkeypatch.setattr(maintenance, "_TOO_MANY_BYTES", 400_000)
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        log = await begun(store)
        await append_big(store, log)
        assert store._upkeep is not None
        full = size(wal(path))
        await store._upkeep._look()
        await append_big(store, log, times=1)
        assert size(wal(path)) == full, "the log was not written over from its beginning"


async def test_only_one_checkpoints_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        await append_big(store, await begun(store))
        before = size(path)
        other = LockFile(tmp_path / "locks" / "maintenance.lock")
        assert other.acquire()
        assert store._upkeep is not None
        await store._upkeep.flush_log("PASSIVE")
        assert size(path) == before
        other.release()
        await store._upkeep.flush_log("PASSIVE")
        assert size(path) > before
        assert other.acquire(), "the lock is held for the checkpoint only"
        other.release()


async def test_a_checkpoint_that_is_cancelled_before_it_begins_takes_no_lock(
    tmp_path: Path,
) -> None:
    path = tmp_path / "quarterdeck.db"
    threads = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    async with opened(path) as store:
        assert store._upkeep is not None
        gate = threading.Event()
        busy = threads.submit(gate.wait, 30)
        await until(busy.running)
        late = asyncio.create_task(store._upkeep.flush_log("PASSIVE"))
        await until(lambda: threads._work_queue.qsize() > 0)
        late.cancel()
        await asyncio.wait([late])
        assert not (tmp_path / "locks" / "maintenance.lock").exists(), "there is none to forget"
        gate.set()


async def checkpoint_often(path: Path, pipe: Connection) -> None:
    """Checkpoint as often as possible; say whenever the lock was somebody else's."""
    async with opened(path) as store:
        assert store._upkeep is not None
        log = await begun(store, pipe.recv())
        for _ in range(25):
            await put(store, log, log.operate())
            await store._upkeep.flush_log("PASSIVE")
        pipe.send((await store.verify()).ok)


def test_processes_that_checkpoint_all_the_time(tmp_path: Path) -> None:
    children = [Child(partial(checkpoint_often, tmp_path / "quarterdeck.db")) for _ in range(3)]
    for nth, child in enumerate(children):
        child.say(f"run-{nth}")
    for child in children:
        with child:
            assert child.hear() is True


async def test_what_is_erased_is_gone_from_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another that checkpoints just then is waited for."""
    path = tmp_path / "quarterdeck.db"
    content = "the combination is 4711"
    async with opened(path) as store:
        log = await begun(store)
        await put(store, log, log.operate(say(content)))
        ref = await store.put_blob("acme", content.encode())
        assert content.encode() in wal(path).read_bytes()
        monkeypatch.setattr(connection, "BUSY_MS", 10_000)
        other = LockFile(tmp_path / "locks" / "maintenance.lock")
        assert other.acquire()
        refused: list[LockFile] = []
        acquire = LockFile.acquire

        def looked_at(lock: LockFile) -> bool:
            taken = acquire(lock)
            if not taken:
                refused.append(lock)
            return taken

        monkeypatch.setattr(LockFile, "acquire", looked_at)
        erasing = asyncio.create_task(store.erase("run-1", 2, actor=ADA, reason="asked to"))
        await until(lambda: bool(refused))
        other.release()
        await erasing
        assert await store.blob(ref), "a blob that the event does not name stays"
        assert size(wal(path)) == 0
        assert content.encode() not in path.read_bytes().replace(content.encode(), b"", 1)


# -- the sidecar


async def test_the_sidecar_follows_the_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_LOOK_EVERY_S", 0)
    path = tmp_path / "quarterdeck.db"
    with recorded_points() as names:
        async with opened(path) as store:
            assert noted(path) is None
            log = await begun(store)
            await worked(store, names, "store.sidecar.after")
            assert noted(path) == await store.checkpoint()
            names.clear()
            await put(store, log, log.operate())
            await worked(store, names, "store.sidecar.after")
            assert noted(path) == await store.checkpoint()
    assert names_in(tmp_path) == {"quarterdeck.db", "quarterdeck.db.head", "locks"}


async def test_the_sidecar_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        log = await begun(store)
        await put(store, log, log.operate())
        last = await store.checkpoint()
    assert noted(path) == last


async def test_trouble_with_the_sidecar_is_not_the_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be written: the appends go on, and so does the quiet work."""
    monkeypatch.setattr(maintenance, "_LOOK_EVERY_S", 0)
    path = tmp_path / "quarterdeck.db"
    async with opened(path) as store:
        (tmp_path / "quarterdeck.db.head").mkdir()
        log = await begun(store)
        for _ in range(20):
            await put(store, log, log.operate())
        assert store._upkeep is not None
        assert not store._upkeep._task.done()
        (tmp_path / "quarterdeck.db.head").rmdir()
    assert noted(path) is not None


# -- backups


async def test_a_backup_while_it_is_appended_to(tmp_path: Path) -> None:
    """Each is of one moment: it opens, verifies, and is a part of what went on."""
    path = tmp_path / "quarterdeck.db"
    done = asyncio.Event()
    async with opened(path) as store:

        async def append(run_id: str) -> None:
            log = await begun(store, run_id)
            while not done.is_set():
                await append_big(store, log, times=1)

        tasks = [asyncio.create_task(append(f"run-{n}")) for n in range(4)]
        copies = [tmp_path / f"copy-{n}" / "backup.db" for n in range(5)]
        for copy in copies:
            copy.parent.mkdir(mode=0o700)
            await store.backup(copy)
        done.set()
        await asyncio.gather(*tasks)
        whole = [record for _, record in await store.read_workspace()]
        lengths = []
        for copy in copies:
            assert copy.stat().st_mode & 0o777 == 0o600
            async with opened(copy) as backup:
                verdict = await backup.verify()
                assert verdict.ok, verdict.fault
                part = [record for _, record in await backup.read_workspace()]
                assert part == whole[: len(part)]
                lengths.append(len(part))
        assert lengths == sorted(lengths)


async def test_a_backup_needs_a_place_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        await begun(store)
        taken = tmp_path / "taken"
        taken.write_text("dear diary", encoding="utf-8")
        with pytest.raises(StoreUnwritableError, match="does not"):
            await store.backup(taken)
        with pytest.raises(StoreMissingError, match="create it"):
            await store.backup(tmp_path / "nowhere" / "backup.db")
        assert taken.read_text(encoding="utf-8") == "dear diary"


async def test_a_cancelled_backup_is_whole_or_not_there(tmp_path: Path) -> None:
    async with opened(tmp_path / "quarterdeck.db") as store:
        await append_big(store, await begun(store))
        for turns in range(4):
            target = tmp_path / f"{turns}" / "backup.db"
            target.parent.mkdir(mode=0o700)
            task = asyncio.create_task(store.backup(target))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    for turns in range(4):
        target = tmp_path / f"{turns}" / "backup.db"
        if size(target):
            with raw(target) as db:
                assert db.execute("SELECT count(*) FROM events").fetchone() == (11,)


async def test_durability_is_what_was_promised(tmp_path: Path) -> None:
    """FULL: under NORMAL a power cut can lose what was acknowledged."""
    async with opened(tmp_path / "quarterdeck.db") as store:
        for pragma, expected in (("synchronous", 2), ("journal_mode", "wal"), ("secure_delete", 1)):
            rows = await store._parts.write_db.execute_fetchall(f"PRAGMA {pragma}")
            assert next(iter(rows))[0] == expected
        assert sqlite3.sqlite_version_info >= (3, 37)
