"""The simulation: one seed, one history, on the real store; and what may befall its processes."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import aiosqlite
import pytest

from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.errors import ConflictError, LeaseHeldError
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.logs import LogBuilder, say, work
from quarterdeck_kernel.testing.simulation.loop import DeadlockError, OverrunError
from quarterdeck_kernel.testing.simulation.process import ProcessDiedError, SimulatedProcess
from quarterdeck_kernel.testing.simulation.simulation import Simulation
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US


async def opened(simulation: Simulation, process: SimulatedProcess) -> SqliteStore:
    path = simulation.folder / "quarterdeck.db"
    return await process.do(SqliteStore.open(path, clock=process.clock))


async def rows_of(db: aiosqlite.Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.execute_fetchall(sql)]


async def begun(store: SqliteStore, log: LogBuilder) -> Lease:
    log.accept(batch := log.create())
    await store.append(batch)
    return await store.claim(log.run_id)


async def driven(store: SqliteStore, log: LogBuilder, events: int = 29) -> None:
    lease = await begun(store, log)
    for turn in range(events):
        log.accept(batch := log.drive(lease, work(turn + 1)))
        await store.append(batch)


async def two_at_work(simulation: Simulation) -> list[tuple[str, bytes]]:
    """Let two processes write; return the run and hash of each event in the order of commits."""
    ship, shore = simulation.process("ship"), simulation.process("shore")
    stores = [await opened(simulation, process) for process in (ship, shore)]
    tasks = [
        process.start(driven(store, LogBuilder(new_id(), clock=process.clock)))
        for process, store in zip((ship, shore), stores, strict=True)
    ]
    for task in tasks:
        await task
    events = await ship.do(stores[0].read_workspace())
    for process, store in zip((ship, shore), stores, strict=True):
        await process.do(store.close())
    return [(record.run_id, record.hash) for _position, record in events]


def history(seed: int) -> list[tuple[str, bytes]]:
    with Simulation(seed) as simulation:
        return simulation.run(two_at_work(simulation))


def test_a_seed_gives_the_same_bytes_again() -> None:
    events = history(7)
    assert len(events) == 60
    assert history(7) == events


def test_seeds_give_different_schedules() -> None:
    schedules = set()
    for seed in range(8):
        events = history(seed)
        first = events[0][0]
        schedules.add(tuple(run_id == first for run_id, _hash in events))
    assert len(schedules) == 8


def test_a_seed_gives_the_same_bytes_in_another_interpreter() -> None:
    program = (
        "from tests.kernel.testing.test_simulation import history;print(history(3)[-1][1].hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(p for p in sys.path if p)},
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {f"{history(3)[-1][1].hex()}\n"}


def test_a_simulation_takes_no_time_to_speak_of() -> None:
    """Measured: 26 ms on a quiet core, of which SQLite takes the half."""
    took = []
    for seed in range(5):
        began = time.perf_counter()
        history(seed)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.25


def test_time_passes_without_waiting() -> None:
    async def a_day() -> int:
        await asyncio.gather(*(asyncio.sleep(hours * 3600) for hours in range(24)))
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.Event().wait()
        return simulation.loop.passed_us

    began = time.perf_counter()
    with Simulation(1) as simulation:
        assert simulation.run(a_day()) == 23 * 3_600_000_000 + 5_000_000
    assert time.perf_counter() - began < 5


def test_a_deadlock_says_who_waits_and_where() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    with Simulation(1) as simulation:
        ship = simulation.process("ship")
        with pytest.raises(DeadlockError, match=r"(?s)ship: lookout .*never:\d+ > .*Event.wait"):
            simulation.run(ship.do(never(), name="lookout"))


def test_a_circle_is_told_from_work() -> None:
    async def polls() -> None:
        while True:  # noqa: ASYNC110 - this is what is to be told
            await asyncio.sleep(1)

    with Simulation(1, limit_us=60_000_000) as simulation, pytest.raises(OverrunError):
        simulation.run(polls())
    with Simulation(1, limit_steps=500) as simulation, pytest.raises(OverrunError):
        simulation.run(polls())


def test_what_fails_in_a_callback_fails_the_simulation() -> None:
    async def careless() -> None:
        def fail() -> None:
            raise ValueError("overboard")

        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(1)

    with Simulation(5) as simulation, pytest.raises(AssertionError, match="seed 5"):
        simulation.run(careless())


def test_a_suspended_driver_loses_its_run_and_is_told_when_it_wakes() -> None:
    async def scenario(simulation: Simulation) -> str:
        ship, shore = simulation.process("ship"), simulation.process("shore")
        old, new = await opened(simulation, ship), await opened(simulation, shore)
        log = LogBuilder(clock=ship.clock)
        lease = await ship.do(begun(old, log))
        ship.suspend()
        asked = ship.start(old.append(log.drive(lease)))
        with pytest.raises(LeaseHeldError):
            await shore.do(new.claim(log.run_id))
        await simulation.sleep(LEASE_TTL_US)
        assert not asked.done()
        assert (await shore.do(new.claim(log.run_id))).epoch == lease.epoch + 1
        assert ship.clock.boot_us() == shore.clock.boot_us() != ship.clock.monotonic_us()
        ship.resume()
        with pytest.raises(ConflictError) as error:
            await asked
        return str(error.value)

    for seed in range(10):
        with Simulation(seed) as simulation:
            assert "stop driving it" in simulation.run(scenario(simulation))


def test_a_killed_driver_writes_no_more_and_its_run_is_free_at_once() -> None:
    async def stubborn(store: SqliteStore, log: LogBuilder) -> None:
        try:
            await driven(store, log, events=100)
        finally:
            await store.append(log.operate(say("farewell")))

    async def scenario(simulation: Simulation) -> list[str]:
        ship, shore = simulation.process("ship"), simulation.process("shore")
        old, new = await opened(simulation, ship), await opened(simulation, shore)
        log = LogBuilder(clock=ship.clock)
        work_of_ship = asyncio.ensure_future(ship.do(stubborn(old, log)))
        while log.head is None or log.head.seq < 10:  # noqa: ASYNC110 - whatever it is at then
            await asyncio.sleep(0)
        ship.kill()
        with pytest.raises(ProcessDiedError):
            await work_of_ship
        assert (await shore.do(new.claim("run-1"))).epoch == 2
        assert (await shore.do(new.verify())).ok
        before = await shore.do(new.read("run-1"))
        await simulation.sleep(60_000_000)
        assert await shore.do(new.read("run-1")) == before
        return [record.kind for record in before]

    ends = set()
    for seed in range(10):
        with Simulation(seed) as simulation:
            kinds = simulation.run(scenario(simulation))
        assert "operator_message" not in kinds
        ends.add(len(kinds))
    assert len(ends) > 1


def killing_at(place: int, reached: list[str]) -> Callable[[str, SimulatedProcess], None]:
    def at_point(name: str, process: SimulatedProcess) -> None:
        if process.name == "ship":
            reached.append(name)
            if len(reached) == place:
                process.kill()

    return at_point


def test_a_process_can_be_killed_at_every_crash_point() -> None:
    async def scenario(simulation: Simulation) -> None:
        ship, shore = simulation.process("ship"), simulation.process("shore")

        async def life() -> None:
            store = await SqliteStore.open(simulation.folder / "quarterdeck.db", clock=ship.clock)
            await driven(store, LogBuilder(clock=ship.clock), events=2)
            await store.close()

        try:
            await ship.do(life())
        except ProcessDiedError:
            pass
        else:
            assert len(reached) < place
        store = await opened(simulation, shore)
        assert (await shore.do(store.verify())).ok
        for head in await shore.do(store.heads()):
            await shore.do(store.claim(head.run_id))
        await shore.do(store.close())

    place, points, reached = 0, set[str](), list[str]()
    while place <= len(reached):
        place += 1
        reached = []
        with Simulation(place) as simulation:
            simulation.at_point = killing_at(place, reached)
            simulation.run(scenario(simulation))
        points |= set(reached)
    assert place > 15
    assert {"store.commit.before", "store.commit.after", "store.checkpoint.before"} <= points


def test_a_statement_whose_caller_was_cancelled_runs_all_the_same_and_in_order() -> None:
    async def scenario() -> list[tuple[object, ...]]:
        async with aiosqlite.connect(":memory:", isolation_level=None) as db:
            first = asyncio.ensure_future(rows_of(db, "CREATE TABLE barrels (number)"))
            await asyncio.sleep(0)
            first.cancel()
            second = asyncio.ensure_future(rows_of(db, "INSERT INTO barrels VALUES (1)"))
            await asyncio.wait([first, second])
            cancelled.append(first.cancelled())
            if second.exception() is not None:
                return []  # the first was cancelled before it had begun to ask
            return await rows_of(db, "SELECT * FROM barrels")

    cancelled = list[bool]()
    rows = list[list[tuple[object, ...]]]()
    for seed in range(20):
        with Simulation(seed) as simulation:
            rows.append(simulation.run(scenario()))
    assert (True, [(1,)]) in list(zip(cancelled, rows, strict=True))


def test_a_stalled_process_finds_everything_overdue() -> None:
    async def scenario(simulation: Simulation, *, stands_still: bool) -> int:
        ship = simulation.process("ship")
        watch = ship.start(sleep(ship.clock, 10_000_000))
        await simulation.sleep(1)
        ship.suspend(stands_still=stands_still)
        await simulation.sleep(60_000_000)
        assert not watch.done()
        ship.resume()
        await watch
        return simulation.loop.passed_us

    with Simulation(1) as simulation:
        assert simulation.run(scenario(simulation, stands_still=False)) == 60_000_001
    with Simulation(1) as simulation:
        assert simulation.run(scenario(simulation, stands_still=True)) == 70_000_000


@pytest.mark.parametrize("durable", [True, False])
def test_commits_are_flushed_only_if_asked_for(*, durable: bool) -> None:
    async def scenario(simulation: Simulation) -> object:
        store = await opened(simulation, simulation.process("ship"))
        return (await rows_of(store._parts.write_db, "PRAGMA synchronous"))[0][0]

    with Simulation(1, durable=durable) as simulation:
        assert simulation.run(scenario(simulation)) == (2 if durable else 0)


def test_time_may_drift_between_two_callbacks() -> None:
    async def idle() -> int:
        for _ in range(200):
            await asyncio.sleep(0)
        return simulation.loop.passed_us

    with Simulation(1, drift_us=1_000) as simulation:
        assert simulation.run(idle()) > 0


def test_outside_a_simulation_everything_is_real_again() -> None:
    history(1)
    assert new_id() != new_id()
    assert asyncio.run(_threads())


async def _threads() -> bool:
    store = await SqliteStore.open(":memory:")
    real = type(store._parts.write_db).__name__ == "Connection"
    await store.close()
    return real
