"""What stands in a workflow side by side and inside each other, and what ends it before its end."""

import asyncio
from decimal import Decimal

import pytest
from pydantic import BaseModel

from quarterdeck_kernel import Flow
from quarterdeck_kernel.engine.workflow_branch import Branch
from quarterdeck_kernel.errors import (
    ConsistencyError,
    InvalidError,
    LeaseLostError,
    RunHeldError,
    RunPausedError,
    StoreFullError,
    WorkflowStepFailedError,
)
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from tests.kernel.kernel.flow_stage import (
    Stage,
    Workflow,
    again,
    begun,
    kinds,
    state,
)

# -- side by side


def crew(stage: Stage, *order: str) -> Workflow:
    """Return a workflow of branches, which get through their first step in the order given."""

    async def branch(flow: Flow, name: str, gone: dict[str, asyncio.Event]) -> list[object]:
        async def work(what: str) -> str:
            if what == "haul" and name != order[0]:
                await gone[order[order.index(name) - 1]].wait()
            stage.done.append(f"{name} {what}")
            return f"{name} {what}"

        first = await flow.step("haul", work, "haul")
        gone[name].set()
        return [first, await flow.step("stow", work, "stow"), await flow.uuid()]

    async def workflow(flow: Flow) -> list[object]:
        gone = {name: asyncio.Event() for name in order}
        parts = await flow.gather(*(branch(flow, name, gone) for name in sorted(order)))
        return [*parts, await flow.step("last", stage.mark("last"))]

    return workflow


@pytest.mark.parametrize("nth", [2, 5, 7])
async def test_branches_side_by_side_each_find_their_own_record(stage: Stage, nth: int) -> None:
    async with stage.kernel() as kernel:
        with RaiseAt("engine.outcome.after", nth), pytest.raises(Crashed):
            await kernel.run_workflow(crew(stage, "ben", "cat", "ann"), run=await begun(kernel))
    async with stage.kernel() as kernel:
        other = crew(stage, "ann", "ben", "cat")
        answer = await kernel.run_workflow(other, run=await again(kernel))
        report = await kernel.check_workflow(crew(stage, "cat", "ben", "ann"), run="voyage")
        assert report.complete, report
    assert isinstance(answer, list)
    for name, part in zip(("ann", "ben", "cat"), answer, strict=False):
        assert isinstance(part, list)
        assert part[:2] == [f"{name} haul", f"{name} stow"]
    assert len(stage.done) == 7


async def test_one_count_for_all_branches_would_give_a_step_the_record_of_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Branch, "child", lambda self: self)
    monkeypatch.setattr(Branch, "_check_alone", lambda *_: None)
    monkeypatch.setattr(Branch, "position", lambda _self: 0)
    with pytest.raises((AssertionError, ConsistencyError)):
        await test_branches_side_by_side_each_find_their_own_record(stage, 7)


