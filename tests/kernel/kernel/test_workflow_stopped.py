"""A workflow that is told to end, or to hold, wherever it is."""

import asyncio

import pytest

from quarterdeck_kernel import Flow
from quarterdeck_kernel.engine.debts import Completed
from quarterdeck_kernel.errors import (
    InvalidError,
    LeaseHeldError,
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    StepInterruptedError,
    WorkflowStepFailedError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.runs.reconcile import Verdict, reconcile
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.actor import operator
from tests.kernel.kernel.flow_stage import (
    HOUR_US,
    Stage,
    again,
    begun,
    kinds,
    leave,
    sleeps,
    state,
    until_recorded,
)


@pytest.mark.parametrize("now", [False, True], ids=["boundary", "now"])
@pytest.mark.parametrize("where", ["sleep", "signal", "step", "tool"])
async def test_a_run_is_cancelled_wherever_its_workflow_is(
    stage: Stage, clock: FakeClock, where: str, *, now: bool
) -> None:
    inside, go = asyncio.Event(), asyncio.Event()

    async def body() -> None:
        inside.set()
        await go.wait()

    async def workflow(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        match where:
            case "sleep":
                inside.set()
                await flow.sleep(3600)
            case "signal":
                inside.set()
                await flow.signal("never")
            case "step":
                await flow.step("wait", body)
            case _:
                await flow.step("wait", lambda: flow.tool("idle", {}, step_key="idle"))
        await flow.step("sail", stage.mark("sail"))

    async with stage.kernel() as kernel, stage.kernel() as other:

        @kernel.tool(effect="idempotent", timeout_s=600)
        async def idle() -> None:
            await body()

        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(workflow, run=run))
        await inside.wait()
        await other.cancel("voyage", now=now)
        go.set()
        while not task.done():
            clock.advance(100_000)
            await asyncio.to_thread(lambda: None)
        with pytest.raises(RunCancelledError):
            await task
        final = await state(kernel)
        assert final.status == "cancelled"
        assert not final.workflow_intents
    assert stage.done == ["load"]


async def test_a_once_step_in_doubt_keeps_a_run_from_being_cancelled(stage: Stage) -> None:
    async def body() -> None:
        await stage_kernel.cancel("voyage", now=True)
        raise OSError("the line went dead")

    async def workflow(flow: Flow) -> None:
        await flow.step("pay", body, effect="once")

    async with stage.kernel() as kernel:
        stage_kernel = kernel
        run = await begun(kernel)
        with pytest.raises(ReconciliationRequiredError):
            await kernel.run_workflow(workflow, run=run)
        assert (await state(kernel)).status == "running"
        await kernel.reconcile_tool(
            run=run, step_key="step:pay", verdict="done", reason="seen in the books"
        )
        with pytest.raises(RunCancelledError):
            await kernel.run_workflow(workflow, run=run)
        assert (await state(kernel)).status == "cancelled"


@pytest.mark.parametrize(("verdict", "paid"), [("done", 1), ("failed", 1), ("retry", 2)])
async def test_a_step_settled_while_its_workflow_runs_again_goes_only_where_it_may(
    stage: Stage, verdict: Verdict, paid: int
) -> None:
    async def pay() -> str:
        stage.done.append("pay")
        if len(stage.done) == 1:
            raise OSError("the line went dead")
        return "paid"

    async def settled(flow: Flow) -> None:
        """Be a person who looks at the books just then; the run's driver hears of it."""
        journal = await stage_kernel.journal("voyage")
        for seq in tuple(journal.state.unknowns):
            await reconcile(
                journal, seq, verdict=verdict, result="paid", reason="seen", actor=operator()
            )
        await flow.run.driver.refresh()

    async def workflow(flow: Flow) -> object:
        await settled(flow)
        return await flow.step("pay", pay, effect="once")

    async with stage.kernel() as kernel:
        stage_kernel = kernel
        run = await begun(kernel)
        with pytest.raises(ReconciliationRequiredError):
            await kernel.run_workflow(workflow, run=run)
        if verdict == "failed":
            with pytest.raises(WorkflowStepFailedError):
                await kernel.run_workflow(workflow, run=run)
        else:
            assert await kernel.run_workflow(workflow, run=run) == "paid"
        assert stage.done == ["pay"] * paid


async def test_a_step_settled_in_the_moment_it_is_in_doubt_is_looked_at_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pay() -> None:
        stage.done.append("pay")
        raise OSError("the line went dead")

    async def workflow(flow: Flow) -> object:
        return await flow.step("pay", pay, effect="once")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        settle = run.driver.settle

        async def settled(outcome: Completed) -> Event:
            event = await settle(outcome)
            await reconcile(
                await kernel.journal("voyage"),
                outcome.intent_seq,
                verdict="done",
                result="paid",
                reason="seen",
                actor=operator(),
            )
            await run.driver.refresh()
            return event

        monkeypatch.setattr(run.driver, "settle", settled)
        with pytest.raises(StepInterruptedError):
            await kernel.run_workflow(workflow, run=run)
        assert await kernel.run_workflow(workflow, run=run) == "paid"
        assert stage.done == ["pay"]


async def test_a_hold_stops_a_sleeping_workflow_and_its_timer_waits_for_the_release(
    stage: Stage, clock: FakeClock
) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=run))
        await until_recorded(kernel, "timer_set")
        await kernel.hold("voyage", reason="fog")
        with pytest.raises(RunHeldError, match="fog"):
            await task
        clock.advance(2 * HOUR_US)
        with pytest.raises(RunHeldError):
            await kernel.run_workflow(sleeps, run=run)
        await kernel.release("voyage")
        assert await kernel.run_workflow(sleeps, run=run) == "awake"


async def test_who_comes_second_is_told_who_drives_the_run(stage: Stage) -> None:
    async with stage.kernel() as kernel, stage.kernel() as other:
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        with pytest.raises(LeaseHeldError, match=r"driven by process .* ends or lets go"):
            await other.run_workflow(sleeps, run=await again(other))
        await leave(task)


# -- one execution at a time


async def test_two_executions_at_once_are_refused(stage: Stage) -> None:
    inside, go = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        inside.set()
        await go.wait()

    async def workflow(flow: Flow) -> str:
        await flow.step("wait", waits)
        return "home"

    async with stage.kernel() as kernel, stage.kernel() as other:
        run = await begun(kernel)
        first = asyncio.create_task(kernel.run_workflow(workflow, run=run))
        await inside.wait()
        with pytest.raises(InvalidError, match="running here already"):
            await kernel.run_workflow(workflow, run=run)
        with pytest.raises(LeaseHeldError, match="voyage"):
            await other.run_workflow(workflow, run=await again(other))
        go.set()
        assert await first == "home"
        assert await other.run_workflow(workflow, run=await again(other)) == "home"


async def test_a_workflow_cancelled_from_outside_goes_on_where_it_was(stage: Stage) -> None:
    inside = asyncio.Event()

    async def waits() -> str:
        stage.done.append("wait")
        if len(stage.done) == 1:
            inside.set()
            await asyncio.Event().wait()
        return "done"

    async def workflow(flow: Flow) -> object:
        return await flow.step("wait", waits)

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(workflow, run=run))
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await state(kernel)).status == "running"
        assert await kernel.run_workflow(workflow, run=run) == "done"
        assert (await kinds(kernel)).count("workflow_step_requested") == 1
    assert stage.done == ["wait", "wait"]
