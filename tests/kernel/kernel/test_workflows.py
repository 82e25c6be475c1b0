"""Workflows: what is done is never done again, what was changed is named."""

from typing import Literal

import pytest

from quarterdeck_kernel import Flow
from quarterdeck_kernel.errors import (
    ConsistencyError,
    DriftError,
    PermanentToolError,
    ReconciliationRequiredError,
    RunOverError,
    RunPausedError,
    WorkflowStepFailedError,
)
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from tests.kernel.kernel.flow_stage import Stage, Workflow, again, begun, head, kinds, state

POINTS = [
    f"engine.{what}.{when}"
    for what in ("intent", "dispatch", "outcome")
    for when in ("before", "after")
]


# -- done once


def three_steps(stage: Stage) -> Workflow:
    async def workflow(flow: Flow) -> list[object]:
        return [await flow.step(name, stage.mark(name)) for name in ("one", "two", "three")]

    return workflow


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
async def test_a_finished_step_is_never_run_again(stage: Stage, point: str, nth: int) -> None:
    workflow = three_steps(stage)
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with RaiseAt(point, nth), pytest.raises(Crashed):
            await kernel.run_workflow(workflow, run=run)
    async with stage.kernel() as kernel:
        assert await kernel.run_workflow(workflow, run=await again(kernel)) == [
            "one",
            "two",
            "three",
        ]
        names = await kinds(kernel)
        assert names.count("workflow_step_requested") == 3, "one intent each"
        assert names.count("workflow_step_completed") == 3
    twice = point in {"engine.dispatch.after", "engine.outcome.before"}
    expected = ["one", "two", "three"]
    if twice:
        expected.insert(nth - 1, expected[nth - 1])
    assert stage.done == expected


async def test_a_finished_workflow_returns_its_answer_and_calls_nothing(stage: Stage) -> None:
    async def never(flow: Flow) -> None:  # noqa: ARG001 - it is not called
        raise AssertionError

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        answer = await kernel.run_workflow(three_steps(stage), run=run)
        before = await head(kernel)
        stage.done.clear()
        assert await kernel.run_workflow(never, run=run) == answer
        assert await head(kernel) == before
    async with stage.kernel() as kernel:
        assert await kernel.run_workflow(never, run=await again(kernel)) == answer


async def test_a_run_that_failed_says_so_when_it_is_run_again(stage: Stage) -> None:
    async def sinks(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        raise ValueError("the ship sank")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(ValueError, match="sank"):
            await kernel.run_workflow(sinks, run=run)
        failure = (await state(kernel)).failure
        assert failure is not None
        assert (await state(kernel)).status == "failed"
        with pytest.raises(RunOverError, match="failed"):
            await kernel.run_workflow(sinks, run=run)


# -- once, and in doubt


@pytest.mark.parametrize("verdict", ["done", "failed", "retry"])
async def test_an_interrupted_once_step_is_unknown_until_settled(
    stage: Stage, verdict: Literal["done", "failed", "retry"]
) -> None:
    async def paying(flow: Flow) -> object:
        try:
            paid = await flow.step("pay", stage.mark("pay", 7), effect="once")
        except WorkflowStepFailedError as error:
            return str(error)
        return [paid, await flow.step("sail", stage.mark("sail"))]

    async with stage.kernel() as kernel:
        with RaiseAt("engine.dispatch.after"), pytest.raises(Crashed):
            await kernel.run_workflow(paying, run=await begun(kernel))
    async with stage.kernel() as kernel:
        run = await again(kernel)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError, match="pay"):
                await kernel.run_workflow(paying, run=run)
        assert stage.done == ["pay"]
        await kernel.reconcile_tool(
            run=run,
            step_key="step:pay",
            verdict=verdict,
            result=6,
            reason="seen in the books",
        )
        answer = await kernel.run_workflow(paying, run=run)
    if verdict == "failed":
        assert answer == "step 'pay' failed: seen in the books"
        assert stage.done == ["pay"]
    else:
        assert answer == ([6, "sail"] if verdict == "done" else [7, "sail"])
        assert stage.done == (["pay", "sail"] if verdict == "done" else ["pay", "pay", "sail"])


