"""Model steps that are told to stop, at every place where they may stand."""

import asyncio
from typing import Any

import pytest

from quarterdeck_kernel.engine import run_driver
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    RunPausedError,
    RunStoppedError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.model_events import ModelFailed
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from tests.kernel.engine.model_stage import (
    STEADY,
    Held,
    Stage,
    events_of,
    kinds_of,
    overloaded,
    reached,
    says,
)

ENDED = ["cancel_requested", "run_cancelled"]


async def ask(kernel: Kernel, run: Run, **named: Any) -> Any:  # noqa: ANN401 - a step's result
    return await kernel.step_model(
        **{"run": run, "step_key": "count", "prompt": "count", "retry": STEADY, **named}
    )


async def last_failure(kernel: Kernel, run: Run) -> ModelFailed:
    failed = [
        event.payload
        for event in await events_of(kernel, run)
        if isinstance(event.payload, ModelFailed)
    ]
    return failed[-1]


class Gate:
    """Holds the appends of one kind back, before or after they are done."""

    def __init__(self, kernel: Kernel, kind: str, *, after: bool) -> None:
        self.reached = asyncio.Event()
        self._go = asyncio.Event()
        self._kind, self._after = kind, after
        self._append = kernel.store.append
        kernel.store.append = self._held  # type: ignore[method-assign]

    async def _held(self, batch: Any) -> None:  # noqa: ANN401 - passed on
        held = batch.records[-1].kind == self._kind
        if held and not self._after:
            await self._hold()
        await self._append(batch)
        if held and self._after:
            await self._hold()

    async def _hold(self) -> None:
        self.reached.set()
        await self._go.wait()

    def go(self) -> None:
        self._go.set()


