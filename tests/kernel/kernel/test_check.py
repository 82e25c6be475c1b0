"""The replay check: equal, or the first place where code and log part; and nothing is done."""

import pytest

from quarterdeck_kernel import Flow, Kernel
from quarterdeck_kernel.engine.replay import ReplayDriver
from quarterdeck_kernel.engine.replay_index import ReplayIndex
from tests.kernel.kernel.flow_stage import Stage, Workflow, begun, head, played, voyage


async def test_the_same_code_is_equal_and_complete_and_nothing_happens(stage: Stage) -> None:
    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        before = await head(kernel)
        report = await kernel.check_workflow(voyage(stage), run="voyage")
        assert (report.equal, report.complete, report.raised) == (True, True, None), report
        assert (report.head_seq, report.seq) == (before[0], None)
        assert await head(kernel) == before
        assert stage.done == []
        assert not stage.model.asked


async def test_a_kernel_without_tools_model_or_lease_checks_a_run_too(stage: Stage) -> None:
    async def only_steps(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.model(step_key="where", prompt="the capital?")

    async with stage.kernel() as kernel:
        await played(stage, kernel, only_steps)
        async with await Kernel.open(stage.folder) as other:
            assert (await other.check_workflow(only_steps, run="voyage")).complete


async def test_a_renamed_step_is_named_with_both_sides(stage: Stage) -> None:
    async def renamed(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.tool("stow", {"what": "rum"}, step_key="rum")
        await flow.model(step_key="where", prompt="the capital?")
        await flow.step("set sail", stage.mark("sail"), effect="once")

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(renamed, run="voyage")
    assert not report.equal
    assert (report.recorded, report.offered) == ("step 2 'sail'", "step 2 'set sail'")
    assert "renamed" in report.sentence
    assert stage.done == []


async def test_steps_in_another_order_are_a_divergence(stage: Stage) -> None:
    async def reordered(flow: Flow) -> None:
        await flow.step("sail", stage.mark("sail"), effect="once")
        await flow.step("load", stage.mark("load"))

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(reordered, run="voyage")
    assert not report.equal
    assert "'sail' is step 2 on record: was the order changed" in report.sentence
    assert (report.recorded, report.offered) == ("step 1 'load'", "step 1 'sail'")


@pytest.mark.parametrize("left_out", ["load", "rum", "where", "sail"])
async def test_a_missing_step_is_named(stage: Stage, left_out: str) -> None:
    async def shorter(flow: Flow) -> str:
        if left_out != "load":
            await flow.step("load", stage.mark("load"))
        if left_out != "rum":
            await flow.tool("stow", {"what": "rum"}, step_key="rum")
        if left_out != "where":
            await flow.model(step_key="where", prompt="the capital?")
        if left_out != "sail":
            await flow.step("sail", stage.mark("sail"), effect="once")
        return "home Paris"

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(shorter, run="voyage")
    assert not report.equal
    assert left_out in (report.recorded or "")
    assert stage.done == []


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_an_extra_step_is_named_wherever_it_stands(stage: Stage, at: int) -> None:
    async def longer(flow: Flow) -> str:
        if at == 0:
            await flow.tool("stow", {"what": "tar"}, step_key="tar")
        await flow.step("load", stage.mark("load"))
        await flow.tool("stow", {"what": "rum"}, step_key="rum")
        if at == 1:
            await flow.tool("stow", {"what": "tar"}, step_key="tar")
        await flow.model(step_key="where", prompt="the capital?")
        await flow.step("sail", stage.mark("sail"), effect="once")
        if at == 2:
            await flow.tool("stow", {"what": "tar"}, step_key="tar")
        return "home Paris"

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(longer, run="voyage")
    assert not report.equal
    assert report.offered == 'tool step \'tar\': stow {"what":"tar"}'
    wanted = [
        "step 1 'load'",
        "model step 'where': user 'the capital?'",
        "the end, with the answer",
    ]
    assert (report.recorded or "").startswith(wanted[at])
    assert stage.done == []


async def test_another_prompt_is_shown_beside_the_recorded_one(stage: Stage) -> None:
    async def other(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.tool("stow", {"what": "rum"}, step_key="rum")
        await flow.model(step_key="where", prompt="the river?")

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(other, run="voyage")
        assert not report.equal
        assert report.seq is not None
        assert (await kernel.store.read("voyage", after=report.seq - 1))[0].kind == (
            "model_requested"
        )
    assert "the capital?" in (report.recorded or "")
    assert "the river?" in (report.offered or "")
    assert not stage.model.asked


async def test_other_arguments_of_a_tool_are_shown_beside_the_recorded_ones(stage: Stage) -> None:
    async def other(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))
        await flow.tool("stow", {"what": "gin"}, step_key="rum")

    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(other, run="voyage")
    assert not report.equal
    assert ("rum" in (report.recorded or ""), "gin" in (report.offered or "")) == (True, True)
    assert stage.done == []


async def test_another_answer_is_a_divergence_at_the_end(stage: Stage) -> None:
    async with stage.kernel() as kernel:
        await played(stage, kernel, voyage(stage))
        report = await kernel.check_workflow(voyage(stage, "lost"), run="voyage")
        assert report.seq == (await head(kernel))[0]
    assert not report.equal
    assert ("home Paris" in (report.recorded or ""), "lost Paris" in (report.offered or "")) == (
        True,
        True,
    )


async def test_a_recorded_failure_is_compared_with_the_error_that_is_raised(stage: Stage) -> None:
    def failing(text: str) -> Workflow:
        async def workflow(flow: Flow) -> None:
            await flow.step("load", stage.mark("load"))
            raise ValueError(text)

        return workflow

    async def mended(flow: Flow) -> None:
        await flow.step("load", stage.mark("load"))

    async with stage.kernel() as kernel:
        with pytest.raises(ValueError, match="leak"):
            await kernel.run_workflow(failing("a leak"), run=await begun(kernel))
        equal = await kernel.check_workflow(failing("a leak"), run="voyage")
        assert (equal.equal, equal.complete, equal.raised) == (True, True, "ValueError: a leak")
        other = await kernel.check_workflow(failing("a storm"), run="voyage")
        assert not other.equal
        assert ("leak" in (other.recorded or ""), "storm" in (other.offered or "")) == (True, True)
        assert not (await kernel.check_workflow(mended, run="voyage")).equal


async def test_a_check_that_overlooks_what_is_left_over_finds_no_missing_step(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReplayIndex, "left", lambda *_: None)
    with pytest.raises(AssertionError):
        await test_a_missing_step_is_named(stage, "rum")


async def test_a_check_that_does_not_stop_at_the_end_of_the_log_calls_the_tool(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def goes_on(_driver: ReplayDriver, _offered: str) -> None:
        return None

    monkeypatch.setattr(ReplayDriver, "fresh", goes_on)
    with pytest.raises(AssertionError):
        await test_an_extra_step_is_named_wherever_it_stands(stage, 2)
