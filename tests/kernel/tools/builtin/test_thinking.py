"""What an agent says of itself: thoughts, notes, a plan that tells its progress; asking, ending."""

from pathlib import Path

import pytest

from quarterdeck_kernel.errors import InvalidError, ToolArgumentsError
from quarterdeck_kernel.tools.builtin.control import control_tools
from quarterdeck_kernel.tools.builtin.thinking import thinking_tools
from tests.kernel.engine.deck import kernel_of, story
from tests.kernel.tools.builtin.hands import context


async def test_a_plan_tells_the_progress_of_the_run_also_after_a_restart(tmp_path: Path) -> None:
    async with kernel_of(*thinking_tools(), at=tmp_path) as kernel:
        run = await kernel.start_run(agent="a", run_id="voyage")
        items: list[object] = [{"text": "look"}, {"text": "mend"}]
        await kernel.step_tool(run=run, step_key="1", tool="plan", arguments={"items": items})
        items = [{"text": "look", "done": True}, {"text": "mend"}]
        result = await kernel.step_tool(
            run=run, step_key="2", tool="plan", arguments={"items": items}
        )
        assert result.value == {"done": 1, "total": 2}
        await kernel.step_tool(run=run, step_key="3", tool="think", arguments={"thought": "hm"})
        assert run.state.vitals.plan_done == 1
        assert run.state.vitals.side_effects == 0
    async with kernel_of(*thinking_tools(), at=tmp_path) as kernel:
        run = await kernel.load_run("voyage")
        assert run.state.vitals.progress == 0.5
        await kernel.step_tool(run=run, step_key="4", tool="plan", arguments={"items": []})
        assert run.state.vitals.plan_total == 0
        assert (await story(kernel, run))[-2:] == ["intent 1", "success"]


@pytest.mark.parametrize("tool", control_tools(), ids=lambda tool: tool.name)
def test_asking_and_finishing_are_for_the_loop_to_answer(tool: object) -> None:
    assert tool.answered_by_caller  # type: ignore[attr-defined]
    with pytest.raises(InvalidError, match="answered by the caller"):
        tool.start(context(), {})  # type: ignore[attr-defined]


def test_no_more_than_three_options() -> None:
    ask, finish = control_tools()
    assert ask.parse({"question": "which?"}) == {"question": "which?", "options": None}
    with pytest.raises(ToolArgumentsError):
        ask.parse({"question": "which?", "options": ["a", "b", "c", "d"]})
    with pytest.raises(ToolArgumentsError):
        finish.parse({"answer": ""})