async def test_tasks_that_the_code_starts_itself_are_told_apart_by_their_names(
    stage: Stage,
) -> None:
    late = asyncio.Event()

    async def slow(flow: Flow) -> object:
        if not late.is_set():
            await asyncio.sleep(0)
            late.set()
        return await flow.step("slow", stage.mark("slow"))

    async def workflow(flow: Flow) -> object:
        first = asyncio.gather(slow(flow), flow.step("quick", stage.mark("quick")))
        answers = await first
        await flow.step("last", stage.mark("last"))
        await flow.pause(step_key="ask", title="go on?")
        return answers

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(workflow, run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
        assert await kernel.run_workflow(workflow, run=run) == ["slow", "quick"]
    assert sorted(stage.done) == ["last", "quick", "slow"]


@pytest.mark.parametrize("what", ["step", "now", "sleep"])
async def test_what_nothing_tells_apart_is_refused(stage: Stage, what: str) -> None:
    async def part(flow: Flow, number: int) -> None:
        match what:
            case "step":
                await flow.step("haul", stage.mark(f"haul {number}"))
            case "now":
                await flow.now()
            case _:
                await flow.sleep(0)

    async def workflow(flow: Flow) -> None:
        await asyncio.gather(part(flow, 1), part(flow, 2))

    async with stage.kernel() as kernel:
        with pytest.raises(InvalidError, match=r"flow\.gather"):
            await kernel.run_workflow(workflow, run=await begun(kernel))


async def test_a_pause_in_one_branch_lets_the_others_finish_what_they_do(stage: Stage) -> None:
    at_work, paused = asyncio.Event(), asyncio.Event()

    async def asks(flow: Flow) -> None:
        await at_work.wait()
        try:
            await flow.pause(step_key="ask", title="go on?")
        finally:
            paused.set()

    async def pays() -> str:
        at_work.set()
        await paused.wait()
        stage.done.append("paid")
        return "paid"

    async def works(flow: Flow) -> None:
        await flow.step("pay", pays, effect="once")
        await flow.step("more", stage.mark("more"))

    async def workflow(flow: Flow) -> str:
        await asyncio.gather(asks(flow), works(flow))
        return "home"

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as error:
            await kernel.run_workflow(workflow, run=run)
        assert stage.done == ["paid"]
        assert not (await state(kernel)).workflow_intents, "nothing goes on behind the workflow"
        await kernel.resume(run, error.value.pause_id, answer="go on")
        assert await kernel.run_workflow(workflow, run=run) == "home"
    assert stage.done == ["paid", "more"]


async def test_a_pause_from_within_a_task_group_fails_nothing(stage: Stage) -> None:
    async def workflow(flow: Flow) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(flow.pause(step_key="ask", title="go on?"))
            group.create_task(flow.step("work", stage.mark("work")))
        return "home"

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as error:
            await kernel.run_workflow(workflow, run=run)
        assert (await state(kernel)).status == "running"
        await kernel.resume(run, error.value.pause_id, answer="go on")
        assert await kernel.run_workflow(workflow, run=run) == "home"
    assert stage.done == ["work"]


# -- what stands inside a step


async def test_steps_within_a_step_leave_the_count_of_those_behind_it_alone(stage: Stage) -> None:
    async def workflow(flow: Flow) -> None:
        async def body() -> None:
            await flow.step("inner", stage.mark("inner"))
            await flow.tool("stow", {"what": "rum"}, step_key="rum")
            await flow.pause(step_key="ask", title="go on?")

        await flow.step("outer", body)
        await flow.step("after", stage.mark("after"))
        await flow.pause(step_key="again", title="and now?")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        for _ in range(2):
            with pytest.raises(RunPausedError) as paused:
                await kernel.run_workflow(workflow, run=run)
        assert len((await state(kernel)).workflow_intents) == 1
        await kernel.resume(run, paused.value.pause_id, answer="go on")
        for _ in range(2):
            with pytest.raises(RunPausedError) as paused:
                await kernel.run_workflow(workflow, run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
        await kernel.run_workflow(workflow, run=run)
        assert (await kinds(kernel)).count("workflow_step_requested") == 3
    assert stage.done == ["inner", "stow rum", "after"]


async def test_models_and_tools_within_a_workflow_are_asked_once(stage: Stage) -> None:
    async def workflow(flow: Flow) -> object:
        said = await flow.model(step_key="where", prompt="the capital?")
        paid = await flow.tool("pay", {"amount": 3}, step_key="pay")
        await flow.pause(step_key="ask", title="go on?")
        return [said.text, paid.value]

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(workflow, run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
    async with stage.kernel() as kernel:
        assert await kernel.run_workflow(workflow, run=await again(kernel)) == ["Paris", 3]
    assert (stage.done, len(stage.model.asked)) == (["pay 3"], 1)


# -- errors, control and otherwise


async def test_an_error_of_a_step_is_recorded_and_raised_again(stage: Stage) -> None:
    def leaks() -> None:
        stage.done.append("leak")
        raise ValueError("a leak")

    async def caring(flow: Flow) -> str:
        try:
            await flow.step("load", leaks)
        except WorkflowStepFailedError as error:
            await flow.pause(step_key="ask", title="mend it?")
            return str(error)
        return "dry"

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(caring, run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
    async with stage.kernel() as kernel:
        answer = await kernel.run_workflow(caring, run=await again(kernel))
    assert answer == "step 'load' failed: ValueError: a leak"
    assert stage.done == ["leak"]


async def test_a_hold_and_its_release_leave_the_intent_open_and_the_run_whole(
    stage: Stage,
) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)

        async def body(flow: Flow) -> None:
            if "held" not in stage.done:
                stage.done.append("held")
                await kernel.hold("voyage")
            await flow.tool("stow", {"what": "rum"}, step_key="rum")

        async def workflow(flow: Flow) -> str:
            await flow.step("outer", lambda: body(flow))
            return "home"

        with pytest.raises(RunHeldError, match="release it first"):
            await kernel.run_workflow(workflow, run=run)
        now = await state(kernel)
        assert (now.status, len(now.workflow_intents)) == ("running", 1)
        with pytest.raises(RunHeldError):
            await kernel.run_workflow(workflow, run=run)
        await kernel.release("voyage")
        assert await kernel.run_workflow(workflow, run=run) == "home"
        assert (await kinds(kernel)).count("workflow_step_requested") == 1
    assert stage.done == ["held", "stow rum"]


@pytest.mark.parametrize("error", [LeaseLostError("gone"), StoreFullError("full")])
async def test_trouble_of_the_store_fails_neither_step_nor_run(
    stage: Stage, error: Exception
) -> None:
    troubles = [error]

    async def body() -> str:
        if troubles:
            raise troubles.pop()
        return "done"

    async def workflow(flow: Flow) -> object:
        return await flow.step("work", body)

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(type(error)):
            await kernel.run_workflow(workflow, run=run)
        assert (await state(kernel)).status == "running"
        assert await kernel.run_workflow(workflow, run=run) == "done"


# -- values


class Cargo(BaseModel):
    name: str
    worth: Decimal


async def test_a_result_is_the_same_type_when_it_is_replayed(stage: Stage) -> None:
    seen: list[Cargo] = []

    async def workflow(flow: Flow) -> object:
        cargo = await flow.step(
            "load", lambda: Cargo(name="rum", worth=Decimal("1.10")), returns=Cargo
        )
        seen.append(cargo)
        await flow.pause(step_key="ask", title="sell?")
        return cargo

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(workflow, run=run)
        await kernel.resume(run, paused.value.pause_id, answer="go on")
        answer = await kernel.run_workflow(workflow, run=run)
    assert seen[0] == seen[1] == Cargo(name="rum", worth=Decimal("1.10"))
    assert answer == {"name": "rum", "worth": "1.10"}


async def test_what_cannot_be_kept_fails_the_step_and_says_that_it_ran(stage: Stage) -> None:
    async def workflow(flow: Flow) -> object:
        return await flow.step("odd", object)

    async def odd_answer(flow: Flow) -> object:
        await flow.step("load", stage.mark("load"))
        return object()

    async with stage.kernel() as kernel:
        with pytest.raises(WorkflowStepFailedError, match="the step ran, but"):
            await kernel.run_workflow(workflow, run=await begun(kernel, "odd"))
        assert (await state(kernel, "odd")).status == "failed"
        run = await begun(kernel, "answer")
        with pytest.raises(InvalidError, match="answer cannot be kept"):
            await kernel.run_workflow(odd_answer, run=run)
        assert (await state(kernel, "answer")).status == "running"