async def test_an_error_of_a_once_step_is_unknown_unless_it_is_declared_permanent(
    stage: Stage,
) -> None:
    def declared() -> None:
        raise PermanentToolError("refused, nothing was paid")

    def plain() -> None:
        raise OSError("the line went dead")

    async def one(flow: Flow) -> None:
        await flow.step("pay", declared, effect="once")

    async def other(flow: Flow) -> None:
        await flow.step("pay", plain, effect="once")

    async with stage.kernel() as kernel:
        with pytest.raises(WorkflowStepFailedError, match="refused"):
            await kernel.run_workflow(one, run=await begun(kernel, "one"))
        with pytest.raises(ReconciliationRequiredError):
            await kernel.run_workflow(other, run=await begun(kernel, "other"))
        assert (await state(kernel, "one")).status == "failed"
        assert len((await state(kernel, "other")).unknowns) == 1


# -- code that changed


def steps_of(stage: Stage, *names: str) -> Workflow:
    async def workflow(flow: Flow) -> None:
        for name in names:
            await flow.step(name, stage.mark(name))
        await flow.pause(step_key="ask", title="go on?")

    return workflow


@pytest.mark.parametrize(
    ("names", "recorded", "offered"),
    [
        (("one", "TWO", "three"), "step 2 'two'", "step 2 'TWO'"),
        (("two", "one", "three"), "step 1 'one'", "step 1 'two'"),
        (("one", "three"), "step 2 'two'", "step 2 'three'"),
        (("one", "new", "two", "three"), "step 2 'two'", "step 2 'new'"),
        (("one", "two", "two"), "step 3 'three'", "step 3 'two'"),
    ],
    ids=["renamed", "reordered", "removed", "inserted", "doubled"],
)
async def test_changed_code_is_told_which_step(
    stage: Stage, names: tuple[str, ...], recorded: str, offered: str
) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(steps_of(stage, "one", "two", "three"), run=run)
        before = await head(kernel)
        with pytest.raises(ConsistencyError) as error:
            await kernel.run_workflow(steps_of(stage, *names), run=run)
        assert (error.value.recorded, error.value.offered) == (recorded, offered)
        assert error.value.seq is not None
        assert await head(kernel) == before
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(steps_of(stage, "one", "two", "three"), run=run)


async def test_code_that_ends_without_a_recorded_step_does_not_end_the_run(stage: Stage) -> None:
    async def short(flow: Flow) -> None:
        await flow.step("one", stage.mark("one"))

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(steps_of(stage, "one", "two"), run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
        with pytest.raises(ConsistencyError, match="lacks step 2 'two'"):
            await kernel.run_workflow(short, run=run)
        assert (await state(kernel)).status == "running"


async def test_a_step_that_is_handed_something_else_is_drift(stage: Stage) -> None:
    def workflow(*, amount: int) -> Workflow:
        async def paying(flow: Flow) -> None:
            await flow.step("pay", lambda n: stage.done.append(f"pay {n}"), amount)
            await flow.pause(step_key="ask", title="enough?")

        return paying

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(workflow(amount=5), run=run)
        with pytest.raises(DriftError, match=r"'pay' with \[5\].*'pay' with \[6\]"):
            await kernel.run_workflow(workflow(amount=6), run=run)
        assert (await state(kernel)).status == "running"
    assert stage.done == ["pay 5"]


async def test_a_name_used_twice_is_two_steps(stage: Stage) -> None:
    async def workflow(flow: Flow) -> list[object]:
        return [await flow.step("haul", stage.mark(f"haul {n}")) for n in range(2)]

    async with stage.kernel() as kernel:
        with RaiseAt("engine.outcome.after", 2), pytest.raises(Crashed):
            await kernel.run_workflow(workflow, run=await begun(kernel))
    async with stage.kernel() as kernel:
        answer = await kernel.run_workflow(workflow, run=await again(kernel))
    assert answer == stage.done == ["haul 0", "haul 1"]