async def cancelled(task: asyncio.Task[Any]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_before_its_turn_a_step_writes_nothing(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.gate.acquire()
        task = asyncio.create_task(ask(kernel, run))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await cancelled(task)
        run.driver.gate.release()
        assert await kinds_of(kernel, run) == []
        assert (await ask(kernel, run)).text == "answer 1"


@pytest.mark.parametrize("after", [False, True])
async def test_cancelled_while_the_intent_is_written_nothing_is_asked(
    stage: Stage, *, after: bool
) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        gate = Gate(kernel, "model_requested", after=after)
        task = asyncio.create_task(ask(kernel, run))
        await gate.reached.wait()
        task.cancel()
        await asyncio.sleep(0)
        gate.go()
        await cancelled(task)
        assert stage.provider.asked == []
        assert await kinds_of(kernel, run) == ["model_requested", "model_failed"]
        failed = await last_failure(kernel, run)
        assert (failed.error, failed.final) == ("cancelled", True)
        assert (await ask(kernel, run)).text == "answer 1"


async def test_cancelled_during_the_call_the_call_is_broken_off_and_closed(stage: Stage) -> None:
    held = Held()
    async with await stage.kernel(held, says("again")) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        task = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        task.cancel()
        task.cancel()
        await cancelled(task)
        assert held.cancelled
        failed = await last_failure(kernel, run)
        assert (failed.error, failed.final, failed.cost_micros) == ("cancelled", True, None)
        assert run.state.spend.unknown_costs == 1
        assert (await ask(kernel, run)).text == "again"


@pytest.mark.parametrize("after", [False, True])
async def test_cancelled_while_the_answer_is_written_it_is_written(
    stage: Stage, *, after: bool
) -> None:
    async with await stage.kernel(says("kept")) as kernel:
        run = await kernel.start_run(agent="purser")
        gate = Gate(kernel, "model_completed", after=after)
        task = asyncio.create_task(ask(kernel, run))
        await gate.reached.wait()
        task.cancel()
        await asyncio.sleep(0)
        gate.go()
        await cancelled(task)
        again = await ask(kernel, run)
        assert (again.text, again.replayed) == ("kept", True)


async def test_cancelled_between_two_tries_no_further_one_begins(stage: Stage) -> None:
    async with await stage.kernel(overloaded(), says("again")) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await reached(kernel, run, "model_failed")
        task.cancel()
        await cancelled(task)
        assert len(stage.provider.asked) == 1
        assert (await last_failure(kernel, run)).error == "cancelled"
        assert (await ask(kernel, run)).text == "again"


async def test_whoever_waits_for_the_same_step_asks_afresh_when_the_first_is_cancelled(
    stage: Stage,
) -> None:
    async with await stage.kernel(Held(), says("second")) as kernel:
        run = await kernel.start_run(agent="purser")
        first = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        second = asyncio.create_task(ask(kernel, run))
        waiting = asyncio.create_task(ask(kernel, run))
        await asyncio.sleep(0)
        waiting.cancel()
        await cancelled(waiting)
        first.cancel()
        await cancelled(first)
        assert (await second).text == "second"


async def test_closing_the_kernel_breaks_the_call_off_and_the_step_can_be_asked_again(
    stage: Stage,
) -> None:
    kernel = await stage.kernel(Held())
    run = await kernel.start_run(agent="purser", run_id="run")
    task = asyncio.create_task(ask(kernel, run))
    await stage.provider.called(1)
    await kernel.close()
    with pytest.raises(StepInterruptedError):
        await task
    async with await stage.kernel(says("again")) as kernel:
        assert (await ask(kernel, await kernel.load_run("run"))).text == "again"


async def test_cancelling_the_run_now_breaks_the_call_off_and_ends_the_run(stage: Stage) -> None:
    held = Held()
    async with await stage.kernel(held) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        await stage.clock.passes(50_000)
        await kernel.cancel(run, now=True, reason="wrong course")
        with pytest.raises(RunStoppedError):
            await task
        assert held.cancelled
        assert await kinds_of(kernel, run) == [
            "model_requested",
            "cancel_requested",
            "model_failed",
            "run_cancelled",
        ]
        with pytest.raises(RunCancelledError):
            await ask(kernel, run)


async def test_cancelling_the_run_now_is_heard_between_two_tries(stage: Stage) -> None:
    async with await stage.kernel(overloaded(retry_after_us=29_000_000)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await reached(kernel, run, "model_failed")
        await kernel.cancel(run, now=True)
        with pytest.raises(RunCancelledError):
            await task
        assert run.state.status == "cancelled"


async def test_cancelling_the_run_at_its_boundary_lets_the_answer_come(stage: Stage) -> None:
    held = Held(says("my last words"))
    async with await stage.kernel(held) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        await stage.clock.passes(50_000)
        await kernel.cancel(run)
        held.go()
        assert (await task).text == "my last words"
        assert await kinds_of(kernel, run) == [
            "model_requested",
            "cancel_requested",
            "model_completed",
            "run_cancelled",
        ]
        again = await ask(kernel, run)
        assert (again.text, again.replayed) == ("my last words", True)


async def test_a_run_is_not_ended_while_another_step_of_it_is_under_way(stage: Stage) -> None:
    one, two = Held(says("one")), Held(says("two"))
    async with await stage.kernel(one, two) as kernel:
        run = await kernel.start_run(agent="purser")
        first = asyncio.create_task(ask(kernel, run, step_key="one"))
        await stage.provider.called(1)
        second = asyncio.create_task(ask(kernel, run, step_key="two"))
        await stage.provider.called(2)
        await kernel.cancel(run)
        one.go()
        assert (await first).text == "one"
        assert not run.state.terminal
        two.go()
        assert (await second).text == "two"
        assert (await kinds_of(kernel, run))[-1] == "run_cancelled"


async def test_an_engine_deaf_to_a_cancel_of_the_run_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_driver.RunDriver, "stop_now", lambda _: None)
    held = Held(says("as if nothing was"))
    async with await stage.kernel(held) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        await stage.clock.passes(50_000)
        await kernel.cancel(run, now=True)
        held.go()
        assert (await task).text == "as if nothing was"


async def test_a_cancel_before_the_first_step_ends_the_run_and_asks_nothing(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        await kernel.cancel(run)
        with pytest.raises(RunCancelledError):
            await ask(kernel, run)
        assert await kinds_of(kernel, run) == ENDED
        assert stage.provider.asked == []


async def test_a_held_run_asks_nothing_new_until_it_is_released(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        await ask(kernel, run, step_key="before")
        await kernel.hold(run)
        with pytest.raises(RunHeldError):
            await ask(kernel, run)
        assert (await ask(kernel, run, step_key="before")).replayed
        await kernel.release(run)
        assert (await ask(kernel, run)).text == "answer 2"
        assert len(stage.provider.asked) == 2


async def test_a_paused_run_asks_nothing_new_until_it_is_answered(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await kernel.pause(run=run, step_key="which", title="Which way?")
        with pytest.raises(RunPausedError):
            await ask(kernel, run)
        assert stage.provider.asked == []
        await kernel.resume(run, paused.value.pause_id, answer="north")
        assert (await ask(kernel, run)).text == "answer 1"


async def test_a_run_with_an_unknown_outcome_asks_nothing_new_until_it_is_settled(
    stage: Stage,
) -> None:
    async with await stage.kernel() as kernel:

        @kernel.tool(effect="once")
        def pay() -> str:
            """Pay."""
            raise OSError("the line went dead")

        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="pay", tool="pay", arguments={})
        with pytest.raises(ReconciliationRequiredError):
            await ask(kernel, run)
        assert stage.provider.asked == []
        await kernel.reconcile_tool(run=run, step_key="pay", verdict="failed", reason="no money")
        assert (await ask(kernel, run)).text == "answer 1"


async def test_a_run_that_is_ended_meanwhile_says_so_to_the_step_under_way(stage: Stage) -> None:
    held = Held()
    async with await stage.kernel(held) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        await stage.provider.called(1)
        await kernel.fail_run(run, error="bored", message="enough")
        held.go()
        with pytest.raises(Exception, match=r"is failed, which is final|not driven"):
            await task
        kinds = await kinds_of(kernel, run)
        assert kinds == ["model_requested", "model_failed", "run_failed"]
