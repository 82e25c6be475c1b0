"""What people decide while a driver holds the run is seen by its next step, and by a run's last."""

import pytest

from quarterdeck_kernel import Kernel, Run, ToolContext
from quarterdeck_kernel.errors import (
    IllegalMoveError,
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    RunPausedError,
    ToolFailedError,
)
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.vocabulary.actor import operator


async def test_a_driver_sees_what_was_settled_beside_it() -> None:
    async with await Kernel.open(":memory:") as kernel:

        @kernel.tool()
        async def send(context: ToolContext) -> str:
            if context.attempt == 1:
                raise RuntimeError("the line is dead")
            return "sent"

        run = await kernel.start_run(agent="a")
        with pytest.raises(ReconciliationRequiredError) as doubt:
            await kernel.step_tool(run=run, step_key="send", tool="send", arguments={})
        await reconcile(
            await kernel.journal(run),
            doubt.value.intent_seq,
            verdict="retry",
            result=None,
            reason=None,
            actor=operator(),
        )
        sent = await kernel.step_tool(run=run, step_key="send", tool="send", arguments={})
        assert (sent.value, sent.attempt) == ("sent", 2)


async def test_a_driver_sees_that_it_was_released() -> None:
    async with await Kernel.open(":memory:") as kernel:

        @kernel.tool(effect="read")
        async def look() -> str:
            return "seen"

        run = await kernel.start_run(agent="a")
        await kernel.step_tool(run=run, step_key="1", tool="look", arguments={})
        await kernel.hold(run)
        with pytest.raises(RunHeldError):
            await kernel.step_tool(run=run, step_key="2", tool="look", arguments={})
        await kernel.release(run)
        assert (await kernel.finish_run(run)).kind == "run_succeeded"


async def test_a_question_of_a_run_that_is_over_says_so() -> None:
    async with await Kernel.open(":memory:") as kernel:
        run = await kernel.start_run(agent="a")
        with pytest.raises(RunPausedError):
            await kernel.pause(run=run, step_key="p", title="well?")
        await kernel.cancel(run)
        for _ in range(2):
            with pytest.raises(RunCancelledError):
                await kernel.pause(run=run, step_key="p", title="well?")
        assert run.state.status == "cancelled"


async def settled(kernel: Kernel, run: Run, seq: int, verdict: Verdict) -> None:
    journal = await kernel.journal(run)
    await reconcile(
        journal, seq, verdict=verdict, result=None, reason="the line is dead", actor=operator()
    )


async def test_a_call_that_a_cancelled_run_never_tried_again_says_so() -> None:
    async with await Kernel.open(":memory:") as kernel:

        @kernel.tool()
        async def send() -> str:
            raise RuntimeError("the line is dead")

        run = await kernel.start_run(agent="a")
        with pytest.raises(ReconciliationRequiredError) as doubt:
            await kernel.step_tool(run=run, step_key="send", tool="send", arguments={})
        seq = doubt.value.intent_seq
        await kernel.reconcile_tool(run=run, step_key="send", verdict="retry")
        await kernel.cancel(run)
        # Nothing is tried again in a run that is to end: what happened is in doubt, as before.
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="send", tool="send", arguments={})
        with pytest.raises(IllegalMoveError, match="is to be cancelled"):
            await settled(kernel, run, seq, "retry")
        await settled(kernel, run, seq, "failed")
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(run=run, step_key="send", tool="send", arguments={})
        assert run.state.status == "cancelled"
