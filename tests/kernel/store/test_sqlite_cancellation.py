"""Cancelled at any moment: an append is wholly there or wholly not, and the next one works."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import InvalidError, StoreClosedError
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from quarterdeck_kernel.testing.logs import LogBuilder, say
from tests.crash.killer import RUNS, full_batch, taken_up
from tests.kernel.store.sqlite_files import begun, driven, opened, put


@pytest.fixture(params=["memory", "disk"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SqliteStore]:
    path = ":memory:" if request.param == "memory" else tmp_path / "quarterdeck.db"
    async with asyncio.timeout(60), opened(path) as store:  # type: ignore[arg-type]
        yield store


async def drive_until_cancelled(
    store: SqliteStore, log: LogBuilder, lease: Lease, rng: random.Random
) -> Batch | None:
    """Append, and be cancelled somewhere in it; return what then stands in doubt."""
    while True:
        batch = full_batch(log, lease, rng.randint(1, 4))
        try:
            await store.append(batch)
        except asyncio.CancelledError:
            return batch
        log.accept(batch)


async def steps(rng: random.Random) -> None:
    """Let the others come a random way: some turns of the loop."""
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 50))):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(10))
async def test_cancelled_anywhere(store: SqliteStore, seed: int) -> None:
    rng = random.Random(seed)
    logs = {run_id: await taken_up(store, run_id) for run_id in RUNS}
    for log in logs.values():
        log.items = {row.item_id: row for row in (await store.projections(log.run_id)).inbox_opened}
    leases = {run_id: await store.claim(run_id) for run_id in RUNS}
    for _round in range(8):
        drivers = {
            run_id: asyncio.create_task(drive_until_cancelled(store, log, leases[run_id], rng))
            for run_id, log in logs.items()
        }
        for run_id in rng.sample(RUNS, len(RUNS)):
            await steps(rng)
            for _ in range(rng.choice((1, 1, 2, 3))):
                drivers[run_id].cancel()
        for run_id, task in drivers.items():
            doubtful, head = (await asyncio.gather(task, return_exceptions=True))[0], None
            head = (await store.run(run_id)).head
            if isinstance(doubtful, Batch) and head == doubtful.head:
                logs[run_id].accept(doubtful)
            assert head == logs[run_id].head, f"seed {seed}: something between"
            rows = await store.projections(run_id)
            assert [row.item_id for row in rows.inbox_opened] == [f"item-{head.seq}"]
            assert max((row.requested_seq for row in rows.steps), default=1) == head.seq
    verdict = await store.verify()
    assert verdict.ok, verdict.fault
    assert (await store.account("tenant:acme/events")).spent == verdict.events
    for run_id, log in logs.items():
        await put(store, log, full_batch(log, leases[run_id], 1))


async def test_a_cancelled_caller_learns_it_only_when_it_is_settled(store: SqliteStore) -> None:
    log = await begun(store)
    batch = log.operate()
    task = asyncio.create_task(store.append(batch))
    await asyncio.sleep(0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await store.run("run-1")).head == batch.head


async def test_a_timeout_is_told_as_one(store: SqliteStore) -> None:
    log = await begun(store)
    batch = log.operate()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await store.append(batch)
    head = (await store.run("run-1")).head
    assert head in {batch.head, log.head}
    log.head = head
    await put(store, log, log.operate())


async def test_a_cancelled_read_leaves_the_next_one_alone(store: SqliteStore) -> None:
    log = await begun(store)
    for nth in range(50):
        task = asyncio.create_task(store.read("run-1"))
        for _ in range(nth % 5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await put(store, log, log.operate())
        assert (await store.read("run-1"))[-1] == log.records[-1]


async def test_a_cancelled_claim_can_be_claimed_again(store: SqliteStore) -> None:
    log = await begun(store)
    for nth in range(12):
        task = asyncio.create_task(store.claim("run-1"))
        for _ in range(nth):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    lease = await store.claim("run-1")
    await put(store, log, log.drive(lease))


@pytest.mark.parametrize("turns", [0, 1, 3, 10])
async def test_closed_while_appends_are_queued(tmp_path: Path, turns: int) -> None:
    """Each is stored, or told that the store was closed; none waits for ever."""
    path = tmp_path / "quarterdeck.db"
    async with asyncio.timeout(60):
        store = await SqliteStore.open(path)
        logs = [await begun(store, f"run-{n}") for n in range(40)]
        batches = [log.operate(say("x" * 200_000)) for log in logs]
        tasks = [asyncio.create_task(store.append(batch)) for batch in batches]
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.gather(store.close(), store.close())
        with pytest.raises(StoreClosedError):
            await store.append(logs[0].operate())
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} <= {type(None), StoreClosedError}
    async with opened(path) as store:
        for batch, result in zip(batches, results, strict=True):
            head = (await store.run(batch.run_id)).head
            assert head == (batch.head if result is None else batch.expected)


async def test_a_cancelled_close_closes(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    for turns in range(8):
        store = await SqliteStore.open(path)
        await begun(store, f"run-{turns}")
        await store.claim(f"run-{turns}")
        task = asyncio.create_task(store.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if turns:  # Cancelled before it began, it has not begun.
            assert not store._parts.write_db._running
            assert not store._parts.read_db._running
        await store.close()
    async with opened(path) as store:
        assert await store._leases.live_holders() == []


async def test_a_cancelled_opening_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "quarterdeck.db"
    for turns in range(0, 60, 3):
        task = asyncio.create_task(SqliteStore.open(path))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, SqliteStore):
            await result.close()
    async with opened(path) as store:
        await begun(store)


def test_a_loop_that_ends_leaves_nobody_waiting(tmp_path: Path) -> None:
    """Ctrl-C: every task is cancelled, the writer's among them. It must not hang."""
    told: list[type[BaseException]] = []
    busy = asyncio.Event()

    async def append(store: SqliteStore, log: LogBuilder) -> None:
        try:
            while True:
                await put(store, log, log.operate())
                if log.head is not None and log.head.seq > 3:
                    busy.set()
        except BaseException as error:
            told.append(type(error))
            raise

    async def main() -> None:
        async with opened(tmp_path / "quarterdeck.db") as store:
            logs = [await begun(store, f"run-{n}") for n in range(5)]
            tasks = [asyncio.create_task(append(store, log)) for log in logs]
            await busy.wait()
            assert not any(task.done() for task in tasks)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.wait(tasks, timeout=60)
            assert all(task.done() for task in tasks)

    asyncio.run(main())
    assert len(told) == 5
    assert set(told) <= {asyncio.CancelledError, StoreClosedError}


