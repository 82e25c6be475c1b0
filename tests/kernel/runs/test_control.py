"""Holding, releasing and cancelling: by anybody, from any process, driven or not."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import Decisions
from quarterdeck_kernel.errors import (
    ConflictError,
    IllegalMoveError,
    QuarterdeckError,
    RunCancelledError,
    RunHeldError,
    RunOverError,
)
from tests.kernel.engine.deck import ADA, BEN, World, acting, events, kernel_of, length, story


async def test_a_hold_stops_what_is_new_and_lets_finish_what_is_under_way() -> None:
    world = World()
    async with kernel_of(acting(world.waits)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(
            kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        )
        await world.wait_for_call()
        await kernel.hold(run.run_id, reason="look", actor=ADA)
        world.door.set()
        assert (await task).value == {"paid": 1}
        with pytest.raises(RunHeldError, match="look"):
            await kernel.step_tool(run=run, step_key="t", tool="pay", arguments={})
        assert world.count == 1


async def test_a_hold_and_its_release_from_another_process_are_heard(tmp_path: Path) -> None:
    world = World()
    async with kernel_of(acting(world.acts), at=tmp_path) as kernel, kernel_of(at=tmp_path) as far:
        screen = Decisions(far.store)
        run = await kernel.start_run(agent="purser")
        await kernel.step_tool(run=run, step_key="a", tool="pay", arguments={})
        await screen.hold(run.run_id, reason="wait", actor=BEN)
        for _ in range(2):
            with pytest.raises(RunHeldError):
                await kernel.step_tool(run=run, step_key="b", tool="pay", arguments={})
        await screen.release(run.run_id, actor=BEN)
        await kernel.step_tool(run=run, step_key="b", tool="pay", arguments={})
        held = [e.actor for e in await events(kernel, run) if e.kind in {"held", "released"}]
        assert held == [BEN, BEN]


async def test_what_is_not_held_cannot_be_released_and_a_second_hold_says_so() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ConflictError, match="not held"):
            await kernel.release(run, actor=ADA)
        await kernel.hold(run, reason="one", actor=ADA)
        with pytest.raises(IllegalMoveError, match="held by operator already"):
            await kernel.hold(run, reason="two", actor=BEN)


async def test_two_who_release_at_once_release_once() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.hold(run, reason="one", actor=ADA)
        releases = [kernel.release(run, actor=actor) for actor in (ADA, BEN)]
        results = await asyncio.gather(*releases, return_exceptions=True)
        errors = [error for error in results if isinstance(error, BaseException)]
        assert len(errors) == 1
        assert isinstance(errors[0], QuarterdeckError)


async def test_cancelling_twice_is_cancelling_once_and_now_is_more_than_before() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        before = await length(kernel, run)
        for _ in range(2):
            await kernel.cancel(run, actor=ADA)
        assert await length(kernel, run) == before + 1
        for now in (True, True, False):
            await kernel.cancel(run, now=now, actor=ADA)
        assert await length(kernel, run) == before + 2


async def test_a_cancelled_run_ends_when_somebody_comes_by_and_is_over_then() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.cancel(run, reason="enough", actor=ADA)
        with pytest.raises(RunCancelledError):
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert (run.state.status, world.count) == ("cancelled", 0)
        assert (await story(kernel, run))[-1] == "run_cancelled"
        for verb in (kernel.cancel(run, actor=ADA), kernel.hold(run, actor=ADA)):
            with pytest.raises(RunCancelledError):
                await verb


async def test_a_finished_run_is_neither_held_nor_cancelled() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.finish_run(run)
        for verb in (
            kernel.cancel(run, actor=ADA),
            kernel.hold(run, actor=ADA),
            kernel.release(run, actor=ADA),
        ):
            with pytest.raises(RunOverError, match="fork"):
                await verb
