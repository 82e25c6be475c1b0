"""Verifying rows against the fold, rebuilding them, and erasing for good."""

from pathlib import Path

import aiosqlite
import pytest

from quarterdeck_kernel import EventStore, Journal, rebuild, state_at, verify
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.errors import LeaseHeldError, NotFoundError
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from tests.kernel.engine.acts import ADA, completed, driven, pause, requested, unknown, write


async def busy(store: EventStore) -> Journal:
    journal = await driven(store, objective="settle the invoice of Mr Smith")
    intent = await write(journal, requested("one", {"to": "Mr Smith"}))
    await write(journal, completed(intent))
    intent = await write(journal, requested("two"), requested("three"))
    await write(journal, unknown(intent))
    await write(journal, completed(intent - 1))
    return journal


async def damage(path: Path, sql: str) -> None:
    async with aiosqlite.connect(path) as db:
        await db.executescript(sql)
        await db.commit()


def database(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "quarterdeck.db"


@pytest.mark.parametrize(
    ("part", "sql"),
    [
        ("fleet", "UPDATE runs SET fleet = json_set(fleet, '$.cost_micros', 1)"),
        ("inbox_opened", "DELETE FROM inbox"),
        ("steps", "UPDATE steps SET completed_seq = NULL WHERE step_key = 'one'"),
    ],
)
async def test_rows_that_do_not_follow_are_found_and_made_anew(
    store: EventStore, tmp_path: Path, part: str, sql: str
) -> None:
    await busy(store)
    assert (await verify(store)).ok
    await damage(database(tmp_path), sql)
    for verdict in (await verify(store), await verify(store, "run")):
        assert verdict.fault is not None
        assert verdict.fault.kind == "projection_differs"
        assert part in verdict.fault.message
    await rebuild(store, "run")
    assert (await verify(store)).ok


async def test_each_run_is_compared_a_fork_too(store: EventStore, tmp_path: Path) -> None:
    parent = await busy(store)
    parent_hash = (await store.run("run")).head.hash.hex()
    forked = RunForked(
        parent_run_id="run", parent_seq=parent.state.head_seq, parent_hash=parent_hash, changes=None
    )
    await Journal.fork(store, forked, actor=ADA, run_id="fork")
    other = await driven(store, "other")
    await write(parent, pause("p1"))
    await write(other, requested("one"))
    assert (await verify(store)).ok
    for run_id in ("run", "other", "fork"):
        sql = "UPDATE runs SET fleet = json_set(fleet, '$.turn', 7) WHERE run_id = 'RUN'"
        sql = sql.replace("RUN", run_id)
        await damage(database(tmp_path), sql)
        fault = (await verify(store)).fault
        assert fault is not None
        assert (fault.kind, fault.run_id) == ("projection_differs", run_id)
        await damage(database(tmp_path), sql.replace("7", "0"))


async def test_a_wrong_hash_is_told_before_rows_that_cannot_be_read(
    store: EventStore, tmp_path: Path
) -> None:
    await busy(store)
    await damage(
        database(tmp_path),
        "UPDATE runs SET fleet = '{}'; DROP TRIGGER events_are_not_updated;"
        "UPDATE events SET link = x'00' WHERE pos = 2",
    )
    fault = (await verify(store)).fault
    assert fault is not None
    assert fault.kind == "changed"


async def test_progress_is_told(store: EventStore) -> None:
    await busy(store)
    told: list[tuple[int, int]] = []
    verdict = await verify(store, progress=lambda now: told.append((now.events, now.of)))
    assert told[-1] == (verdict.events, verdict.events)


async def test_what_is_erased_is_nowhere_any_more(tmp_path: Path) -> None:
    path = database(tmp_path)
    store = await SqliteStore.open(path)
    journal = await busy(store)
    await journal.release()
    for seq in (1, 3):
        await erase(store, "run", seq, actor=ADA, reason="asked for")
    verdict = await verify(store)
    assert verdict.ok
    assert verdict.erased == (("run", 1), ("run", 3))
    assert (await store.fleet()).rows[0].objective == ""
    state = await state_at(store, "run")
    assert state.unknowns
    await store.close()
    left = b"".join(file.read_bytes() for file in sorted(path.parent.glob("quarterdeck.db*")))
    assert b"Smith" not in left


async def test_a_driven_run_is_not_erased_under_its_driver(
    store: EventStore, tmp_path: Path
) -> None:
    await busy(store)
    other = await SqliteStore.open(database(tmp_path))
    with pytest.raises(LeaseHeldError):
        await erase(other, "run", 1, actor=ADA, reason="asked for")
    await other.close()
    assert (await verify(store)).erased == ()


async def test_erasing_what_is_not_there_is_an_error(store: EventStore) -> None:
    journal = await driven(store)
    await write(journal, pause("p1"))
    await journal.release()
    with pytest.raises(NotFoundError):
        await erase(store, "run", 99, actor=ADA, reason="asked for")