async def test_a_simulated_crash_reaches_everybody(store: SqliteStore) -> None:
    """`Crashed` ends the writer's task: those who wait are told, and closing still works."""
    logs = [await begun(store, f"run-{n}") for n in range(3)]
    with RaiseAt("store.commit.after"):
        results = await asyncio.gather(
            *(store.append(log.operate()) for log in logs), return_exceptions=True
        )
    assert [type(result) for result in results] == [Crashed] * 3
    with pytest.raises(StoreClosedError):
        await store.append(logs[0].operate())
    for log in logs:
        assert (await store.run(log.run_id)).head.seq == 2


async def test_a_value_that_cannot_be_kept_fails_its_own_batch_only(store: SqliteStore) -> None:
    log, lease = await driven(store)
    others = [await begun(store, f"other-{n}") for n in range(3)]
    for wrong in (2**70, "\ud800"):
        batches = [_spoilt(log.drive(lease), wrong), *(other.operate() for other in others)]
        results = await asyncio.gather(
            *(store.append(batch) for batch in batches), return_exceptions=True
        )
        assert type(results[0]) is InvalidError
        assert results[1:] == [None] * 3
        for other, batch in zip(others, batches[1:], strict=True):
            other.accept(batch)
    await put(store, log, log.drive(lease))


def _spoilt(batch: Batch, value: int | str) -> Batch:
    """Return a batch whose record holds what SQLite has no place for."""
    record = batch.records[0]
    if isinstance(value, int):
        return replace(batch, records=(record._replace(at_us=value),))
    return replace(batch, records=(record._replace(header=value),))
