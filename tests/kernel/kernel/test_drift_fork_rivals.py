"""Forks of changed code: who stopped the run, who else drives it, who comes to the same fork."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import (
    DriftError,
    RunCancelledError,
    RunExistsError,
    RunHeldError,
    RunOverError,
)
from quarterdeck_kernel.projections.open_items import Lineage
from quarterdeck_kernel.runs import fork as runs_fork
from tests.kernel.engine.deck import (
    ADA,
    WatchedClock,
    World,
    acting,
    kernel_of,
)
from tests.kernel.kernel.drift_stage import pays, runs_of

# -- who stopped the run, who else drives it


async def test_a_held_run_is_not_left_for_a_fork() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        await kernel.hold(run, reason="look", actor=ADA)
        with pytest.raises(RunHeldError, match="look"):
            await pays(kernel, run, 2)
        await kernel.release(run, actor=ADA)
        await pays(kernel, run, 2)
        assert run.run_id != "old"


async def test_a_run_that_a_person_ended_is_not_left_for_a_fork() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        await pays(kernel, run, 1)
        await kernel.cancel(run, actor=ADA)
        for _ in range(2):
            with pytest.raises((RunCancelledError, RunOverError)):
                await pays(kernel, run, 2)
        assert (world.count, len(await runs_of(kernel))) == (1, 1)


async def test_a_run_that_came_to_its_end_goes_on_in_a_fork() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        await kernel.finish_run(run, answer="done")
        assert await pays(kernel, run, 2)
        assert run.state.status == "running"


async def test_the_old_run_is_released(tmp_path: Path) -> None:
    world = World()
    async with (
        kernel_of(acting(world.acts), at=tmp_path, on_drift="fork") as kernel,
        kernel_of(acting(world.acts), at=tmp_path) as other,
    ):
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        await pays(kernel, run, 2)
        status = await kernel.store.lease("old")
        assert status.holder is None
        await pays(other, await other.load_run("old"), 1, 5)
        assert world.count == 3


async def test_what_is_under_way_in_the_old_run_ends_there_first() -> None:
    world = World()
    slow = acting(world.waits, name="slow")
    async with kernel_of(acting(world.acts), slow, on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        beside = await kernel.load_run("old")
        task = asyncio.create_task(
            kernel.step_tool(run=beside, step_key="slow", tool="slow", arguments={})
        )
        await world.wait_for_call()
        turned = asyncio.create_task(pays(kernel, run, 2))
        await asyncio.sleep(0)
        assert (await kernel.store.lease("old")).holder is not None
        world.door.set()
        assert (await task).value == {"paid": 1}
        assert await turned
        assert (await kernel.store.lease("old")).holder is None
        assert not (await kernel.load_run("old")).state.unknowns
        # Who still holds the old run may go on with it.
        await pays(kernel, beside, 1)
        assert beside.run_id == "old"


async def test_two_processes_that_come_to_the_same_change_share_one_fork(tmp_path: Path) -> None:
    world, clock = World(), WatchedClock()
    async with (
        kernel_of(acting(world.acts), at=tmp_path, clock=clock, on_drift="fork") as one,
        kernel_of(acting(world.acts), at=tmp_path, clock=clock, on_drift="fork") as two,
    ):
        old = await one.start_run(agent="purser", run_id="old")
        await pays(one, old, 1)
        await one.finish_run(old)
        loaded = [await kernel.load_run("old") for kernel in (one, two)]
        drift = DriftError(
            "changed", seq=3, recorded="1", offered="2", step_key="pay-0", digest="d" * 64
        )
        journals = await asyncio.gather(
            *[
                runs_fork.fork_before(kernel.store, await kernel.journal(run), drift, clock=clock)
                for kernel, run in zip((one, two), loaded, strict=True)
            ]
        )
        assert len({journal.run_id for journal in journals}) == 1
        assert len(await runs_of(one)) == 2


async def test_a_run_that_only_has_the_id_of_the_fork_is_named() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        await pays(kernel, run, 2)
        fork_id = run.run_id
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        await kernel.start_run(agent="purser", run_id=fork_id)
        run = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, run, 1)
        # The log is another one, and so is the id; one that is guessed has to be refused.
        found = runs_fork._found(
            kernel.store,
            await kernel.journal(run),
            fork_id,
            Lineage("old", 2, "0" * 64),
            WatchedClock(),
        )
        with pytest.raises(RunExistsError, match="is none"):
            await found


# -- mutants


async def test_the_tests_above_see_a_fork_out_of_a_held_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs_fork, "_check_may_fork", lambda _: None)
    with pytest.raises(pytest.fail.Exception):
        await test_a_held_run_is_not_left_for_a_fork()
    with pytest.raises(pytest.fail.Exception):
        await test_a_run_that_a_person_ended_is_not_left_for_a_fork()


async def test_the_tests_above_see_an_old_run_that_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def stays(_driver: object) -> None:
        return None

    monkeypatch.setattr("quarterdeck_kernel.engine.run_driver.RunDriver.leave", stays)
    with pytest.raises(AssertionError):
        await test_the_old_run_is_released(tmp_path)
