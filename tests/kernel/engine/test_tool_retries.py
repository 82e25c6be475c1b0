"""Further tries: by policy, under the same key, each an intent of its own."""

import asyncio

import pytest

from quarterdeck_kernel import (
    Kernel,
    RetryPolicy,
    Run,
    ToolResult,
)
from quarterdeck_kernel.errors import (
    QuarterdeckError,
    ToolFailedError,
    TransientToolError,
)
from quarterdeck_kernel.vocabulary.words import Effect
from tests.kernel.engine.deck import (
    SECOND_US,
    WatchedClock,
    World,
    acting,
    kernel_of,
    length,
    raising,
    story,
)

EFFECTS: tuple[Effect, ...] = ("read", "idempotent", "once")
SAFE: tuple[Effect, ...] = ("read", "idempotent")


async def stepped(kernel: Kernel, run: Run) -> ToolResult | QuarterdeckError:
    try:
        return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
    except QuarterdeckError as error:
        return error


@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_declared_transient_error_is_tried_again_under_the_same_key(
    effect: Effect,
) -> None:
    clock, world = WatchedClock(), World()
    body = raising(world, TransientToolError("busy"), TransientToolError("busy"))
    async with kernel_of(acting(body, effect=effect), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(2 * SECOND_US)
        await clock.passes(4 * SECOND_US)
        result = await task
        assert isinstance(result, ToolResult)
        assert result.attempt == 3
        assert await story(kernel, run) == [
            "intent 1",
            "transient_error",
            "intent 2",
            "transient_error",
            "intent 3",
            "success",
        ]
        assert [call.attempt for call in world.calls] == [1, 2, 3]
        assert len({call.idempotency_key for call in world.calls}) == 1


@pytest.mark.parametrize("effect", SAFE)
async def test_an_undeclared_error_of_what_is_safe_to_repeat_is_tried_again(
    effect: Effect,
) -> None:
    clock, world = WatchedClock(), World()
    body = raising(world, ValueError("odd"), OSError("odder"))
    async with kernel_of(acting(body, effect=effect), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(2 * SECOND_US)
        await clock.passes(4 * SECOND_US)
        assert isinstance(await task, ToolResult)
        assert world.count == 3


async def test_after_the_last_try_the_failure_stands_and_replays() -> None:
    clock, world = WatchedClock(), World()
    busy = [TransientToolError("busy")] * 3
    async with kernel_of(acting(raising(world, *busy)), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(2 * SECOND_US)
        await clock.passes(4 * SECOND_US)
        assert isinstance(await task, ToolFailedError)
        before = await length(kernel, run)
        assert isinstance(await stepped(kernel, run), ToolFailedError)
        assert (world.count, await length(kernel, run)) == (3, before)


async def test_a_wait_that_would_end_behind_the_budget_is_not_begun_and_the_failure_stands() -> (
    None
):
    clock, world = WatchedClock(), World()
    policy = RetryPolicy(tries=9, timeout_s=10, first_delay_s=2, jitter=0, budget_s=5)
    tool = acting(raising(world, *[TransientToolError("busy")] * 9), retry=policy)
    async with kernel_of(tool, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(2 * SECOND_US)
        first = await task
        assert isinstance(first, ToolFailedError)
        assert world.count == 2
        before = await length(kernel, run)
        again = await stepped(kernel, run)
        assert (str(again), world.count) == (str(first), 2)
        assert await length(kernel, run) == before


async def test_tries_left_when_a_process_ended_are_made_by_the_next() -> None:
    clock, world = WatchedClock(), World()
    body = raising(world, TransientToolError("busy"))
    async with kernel_of(acting(body), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.waited_for(2 * SECOND_US)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(await stepped(kernel, run), ToolResult)
        assert await story(kernel, run) == ["intent 1", "transient_error", "intent 2", "success"]
