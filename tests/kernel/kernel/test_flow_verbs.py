"""What a flow asks for as its kernel does: the same may be said of a call and of a question."""

import asyncio
from typing import Literal

import pytest

from quarterdeck_kernel import Flow, RetryPolicy
from quarterdeck_kernel.errors import InvalidError, RunPausedError, ToolFailedError
from tests.kernel.kernel.flow_stage import Stage, begun, head, kinds


async def test_a_tool_in_a_workflow_is_tried_as_often_as_the_workflow_says(stage: Stage) -> None:
    async def code(flow: Flow) -> object:
        given = await flow.tool("stow", {"what": "rum"}, step_key="s", retry=RetryPolicy(tries=1))
        return given.value

    stage.fail_next = 1
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(ToolFailedError, match="the hold is shut"):
            await kernel.run_workflow(code, run=run)
        assert (await kinds(kernel)).count("tool_requested") == 1


async def test_a_question_in_a_workflow_has_options_a_schema_an_expiry_and_a_token(
    stage: Stage,
) -> None:
    async def code(flow: Flow) -> object:
        answer = await flow.pause(
            step_key="port",
            title="Which?",
            type="choose",
            options=["Bristol", "Cork"],
            answer=Literal["Cork"],  # type: ignore[arg-type]
            expires_after_s=60,
            with_token=True,
        )
        return answer.value

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_workflow(code, run=run)
        (pause,) = run.state.pauses.values()
        assert pause.expires_at_us is not None
        with pytest.raises(InvalidError, match="does not fit"):
            await kernel.resume(run, token=paused.value.token, answer="Bristol")
        await kernel.resume(run, token=paused.value.token, answer="Cork")
        assert await kernel.run_workflow(code, run=run) == "Cork"


async def test_a_question_that_a_workflow_waits_for_is_answered_while_it_runs(
    stage: Stage,
) -> None:
    async def code(flow: Flow) -> object:
        answer = await flow.pause(step_key="sail", title="Sail?", type="confirm", wait=True)
        return answer.value

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(code, run=run))
        while "pause_requested" not in await kinds(kernel):
            await kernel.store.wait(after=(await head(kernel))[0], run_id=run.run_id)
        await kernel.resume(run, next(iter(run.state.pauses)), decision="approved")
        async with asyncio.timeout(20):
            assert await task is True
