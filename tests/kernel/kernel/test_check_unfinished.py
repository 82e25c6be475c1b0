"""The replay check where a run has not ended, was ended from outside, or has branches."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import Flow, Run
from quarterdeck_kernel.engine.replay import ReplayDriver
from quarterdeck_kernel.errors import (
    InvalidError,
    ReconciliationRequiredError,
    RunPausedError,
    StepError,
)
from tests.kernel.kernel.flow_stage import Stage, Workflow, again, begun, head, played


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Real time: a failed tool waits before it is tried again."""
    return Stage(tmp_path / "ship")


async def test_code_that_swallows_errors_does_not_survive_the_end_of_the_log(stage: Stage) -> None:
    async def stubborn(flow: Flow) -> None:
        for number in range(3):
            try:
                await flow.tool("stow", {"what": "rum"}, step_key=f"try-{number}")
            except Exception:  # noqa: BLE001, S112 - what is under test
                continue

    async with stage.kernel() as kernel:
        await begun(kernel)
        report = await kernel.check_workflow(stubborn, run="voyage")
    assert (report.equal, report.complete) == (True, False)
    assert "try-0" in (report.offered or "")
    assert stage.done == []


async def test_a_paused_run_is_equal_as_far_as_it_goes(stage: Stage) -> None:
    async def asking(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.pause(step_key="ask", title="sail?")
        await flow.step("sail", stage.mark("sail"))

    async def asking_first(flow: Flow) -> None:
        await flow.pause(step_key="ask", title="sail?")
        await flow.step("load", stage.mark("load"))

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(asking, run=run)
        stage.done.clear()
        before = await head(kernel)
        report = await kernel.check_workflow(asking, run=run)
        assert (report.equal, report.complete) == (True, False)
        assert report.offered == "pause 'sail?'"
        assert not (await kernel.check_workflow(asking_first, run=run)).equal
        assert await head(kernel) == before
        await kernel.resume(run, paused.value.pause_id, answer="aye")
        report = await kernel.check_workflow(asking, run=run)
        assert (report.equal, report.offered) == (True, "step 2 'sail'")
    assert stage.done == []


async def test_a_run_with_an_unknown_outcome_is_checked_and_not_probed(stage: Stage) -> None:
    async def breaking(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.step("pay", broken, effect="once")

    def broken() -> None:
        raise OSError("the line went dead")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(ReconciliationRequiredError):
            await kernel.run_workflow(breaking, run=run)
        before = await head(kernel)
        report = await kernel.check_workflow(breaking, run=run)
        assert (report.equal, report.complete) == (True, False)
        assert report.offered == "step 2 'pay'"
        assert await head(kernel) == before


async def test_a_cancelled_run_ends_where_the_code_would_go_on(stage: Stage) -> None:
    async def waiting(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.pause(step_key="ask", title="sail?")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(waiting, run=run)
        await kernel.cancel(run)
        with pytest.raises(Exception, match="cancel"):
            await kernel.run_workflow(waiting, run=run)
        report = await kernel.check_workflow(waiting, run="voyage")
    assert (report.equal, report.complete) == (True, False)
    assert "cancelled" in report.sentence


async def test_parallel_branches_are_followed_to_where_the_log_ends(stage: Stage) -> None:
    async def branch(flow: Flow, name: str, steps: int) -> None:
        for number in range(steps):
            await flow.tool("stow", {"what": name}, step_key=f"{name}-{number}")
            await flow.step("count", stage.mark(name))

    def workflow(*lengths: int) -> Workflow:
        async def crew(flow: Flow) -> None:
            names = ("ann", "ben", "cat")
            await flow.gather(
                *(branch(flow, name, n) for name, n in zip(names, lengths, strict=True))
            )

        return crew

    async with stage.kernel() as kernel:
        await played(stage, kernel, workflow(1, 3, 5))
        assert (await kernel.check_workflow(workflow(1, 3, 5), run="voyage")).complete
        longer = await kernel.check_workflow(workflow(2, 3, 5), run="voyage")
        assert not longer.equal
        assert "'ann-1'" in (longer.offered or "")
        assert (longer.recorded or "").startswith("the end")
        shorter = await kernel.check_workflow(workflow(1, 3, 4), run="voyage")
        assert not shorter.equal
        assert "'cat-4'" in (shorter.recorded or "")
    assert stage.done == []


async def test_branches_that_were_cut_off_unevenly_are_no_divergence(stage: Stage) -> None:
    gone = asyncio.Event()

    async def branch(flow: Flow, name: str) -> None:
        for number in range(3):
            if name == "ann" and number == 1:
                await gone.wait()
                await flow.pause(step_key="ask", title="go on?")
            await flow.tool("stow", {"what": name}, step_key=f"{name}-{number}")
        gone.set()

    async def crew(flow: Flow) -> None:
        await asyncio.gather(branch(flow, "ann"), branch(flow, "ben"))

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(crew, run=run)
        report = await kernel.check_workflow(crew, run=run)
        assert (report.equal, report.complete) == (True, False), report


async def test_any_code_is_checked_with_the_run_it_is_handed(stage: Stage) -> None:
    async with stage.kernel() as kernel:

        async def code(run: Run, what: str, *, finish: bool = True) -> str:
            await kernel.step_tool(run=run, step_key="a", tool="stow", arguments={"what": what})
            said = await kernel.step_model(run=run, step_key="b", prompt="the capital?")
            if finish:
                await kernel.finish_run(run, answer=said.text)
            return said.text

        await code(await begun(kernel), "rum")
        stage.done.clear()
        assert (await kernel.check(code, "rum", run="voyage")).complete
        report = await kernel.check(code, "gin", run="voyage")
        assert (report.equal, "gin" in (report.offered or "")) == (False, True)

        async def shouting(run: Run) -> None:
            await kernel.step_tool(run=run, step_key="a", tool="stow", arguments={"what": "rum"})
            await kernel.step_model(run=run, step_key="b", prompt="the capital?")
            await kernel.finish_run(run, answer="PARIS")

        report = await kernel.check(shouting, run="voyage")
        assert not report.equal
        assert report.offered == 'the end, with the answer "PARIS"'
    assert stage.done == []


async def test_what_code_raises_is_in_the_report(stage: Stage) -> None:
    async with stage.kernel() as kernel:

        async def code(run: Run) -> None:
            await kernel.step_tool(run=run, step_key="a", tool="nothing", arguments={})

        await begun(kernel)
        report = await kernel.check(code, run="voyage")
    assert (report.raised or "").startswith("UnknownToolError")


async def test_nothing_is_decided_in_a_check(stage: Stage) -> None:
    async with stage.kernel() as kernel:

        async def deciding(run: Run) -> None:
            await kernel.cancel(run)

        await begun(kernel)
        before = await head(kernel)
        report = await kernel.check(deciding, run="voyage")
        assert (report.raised or "").startswith(InvalidError.__name__)
        assert await head(kernel) == before


async def test_a_run_is_checked_while_another_kernel_drives_it(stage: Stage) -> None:
    going, begun_to = asyncio.Event(), asyncio.Event()

    async def slow(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.step("wait", waits)
        await flow.step("sail", stage.mark("sail"))

    async def waits() -> None:
        begun_to.set()
        await going.wait()

    async with stage.kernel() as kernel, stage.kernel() as other:
        driving = asyncio.create_task(kernel.run_workflow(slow, run=await begun(kernel)))
        await begun_to.wait()
        before = await head(kernel)
        report = await other.check_workflow(slow, run=await again(other))
        assert (report.equal, report.complete) == (True, False)
        assert report.offered == "step 2 'wait'"
        assert await head(kernel) == before
        going.set()
        await driving
        assert (await other.check_workflow(slow, run="voyage")).complete


async def test_a_failed_tool_fails_in_the_check_as_it_did(stage: Stage) -> None:
    async def caring(flow: Flow) -> str:
        try:
            await flow.tool("stow", {"what": "rum"}, step_key="rum")
        except StepError as error:
            return f"{error}"
        return "stowed"

    async with stage.kernel() as kernel:
        stage.fail_next = 1
        run = await begun(kernel)
        await kernel.run_workflow(caring, run=run)
        report = await kernel.check_workflow(caring, run="voyage")
        assert report.complete, report


async def test_inside_of_a_finished_step_nothing_is_looked_into(stage: Stage) -> None:
    async def nested(flow: Flow) -> None:
        async def body() -> None:
            await flow.tool("stow", {"what": "rum"}, step_key="rum")
            await flow.step("inner", stage.mark("inner"))
            await flow.now()

        await flow.step("outer", body)
        await flow.step("after", stage.mark("after"))

    async with stage.kernel() as kernel:
        await played(stage, kernel, nested)
        report = await kernel.check_workflow(nested, run="voyage")
        assert report.complete, report
    assert stage.done == []


async def test_a_check_that_waits_for_nobody_takes_a_branch_it_has_not_heard_for_missing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(_driver: ReplayDriver) -> None:
        return None

    monkeypatch.setattr(ReplayDriver, "_quiet", at_once)
    with pytest.raises(AssertionError):
        await test_branches_that_were_cut_off_unevenly_are_no_divergence(stage)
