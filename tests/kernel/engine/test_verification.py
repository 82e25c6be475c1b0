"""Verifying rows against the fold, rebuilding them, and erasing for good."""

from collections.abc import Sequence
from pathlib import Path

import aiosqlite
import pytest

from quarterdeck_kernel import EventStore, Journal, rebuild, state_at, verify
from quarterdeck_kernel.engine import erasure, verification
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.errors import LeaseHeldError, NotFoundError, StoreCorruptError
from quarterdeck_kernel.events.envelope import Draft, Stamp, seal
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.store.batch import Batch, Driver, Head
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.store.sqlite.stored_rows import path_of
from quarterdeck_kernel.store.verdict import Fault, Sound
from quarterdeck_kernel.vocabulary.limits import SNAPSHOT_EVERY
from quarterdeck_kernel.vocabulary.rows import FleetRow, ProjectionRows
from quarterdeck_kernel.vocabulary.words import NeedRank
from tests.kernel.engine.acts import (
    ADA,
    approval,
    completed,
    driven,
    pause,
    requested,
    said,
    unknown,
    write,
)


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


def wrong(name: str, value: str) -> str:
    """Return the statement that puts something else into all rows of the fleet."""
    place = path_of(FleetRow, name)
    sql = "UPDATE runs SET fleet = json_set(fleet, 'PLACE', VALUE) WHERE TRUE"
    return sql.replace("PLACE", place).replace("VALUE", value)


