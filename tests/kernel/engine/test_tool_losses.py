"""Steps whose lease is lost, or whose disk says no: nothing twice, and nothing forgotten."""

import asyncio
from itertools import count
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    Kernel,
    RetryPolicy,
)
from quarterdeck_kernel.errors import (
    LeaseLostError,
    ReconciliationRequiredError,
    StepInterruptedError,
    StoreDiskError,
    StoreFullError,
)
from tests.kernel.engine.deck import (
    SECOND_US,
    UNKNOWN,
    WatchedClock,
    World,
    acting,
    kernel_of,
    pays,
    story,
)


async def test_a_call_whose_lease_was_lost_is_not_dispatched(tmp_path: Path) -> None:
    clock, mine, theirs = WatchedClock(), World(), World()
    first = kernel_of(acting(mine.acts), at=tmp_path, clock=clock)
    second = kernel_of(acting(theirs.acts), at=tmp_path, clock=clock)
    async with first as slept, second as kernel:
        run = await slept.start_run(agent="purser")
        await run.driver.take_up()
        real, looks = run.driver.sure, count(1)

        async def sleeps() -> None:
            """The lid is closed between the intent and the call; another takes the run up."""
            if next(looks) == 1:
                # The look when the step begins; the second is the one right before the call.
                return
            clock.suspend(100 * SECOND_US)
            with pytest.raises(ReconciliationRequiredError):
                await pays(kernel, await kernel.load_run(run.run_id))
            await real()

        run.driver.sure = sleeps  # type: ignore[method-assign]
        with pytest.raises(LeaseLostError):
            await pays(slept, run)
        assert (mine.count, theirs.count) == (0, 0)
        assert await story(kernel, run) == [*UNKNOWN, "driver: not_done"]


async def test_an_outcome_whose_lease_was_lost_is_kept_as_evidence(tmp_path: Path) -> None:
    clock, mine, theirs = WatchedClock(), World(), World()
    first = kernel_of(acting(mine.waits, retry=RetryPolicy(tries=1)), at=tmp_path, clock=clock)
    second = kernel_of(acting(theirs.acts), at=tmp_path, clock=clock)
    async with first as slept, second as kernel:
        run = await slept.start_run(agent="purser")
        task = asyncio.create_task(pays(slept, run))
        await mine.wait_for_call()
        clock.suspend(100 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await pays(kernel, await kernel.load_run(run.run_id))
        mine.door.set()
        with pytest.raises(LeaseLostError):
            await task
        assert await story(kernel, run) == [*UNKNOWN, "late_result: done"]
        # Whoever lost it may take it up again once the other lets go, and sees what is true.
        await kernel.let_go(await kernel.load_run(run.run_id))
        with pytest.raises(ReconciliationRequiredError):
            await pays(slept, run)
        assert (mine.count, theirs.count) == (1, 0)


async def test_a_suspended_machine_whose_run_nobody_took_goes_on(tmp_path: Path) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.acts), at=tmp_path, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        clock.suspend(100 * SECOND_US)
        assert (await pays(kernel, run)).value == {"paid": 1}


async def test_a_call_under_way_when_its_run_was_lost_and_taken_up_again_is_evidence() -> None:
    world = World()
    tools = acting(world.waits, effect="read"), acting(world.acts, name="other", effect="read")
    async with kernel_of(*tools) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(pays(kernel, run))
        await world.wait_for_call()
        run.driver._lost()
        await kernel.step_tool(run=run, step_key="t", tool="other", arguments={})
        world.door.set()
        with pytest.raises(LeaseLostError, match="taken up anew"):
            await task
        assert (await story(kernel, run))[-1] == "late_result: done"
        assert (await pays(kernel, run)).attempt == 2


# -- a disk that says no


def failing_outcomes(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> list[int]:
    """Let the store refuse every outcome until the list is cleared."""
    refusing = [1]
    real = kernel.store.append

    async def append(batch: object) -> None:
        if refusing and any(r.kind == "tool_completed" for r in batch.records):  # type: ignore[attr-defined]
            raise error
        await real(batch)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel.store, "append", append)
    return refusing


async def test_an_outcome_that_the_disk_refused_is_written_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts), acting(world.acts, name="other")) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        refusing = failing_outcomes(kernel, monkeypatch, StoreFullError("full"))
        for _ in range(2):
            with pytest.raises(StoreFullError):
                await pays(kernel, run)
            assert await story(kernel, run) == ["intent 1"]
        refusing.clear()
        await kernel.step_tool(run=run, step_key="t", tool="other", arguments={})
        assert await story(kernel, run) == ["intent 1", "success", "intent 1", "success"]
        assert (await pays(kernel, run)).replayed
        assert world.count == 2


async def test_an_outcome_that_is_owed_survives_losing_the_lease_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        refusing = failing_outcomes(kernel, monkeypatch, StoreFullError("full"))
        with pytest.raises(StoreFullError):
            await pays(kernel, run)
        refusing.clear()
        await run.driver.let_go()
        assert (await pays(kernel, run)).replayed
        assert await story(kernel, run) == ["intent 1", "success"]
        assert world.count == 1


async def test_a_lease_that_cannot_be_made_sure_of_lets_nothing_be_dispatched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.acts), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        with monkeypatch.context() as patch:

            async def refused() -> int:
                raise StoreDiskError("the disk is gone")

            patch.setattr(kernel.store, "renew", refused)
            real, looks = run.driver.sure, count(1)

            async def sleeps() -> None:
                if next(looks) > 1:
                    clock.suspend(100 * SECOND_US)
                await real()

            patch.setattr(run.driver, "sure", sleeps)
            with pytest.raises(StepInterruptedError, match="the disk is gone"):
                await pays(kernel, run)
            with pytest.raises(StoreDiskError):
                # And nothing new is begun, either.
                await pays(kernel, run)
        assert world.count == 0
        assert await story(kernel, run) == ["intent 1", "not_dispatched"]
        assert (await pays(kernel, run)).value == {"paid": 1}
