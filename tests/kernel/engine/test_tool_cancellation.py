"""The rules of `engine.cancellation`, one by one, for tool steps."""

import asyncio

import pytest

from quarterdeck_kernel import Kernel, Run, ToolContext, ToolResult
from quarterdeck_kernel.errors import (
    QuarterdeckError,
    ReconciliationRequiredError,
    RunCancelledError,
    RunPausedError,
    StepInterruptedError,
    StoreClosedError,
    ToolFailedError,
    TransientToolError,
)
from tests.kernel.engine.deck import (
    ADA,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    kernel_of,
    raising,
    story,
)

WATCH_US = 50_000


async def stepped(kernel: Kernel, run: Run, key: str = "s", tool: str = "pay") -> ToolResult:
    return await kernel.step_tool(run=run, step_key=key, tool=tool, arguments={})


class Slow:
    """Holds a store's append up, at its beginning or its end, for events of one kind."""

    def __init__(self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        self.arrived, self.door = asyncio.Event(), asyncio.Event()
        real = kernel.store.append

        async def append(batch: object) -> None:
            if any(record.kind == kind for record in batch.records):  # type: ignore[attr-defined]
                self.arrived.set()
                await self.door.wait()
            await real(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(kernel.store, "append", append)


async def cancelled(task: "asyncio.Task[ToolResult]") -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_at_the_gate_nothing_is_written() -> None:
    world = World()
    async with kernel_of(acting(world.waits)) as kernel:
        run = await kernel.start_run(agent="purser")
        first = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        second = asyncio.create_task(stepped(kernel, run, "t"))
        await asyncio.sleep(0)
        second.cancel()
        await cancelled(second)
        world.door.set()
        await first
        assert await story(kernel, run) == ["intent 1", "success"]
        assert (await stepped(kernel, run, "t")).value == {"paid": 1}


@pytest.mark.parametrize("effect", ["read", "once"])
async def test_cancelled_while_the_intent_is_written_nothing_is_dispatched(
    effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    async with kernel_of(acting(world.acts, effect=effect)) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        slow = Slow(kernel, monkeypatch, "tool_requested")
        task = asyncio.create_task(stepped(kernel, run))
        await slow.arrived.wait()
        task.cancel()
        await asyncio.sleep(0)
        slow.door.set()
        await cancelled(task)
        assert await story(kernel, run) == ["intent 1", "not_dispatched"]
        assert world.count == 0
        assert (await stepped(kernel, run)).value == {"paid": 1}


@pytest.mark.parametrize("effect", ["read", "idempotent"])
async def test_cancelled_during_the_call_what_is_safe_goes_again(effect: str) -> None:
    world = World()
    async with kernel_of(acting(world.waits, effect=effect)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        task.cancel()
        await cancelled(task)
        assert await story(kernel, run) == ["intent 1", "transient_error"]
        world.door.set()
        assert (await stepped(kernel, run)).attempt == 2


async def test_cancelled_during_the_call_a_once_effect_is_unknown() -> None:
    world = World()
    async with kernel_of(acting(world.waits)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        task.cancel()
        await cancelled(task)
        assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        assert world.count == 1


@pytest.mark.parametrize("effect", ["read", "once"])
async def test_cancelled_while_the_outcome_is_written_it_is_written(
    effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    async with kernel_of(acting(world.acts, effect=effect)) as kernel:
        run = await kernel.start_run(agent="purser")
        slow = Slow(kernel, monkeypatch, "tool_completed")
        task = asyncio.create_task(stepped(kernel, run))
        await slow.arrived.wait()
        for _ in range(3):
            # Asked again and again: the log still comes first.
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        slow.door.set()
        await cancelled(task)
        assert await story(kernel, run) == ["intent 1", "success"]
        assert (await stepped(kernel, run)).replayed


async def test_cancelled_between_two_tries_no_further_one_is_begun() -> None:
    clock, world = WatchedClock(), World()
    tool = acting(raising(world, TransientToolError("busy")))
    async with kernel_of(tool, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.waited_for(2 * SECOND_US)
        task.cancel()
        await cancelled(task)
        assert await story(kernel, run) == ["intent 1", "transient_error"]
        assert world.count == 1


async def test_who_waits_for_the_same_step_goes_on_when_the_first_is_cancelled() -> None:
    world = World()
    async with kernel_of(acting(world.waits, effect="idempotent")) as kernel:
        run = await kernel.start_run(agent="purser")
        first = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        second = asyncio.create_task(stepped(kernel, run))
        await asyncio.sleep(0)
        first.cancel()
        await cancelled(first)
        await world.wait_for_call()
        world.door.set()
        assert (await second).attempt == 2


async def test_a_timeout_around_a_step_leaves_the_log_true() -> None:
    world = World()
    async with kernel_of(acting(world.waits)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stepped(kernel, run)
        words = await story(kernel, run)
        # On a slow machine the time is over before the call began; both are true.
        assert words in (["intent 1", "unknown_outcome"], ["intent 1", "not_dispatched"], [])


@pytest.mark.parametrize("effect", ["read", "once"])
async def test_closing_the_kernel_stops_a_call_and_makes_the_log_true(
    effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    async with kernel_of(acting(world.waits, effect=effect)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        told: list[list[str]] = []
        real = kernel.store.close

        async def close() -> None:
            told.append(await story(kernel, run))
            await real()

        monkeypatch.setattr(kernel.store, "close", close)
        await kernel.close()
        last = "unknown_outcome" if effect == "once" else "transient_error"
        assert told == [["intent 1", last]]
        expected = ReconciliationRequiredError if effect == "once" else StepInterruptedError
        with pytest.raises(expected):
            await task
        with pytest.raises(StoreClosedError):
            await stepped(kernel, run)


# -- a person ends the run


@pytest.mark.parametrize("effect", ["read", "idempotent"])
async def test_cancel_now_stops_a_call_that_is_safe_to_repeat_and_ends_the_run(
    effect: str,
) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.waits, effect=effect), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        await clock.passes(WATCH_US)
        await kernel.cancel(run.run_id, now=True, actor=ADA)
        with pytest.raises(RunCancelledError):
            await task
        assert run.state.status == "cancelled"
        assert await story(kernel, run) == [
            "intent 1",
            "cancel_requested",
            "transient_error",
            "run_cancelled",
        ]


@pytest.mark.parametrize("now", [True, False])
async def test_a_once_effect_is_never_broken_off_by_who_wants_the_run_to_end(*, now: bool) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.waits), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        await clock.passes(WATCH_US)
        await kernel.cancel(run.run_id, now=now, actor=ADA)
        await kernel.cancel(run.run_id, now=now, actor=ADA)
        world.door.set()
        assert (await task).value == {"paid": 1}
        assert run.state.status == "cancelled"
        assert await story(kernel, run) == [
            "intent 1",
            "cancel_requested",
            "success",
            "run_cancelled",
        ]
        with pytest.raises(RunCancelledError):
            await stepped(kernel, run, "t")
        assert (await stepped(kernel, run)).replayed


async def test_cancel_at_the_boundary_lets_a_read_finish_and_then_ends_the_run() -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.waits, effect="read"), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        await clock.passes(WATCH_US)
        await kernel.cancel(run.run_id, actor=ADA)
        world.door.set()
        assert (await task).value == {"paid": 1}
        assert run.state.status == "cancelled"


async def test_a_step_that_waits_its_turn_is_told_that_the_run_was_cancelled() -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.waits), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        second = asyncio.create_task(stepped(kernel, run, "t"))
        await clock.passes(WATCH_US)
        await kernel.cancel(run.run_id, now=True, actor=ADA)
        with pytest.raises(RunCancelledError):
            await second
        world.door.set()
        assert (await task).value == {"paid": 1}
        assert world.count == 1


async def test_a_run_to_be_cancelled_waits_for_what_is_unknown() -> None:
    async def breaks(_context: ToolContext, _amount: int) -> object:
        raise ConnectionResetError

    async with kernel_of(acting(breaks)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        await kernel.cancel(run, now=True, actor=ADA)
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        assert not run.state.terminal
        await kernel.reconcile_tool(
            run=run, step_key="s", verdict="failed", reason="never came", actor=ADA
        )
        with pytest.raises((RunCancelledError, ToolFailedError)):
            await stepped(kernel, run)
        assert run.state.status == "cancelled"


async def test_a_retry_is_not_begun_in_a_run_that_is_to_be_cancelled() -> None:
    world = World()

    async def breaks(context: ToolContext, _amount: int) -> object:
        world.calls.append(context)
        raise ConnectionResetError

    async with kernel_of(acting(breaks)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)
        await kernel.cancel(run, actor=ADA)
        # Nobody knows what the first try did, and no other will tell: it is in doubt again.
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        await kernel.reconcile_tool(
            run=run, step_key="s", verdict="failed", reason="never came", actor=ADA
        )
        with pytest.raises((RunCancelledError, ToolFailedError)):
            await stepped(kernel, run)
        assert (run.state.status, world.count) == ("cancelled", 1)


async def test_open_questions_do_not_keep_a_cancelled_run_from_its_end() -> None:
    async with kernel_of(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await kernel.pause(run=run, step_key="q", title="Which port?")
        await kernel.cancel(run, actor=ADA)
        with pytest.raises(RunCancelledError):
            await kernel.pause(run=run, step_key="q", title="Which port?")
        assert run.state.status == "cancelled"


async def test_a_second_cancel_may_ask_for_more_and_an_ended_run_says_so() -> None:
    async with kernel_of(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await stepped(kernel, run)
        assert (await kernel.cancel(run, actor=ADA)).cancel is not None
        state = await kernel.cancel(run, now=True, actor=ADA)
        assert state.cancel is not None
        assert state.cancel.now
        with pytest.raises(RunCancelledError):
            await stepped(kernel, run, "t")
        with pytest.raises(QuarterdeckError, match="cancelled"):
            await kernel.cancel(run, actor=ADA)
