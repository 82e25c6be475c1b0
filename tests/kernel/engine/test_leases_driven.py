"""Who drives a run: one process at a time, and the next as soon as that is certain."""

import asyncio
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, Run, ToolContext, ToolResult
from quarterdeck_kernel.errors import (
    LeaseHeldError,
    LeaseLostError,
    ReconciliationRequiredError,
    StoreFullError,
)
from quarterdeck_kernel.events.workflow_events import ValueRecorded
from tests.crash.processes import Child
from tests.kernel.engine.deck import SECOND_US, WatchedClock, World, acting, kernel_of, story


async def stepped(kernel: Kernel, run: Run, key: str = "s") -> ToolResult:
    return await kernel.step_tool(run=run, step_key=key, tool="pay", arguments={})


async def test_a_run_that_another_live_process_drives_is_left_to_it(tmp_path: Path) -> None:
    clock, mine, theirs = WatchedClock(), World(), World()
    first = kernel_of(acting(mine.acts), at=tmp_path, clock=clock)
    second = kernel_of(acting(theirs.acts), at=tmp_path, clock=clock)
    async with first as driver, second as rival:
        run = await driver.start_run(agent="purser")
        await stepped(driver, run)
        other = await rival.load_run(run.run_id)
        with pytest.raises(LeaseHeldError, match="driven by process"):
            await stepped(rival, other, "t")
        await driver.let_go(run)
        assert (await stepped(rival, other)).replayed
        await stepped(rival, other, "t")
        assert (mine.count, theirs.count) == (1, 1)


async def test_a_lease_is_kept_alive_while_a_long_call_runs(tmp_path: Path) -> None:
    clock, mine = WatchedClock(), World()
    first = kernel_of(acting(mine.waits, timeout_s=None), at=tmp_path, clock=clock)
    async with first as driver, kernel_of(acting(mine.acts), at=tmp_path, clock=clock) as rival:
        run = await driver.start_run(agent="purser")
        task = asyncio.create_task(stepped(driver, run))
        await mine.wait_for_call()
        renewed = asyncio.Event()
        real = driver.store.renew

        async def renew() -> int:
            deadline_us = await real()
            renewed.set()
            return deadline_us

        driver.store.renew = renew  # type: ignore[method-assign]
        clock.advance(6 * SECOND_US)
        async with asyncio.timeout(20):
            await renewed.wait()
        clock.suspend(10 * SECOND_US)
        with pytest.raises(LeaseHeldError):
            await stepped(rival, await rival.load_run(run.run_id), "t")
        mine.door.set()
        await task


async def test_two_who_take_a_run_up_at_once_take_it_up_once() -> None:
    async with kernel_of(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await asyncio.gather(*(run.driver.take_up() for _ in range(5)))
        lease = await kernel.store.lease(run.run_id)
        assert lease.epoch == 1
        await stepped(kernel, run)
        assert await story(kernel, run) == ["intent 1", "success"]


async def test_a_take_up_that_the_disk_refuses_leaves_the_run_to_be_taken_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")

        async def full(_batch: object) -> None:
            raise StoreFullError("full")

        with monkeypatch.context() as patch:
            patch.setattr(kernel.store, "append", full)
            with pytest.raises(StoreFullError):
                await stepped(kernel, run)
        assert not (await kernel.store.lease(run.run_id)).live
        await stepped(kernel, run)
        assert world.count == 1


async def _pays_and_waits(pipe: Connection, *, at: Path, effect: str) -> None:
    """Stand for a process that is killed while its call is under way."""

    async def pays(_context: ToolContext, _amount: int) -> object:
        with (at / "effects").open("a") as file:
            file.write("paid\n")
        pipe.send("under way")
        await asyncio.Event().wait()
        return None

    async with kernel_of(acting(pays, effect=effect), at=at) as kernel:
        run = await kernel.start_run(agent="purser", run_id="voyage")
        await stepped(kernel, run)


@pytest.mark.parametrize("effect", ["read", "once"])
def test_after_a_kill_the_next_process_knows_what_it_cannot_know(
    effect: str, tmp_path: Path
) -> None:
    with Child(partial(_pays_and_waits, at=tmp_path, effect=effect)) as child:
        assert child.pipe.recv() == "under way"
        child.kill()

    async def next_process() -> int:
        world = World()
        async with kernel_of(acting(world.acts, effect=effect), at=tmp_path) as kernel:
            run = await kernel.load_run("voyage")
            if effect == "once":
                with pytest.raises(ReconciliationRequiredError):
                    await stepped(kernel, run)
            else:
                assert (await stepped(kernel, run)).attempt == 2
            return world.count

    again = asyncio.run(next_process())
    assert (again, (tmp_path / "effects").read_text()) == (int(effect == "read"), "paid\n")


async def test_what_waits_for_its_turn_while_the_lease_is_lost_is_not_written() -> None:
    async with kernel_of(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        turn = run.driver._journal._turn
        await turn.acquire()
        value = ValueRecorded(step_key="v", source="now", value=1)
        writing = asyncio.create_task(run.driver.append(lambda _: [value]))
        await asyncio.sleep(0)
        run.driver._lost()
        turn.release()
        with pytest.raises(LeaseLostError, match="not driven from here"):
            await writing
        assert await story(kernel, run) == []