@pytest.mark.parametrize(
    ("part", "sql"),
    [
        ("damaged", wrong("cost_micros", "1")),
        ("fleet", wrong("turn", "7")),
        ("damaged", "UPDATE runs SET rank = 8"),
        ("damaged", "UPDATE runs SET sort_us = 1"),
        ("damaged", "UPDATE runs SET cost_micros = 1"),
        ("damaged", wrong("head_seq", "seq - 1")),
        ("damaged", "UPDATE runs SET fleet = '{'"),
        ("damaged", "UPDATE runs SET rank = 99"),
        ("damaged", "UPDATE inbox SET item = '{'"),
        ("inbox_opened", "DELETE FROM inbox"),
        ("damaged", "UPDATE inbox SET since_us = 1"),
        ("damaged", "UPDATE inbox SET deadline_us = 1"),
        ("damaged", "UPDATE inbox SET tenant = 'other'"),
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
        sql = wrong("turn", "7") + " AND run_id = 'RUN'"
        sql = sql.replace("RUN", run_id)
        await damage(database(tmp_path), sql)
        fault = (await verify(store)).fault
        assert fault is not None
        assert (fault.kind, fault.run_id) == ("projection_differs", run_id)
        await damage(database(tmp_path), sql.replace("7", "0"))


async def test_of_many_runs_under_way_at_once_few_are_held_and_all_are_compared(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals = [await driven(store, f"run-{n:02}") for n in range(20)]
    for step in ("one", "two"):
        for journal in journals:
            await write(journal, requested(step))
    held: list[int] = []
    compared: list[str] = []
    follow, difference = verification._Comparison.follow, verification._difference

    async def followed(self: verification._Comparison, sound: Sequence[Sound]) -> None:
        await follow(self, sound)
        held.append(len(self._folds))

    async def comparing(
        store: EventStore, run_id: str, again: verification._Refold | None
    ) -> Fault | None:
        compared.append(run_id)
        return await difference(store, run_id, again)

    monkeypatch.setattr(verification._Comparison, "follow", followed)
    monkeypatch.setattr(verification, "_difference", comparing)
    monkeypatch.setattr(verification, "_HELD_EVENTS", 6 * (verification._HELD_RUN + 4))
    assert (await verify(store)).ok
    assert sorted(compared) == [journal.run_id for journal in journals]
    assert 3 < max(held) < 7
    for run_id in ("run-00", "run-07", "run-19"):
        turn = wrong("turn", "99") + " AND run_id = 'RUN'"
        turn = turn.replace("RUN", run_id)
        await damage(database(tmp_path), turn)
        fault = (await verify(store)).fault
        assert fault is not None
        assert (fault.kind, fault.run_id) == ("projection_differs", run_id)
        await damage(database(tmp_path), turn.replace("99", "0"))


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


LOST = "UPDATE snapshots SET state = json_set(state, '$.unknowns', json('{}'))"
BROKEN = "UPDATE snapshots SET state = '{'"


@pytest.mark.parametrize("damaged", [LOST, BROKEN])
async def test_a_snapshot_that_does_not_follow_is_found(
    store: EventStore, tmp_path: Path, damaged: str
) -> None:
    journal = await busy(store)
    for n in range(SNAPSHOT_EVERY):
        await write(journal, said(f"{n}"))
    head = journal.state.head_hash
    fork = RunForked(
        parent_run_id="run", parent_seq=journal.state.head_seq, parent_hash=head, changes=None
    )
    await Journal.fork(store, fork, actor=ADA, run_id="fork")
    assert (await verify(store)).ok
    await damage(database(tmp_path), damaged)
    for run_id in ("run", "fork"):
        verdict = await verify(store, run_id)
        assert verdict.fault is not None
        assert verdict.fault.run_id == "run"
        assert "snapshot of #" in verdict.fault.message
    if damaged == BROKEN:
        assert await state_at(store, "run") == journal.state, "what cannot be read is not used"
    await rebuild(store, "run")
    assert (await verify(store)).ok
    assert await state_at(store, "run") == journal.state


async def test_rows_of_a_newer_version_are_no_fault(store: EventStore) -> None:
    journal = await busy(store)
    head = Head(
        run_id="run",
        seq=journal.state.head_seq,
        hash=bytes.fromhex(journal.state.head_hash),
    )
    dreamt = Draft.of(said("x"))._replace(facts={"kind": "dreamt"}, text="{}", data=b"{}")
    stamp = Stamp("run", "acme", ADA, 1, "event", epoch=1)
    record = seal(dreamt, stamp, seq=head.seq + 1, prev=head.hash)
    fleet = fleet_row(journal.state)._replace(head_seq=record.seq, waits_for="a dream")
    batch = Batch(
        run_id="run",
        expected=head,
        authority=Driver(epoch=1),
        records=(record,),
        rows=ProjectionRows(fleet=fleet),
    )
    await store.append(batch)
    assert (await state_at(store, "run")).read_only is not None
    assert (await verify(store)).fault is None


async def test_a_step_asked_for_more_than_once_is_no_fault(store: EventStore) -> None:
    journal = await driven(store)
    bound = {"step_key": "one", "tool": "pay", "digest": "d" * 64}
    await write(journal, pause("p1").model_copy(update=bound))
    await write(journal, approval("p1").model_copy(update={"digest": "d" * 64}))
    call = requested("one").model_copy(update={"pause_id": "p1"})
    intent = await write(journal, call)
    nothing_happened = {"outcome": "transient_error", "result": None}
    await write(journal, completed(intent).model_copy(update=nothing_happened))
    await write(journal, requested("one").model_copy(update={"attempt": 2}))
    assert (await verify(store)).fault is None
    stored = (await store.projections("run")).steps
    assert [(step.requested_seq, step.completed_seq) for step in stored] == [
        (intent - 2, intent - 1),
        (intent, intent + 1),
        (intent + 2, None),
    ]
    await rebuild(store, "run")
    assert (await store.projections("run")).steps == stored


DRIVEN = "UPDATE runs SET fleet = '{'"
ADRIFT = "UPDATE runs SET fleet = '{', rank = RUNNING".replace(
    "RUNNING", str(int(NeedRank.RUNNING))
)


@pytest.mark.parametrize(
    "sql",
    [
        DRIVEN,
        ADRIFT,
        "UPDATE runs SET fleet = 'null'",
        "UPDATE runs SET fleet = '{}'",
        "UPDATE runs SET fleet = '[]'",
        "UPDATE runs SET fleet = ''",
        "UPDATE runs SET fleet = replace(fleet, ']', '],[]')",
        "UPDATE runs SET fleet = replace(fleet, ']', ',null]')",
        "UPDATE runs SET fleet = json_remove(fleet, '$[3]')",
        wrong("person", "7"),
        wrong("person", "json('\"\\udc00\"')"),
        wrong("turn", "NULL"),
        wrong("turn", "1.5"),
        wrong("turn", "json('true')"),
        wrong("mode", "'sink'"),
        wrong("need", "'none'"),
        wrong("need", "json('[1]')"),
        wrong("rank", "10"),
        "UPDATE inbox SET item = '{'",
        "UPDATE inbox SET item = json_set(item, '$[2]', 'matter')",
        "UPDATE inbox SET item = json_set(item, '$[9]', 'grave')",
    ],
)
async def test_rows_that_cannot_be_read_are_an_error_of_ours(
    store: EventStore, tmp_path: Path, sql: str
) -> None:
    journal = await busy(store)
    if sql == ADRIFT:
        await journal.release()
    await damage(database(tmp_path), sql)
    with pytest.raises(StoreCorruptError, match="`rebuild` makes it anew"):
        await (store.fleet() if "runs" in sql else store.inbox())


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


async def test_a_driven_fork_keeps_what_it_shares_from_being_erased(
    store: EventStore, tmp_path: Path
) -> None:
    parent = await driven(store, objective="settle the invoice of Mr Smith")
    await parent.release()
    first = (await store.read("run", until=1))[0].hash.hex()
    fork = RunForked(parent_run_id="run", parent_seq=1, parent_hash=first, changes=None)
    journal = await Journal.fork(store, fork, actor=ADA, run_id="fork")
    await journal.claim()
    other = await SqliteStore.open(database(tmp_path))
    with pytest.raises(LeaseHeldError):
        await erase(other, "run", 1, actor=ADA, reason="asked for")
    await journal.release()
    await erase(other, "run", 1, actor=ADA, reason="asked for")
    await other.close()
    assert {row.objective for row in (await store.fleet()).rows} == {""}


async def test_an_erasure_that_asks_no_fork_leaves_there_what_is_erased(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant: the rows of a fork repeat what stands in the events it shares."""
    parent = await driven(store, objective="settle the invoice of Mr Smith")
    await parent.release()
    first = (await store.read("run", until=1))[0].hash.hex()
    fork = RunForked(parent_run_id="run", parent_seq=1, parent_hash=first, changes=None)
    await Journal.fork(store, fork, actor=ADA, run_id="fork")

    async def none(*_: object) -> list[str]:
        return []

    monkeypatch.setattr(erasure, "forks_of", none)
    await erase(store, "run", 1, actor=ADA, reason="asked for")
    assert any("Smith" in row.objective for row in (await store.fleet()).rows)


async def test_erasing_goes_on_though_somebody_speaks(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await busy(store)
    await journal.release()
    operator = await Journal.load(store, "run")
    words = iter(["one", "two"])
    replace = store.rebuild

    async def interrupted(run_id: str, rows: ProjectionRows, expected: Head) -> None:
        if (word := next(words, None)) is not None:
            await write(operator, said(word))
        await replace(run_id, rows, expected)

    monkeypatch.setattr(store, "rebuild", interrupted)
    await erase(store, "run", 1, actor=ADA, reason="asked for")
    assert (await store.fleet()).rows[0].objective == ""
    assert (await verify(store)).ok


async def test_erasing_what_is_not_there_is_an_error(store: EventStore) -> None:
    journal = await driven(store)
    await write(journal, pause("p1"))
    await journal.release()
    with pytest.raises(NotFoundError):
        await erase(store, "run", 99, actor=ADA, reason="asked for")
