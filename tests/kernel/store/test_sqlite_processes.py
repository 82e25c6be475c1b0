"""Several processes on one file: real ones, on real locks."""

import asyncio
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import HeadMovedError, LeaseHeldError, LeaseLostError
from quarterdeck_kernel.testing.contract.stage import head_of, write_until_stored
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import LogBuilder, say
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US
from tests.crash.processes import Child
from tests.kernel.store.sqlite_files import begun, driven, opened, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one run in it."""
    path = tmp_path / "quarterdeck.db"

    async def make() -> None:
        async with opened(path) as store:
            await begun(store)

    asyncio.run(make())
    return path


async def write_twenty(path: Path, pipe: Connection) -> None:
    async with opened(path) as store:
        log = LogBuilder()
        pipe.send("open")
        assert pipe.recv() == "go"
        for nth in range(20):
            seq = await write_until_stored(store, log, say(f"{nth}"))
            pipe.send(seq)


def test_two_processes_number_their_events_together(path: Path) -> None:
    work = partial(write_twenty, path)
    with Child(work) as one, Child(work) as two:
        for child in (one, two):
            assert child.hear() == "open"
        for child in (one, two):
            child.say("go")
        written = [child.hear_all() for child in (one, two)]
    assert [len(seqs) for seqs in written] == [20, 20]
    assert all(seqs == sorted(seqs) for seqs in written)
    assert sorted(seq for seqs in written for seq in seqs) == list(range(2, 42))

    async def look() -> None:
        async with opened(path) as store:
            assert [record.seq for record in await store.read("run-1")] == list(range(1, 42))
            assert (await store.verify()).ok

    asyncio.run(look())


async def open_anew(path: Path, pipe: Connection) -> None:
    pipe.send("ready")
    assert pipe.recv() == "go"
    async with opened(path) as store:
        pipe.send((await store.checkpoint()).workspace_id)


def test_many_processes_make_one_database_at_once(tmp_path: Path) -> None:
    work = partial(open_anew, tmp_path / "quarterdeck.db")
    children = [Child(work) for _ in range(6)]
    for child in children:
        assert child.hear() == "ready"
    for child in children:
        child.say("go")
    assert len({child.hear() for child in children}) == 1
    for child in children:
        with child:
            assert child.hear_all() == []


async def drive_and_wait(path: Path, pipe: Connection) -> None:
    """Claim the run, and hold it until told to let go."""
    async with opened(path) as store:
        lease = await store.claim("run-1")
        pipe.send(lease.epoch)
        await asyncio.to_thread(pipe.recv)


def test_a_run_is_driven_by_one_process(path: Path) -> None:
    """Refused while the other lives, granted as soon as it is dead, with nobody's deadline past."""
    with Child(partial(drive_and_wait, path)) as rival:
        epoch = rival.hear()

        async def meet() -> None:
            async with opened(path) as store:
                with pytest.raises(LeaseHeldError, match="driven by process"):
                    await store.claim("run-1")
                status = await store.lease("run-1")
                assert (status.live, status.epoch) == (True, epoch)
                rival.kill()
                assert not (await store.lease("run-1")).live
                lease = await store.claim("run-1")
                assert lease.epoch == epoch + 1

        asyncio.run(meet())


def test_what_died_leaves_nothing_lying_about(path: Path) -> None:
    """Neither rows nor lock files of dead processes pile up."""

    async def hold(pipe: Connection) -> None:
        await drive_and_wait(path, pipe)

    for _ in range(3):
        with Child(hold) as child:
            child.hear()
            child.kill()

    async def look() -> None:
        async with opened(path) as store:
            await store.claim("run-1")
            holders = await store.reader.fetch("holders")
            assert [row[0] for row in holders] == [store._leases.holder]
            mine = {f"{store._leases.holder}.lock", "setup.lock", "maintenance.lock"}
            assert {file.name for file in (path.parent / "locks").iterdir()} <= mine

    asyncio.run(look())


async def drive_on_when_told(path: Path, pipe: Connection) -> None:
    """Claim the run and hang; then append with the lease of old."""
    async with opened(path, clock=FakeClock()) as store:
        log = LogBuilder()
        log.head = await head_of(store, "run-1")
        lease = await store.claim("run-1")
        pipe.send(lease.epoch)
        assert await asyncio.to_thread(pipe.recv) == "wake"
        try:
            await store.append(log.drive(lease))
        except (LeaseLostError, HeadMovedError) as error:
            pipe.send(type(error))
        else:
            pipe.send("stored")


def test_a_holder_that_hangs_loses_its_lease_in_time(path: Path) -> None:
    """It lives, so only the deadline tells; what it tries afterwards is refused."""
    with Child(partial(drive_on_when_told, path)) as hanging:
        epoch = hanging.hear()

        async def meet() -> None:
            clock = FakeClock()
            async with opened(path, clock=clock) as store:
                clock.advance(LEASE_TTL_US - 1)
                with pytest.raises(LeaseHeldError):
                    await store.claim("run-1")
                assert (await store.lease("run-1")).live
                clock.suspend(1)
                assert not (await store.lease("run-1")).live
                lease = await store.claim("run-1")
                assert lease.epoch == epoch + 1
                hanging.say("wake")
                assert await asyncio.to_thread(hanging.hear) is LeaseLostError
                assert (await store.run("run-1")).head.seq == 1

        asyncio.run(meet())


async def drive_fast(path: Path, pipe: Connection) -> None:
    """Append as fast as possible until told to stop; fold what others write, and go on."""
    async with opened(path) as store:
        log, lease = await driven(store, "fast")
        pipe.send("driving")
        own = 0
        while not pipe.poll():
            try:
                await put(store, log, log.drive(lease))
                own += 1
            except HeadMovedError:
                log.head = await head_of(store, "fast")
        pipe.send(own)


def test_an_operator_gets_in_while_the_driver_appends(path: Path) -> None:
    with Child(partial(drive_fast, path)) as driver:
        assert driver.hear() == "driving"

        async def operate() -> list[int]:
            async with opened(path) as store:
                log = LogBuilder("fast")
                return [await write_until_stored(store, log, say(f"{n}")) for n in range(10)]

        seqs = asyncio.run(operate())
        driver.say("stop")
        own = driver.hear()
    assert own > 0

    async def look() -> None:
        async with opened(path) as store:
            assert (await store.verify()).ok
            kinds = {"operator_message"}
            assert [r.seq for r in await store.read("fast", kinds=kinds)] == seqs
            assert (await store.run("fast")).head.seq == 2 + own + 10

    asyncio.run(look())


async def echo(path: Path, pipe: Connection) -> None:
    """Answer each new event of the run by the seq it was noticed at."""
    async with opened(path) as store:
        pipe.send("waiting")
        seen = 1
        for run_id in ("run-1", None, "run-1"):
            found = await store.wait(after=seen, run_id=run_id, timeout_s=30)
            pipe.send(found)
            seen = found or 0


def test_the_commit_of_another_process_wakes_who_waits(path: Path) -> None:
    with Child(partial(echo, path)) as waiting:
        assert waiting.hear() == "waiting"

        async def write() -> None:
            async with opened(path) as store:
                log = LogBuilder()
                for expected in (2, 3, 4):
                    assert await write_until_stored(store, log, say(f"{expected}")) == expected
                    assert await asyncio.to_thread(waiting.hear) == expected

        asyncio.run(write())
