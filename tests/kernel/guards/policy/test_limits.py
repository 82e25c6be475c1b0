"""Limits: counted by the fold, per turn, run and request, also within one batch."""

from pathlib import Path

import pytest

from quarterdeck_kernel import Deny, ToolAsk, ToolResult
from quarterdeck_kernel.engine.tool_judge import ToolJudge
from quarterdeck_kernel.errors import DeniedError
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.guards.policy.limits import Limits, LimitsGuard
from quarterdeck_kernel.settings.settings import Settings
from tests.kernel.engine.deck import World, acting, kernel_of
from tests.kernel.engine.model_stage import Provider, says
from tests.kernel.guards.policy.steps import call, request


def limits(**given: dict[str, int]) -> Settings:
    return Settings.model_validate({"limits": given})


async def test_a_batch_stays_within_the_limit_though_its_calls_are_judged_before_any_is_made() -> (
    None
):
    world = World()
    settings = limits(run={"tool_calls": 3})
    tool = acting(world.acts, effect="idempotent")
    async with kernel_of(tool, settings=settings) as kernel:
        run = await kernel.start_run(agent="purser")
        calls = [ToolAsk(step_key=str(n), tool="pay", arguments={"amount": n}) for n in range(10)]
        results = await kernel.step_tools(run=run, calls=calls)
        made = [result for result in results if isinstance(result, ToolResult)]
        assert (len(made), world.count) == (3, 3)
        text = "this run may use 3 tool calls, and this would make it 4"
        assert all(text in str(each) for each in results[3:])
        assert [type(each) for each in results[3:]] == [DeniedError] * 7


async def test_an_engine_that_forgets_the_calls_ahead_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposed = ToolJudge._proposed

    def forgets(self: ToolJudge, *given: object) -> object:
        return proposed(self, *given)._replace(ahead=0)  # type: ignore[arg-type]

    monkeypatch.setattr(ToolJudge, "_proposed", forgets)
    with pytest.raises(AssertionError):
        await test_a_batch_stays_within_the_limit_though_its_calls_are_judged_before_any_is_made()


async def test_a_turn_begins_anew_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    world = World()
    settings = limits(turn={"tool_calls": 2})
    tool = acting(world.acts)
    async with kernel_of(tool, at=tmp_path, settings=settings) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tool(run=run, step_key="a", tool="pay", arguments={})
        await kernel.step_tool(run=run, step_key="b", tool="pay", arguments={})
    async with kernel_of(tool, at=tmp_path, settings=settings) as kernel:
        run = await kernel.load_run(run.run_id)
        with pytest.raises(DeniedError, match="this turn may use 2 tool calls"):
            await kernel.step_tool(run=run, step_key="c", tool="pay", arguments={})
        await run.driver.append(lambda _: [PhaseEntered(turn=1, phase="perceive")])
        await kernel.step_tool(run=run, step_key="d", tool="pay", arguments={})
    assert world.count == 3


async def test_calls_upon_one_answer_are_counted_from_that_answer_on() -> None:
    world = World()
    settings = limits(request={"tool_calls": 1})
    model = Provider(says("first"), says("second"))
    async with kernel_of(acting(world.acts), settings=settings, model=model) as kernel:
        run = await kernel.start_run(agent="purser")
        for turn in ("1", "2"):
            await kernel.step_model(run=run, step_key=f"m{turn}", prompt="hi")
            await kernel.step_tool(run=run, step_key=f"a{turn}", tool="pay", arguments={})
            with pytest.raises(DeniedError, match="this request may use 1 tool calls"):
                await kernel.step_tool(run=run, step_key=f"b{turn}", tool="pay", arguments={})
    assert world.count == 2


async def test_model_calls_and_tokens_are_limited(tmp_path: Path) -> None:
    settings = limits(run={"model_calls": 2}, turn={"tokens": 9})
    model = Provider()
    async with kernel_of(at=tmp_path, settings=settings, model=model) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_model(run=run, step_key="a", prompt="hi")
        # Five tokens are used, and five would go in again.
        with pytest.raises(DeniedError, match="this turn may use 9 tokens, and this would make it"):
            await kernel.step_model(run=run, step_key="b", prompt="hi")
        await run.driver.append(lambda _: [PhaseEntered(turn=1, phase="perceive")])
        await kernel.step_model(run=run, step_key="c", prompt="hi")
        await run.driver.append(lambda _: [PhaseEntered(turn=2, phase="perceive")])
        with pytest.raises(DeniedError, match="this run may use 2 model calls"):
            await kernel.step_model(run=run, step_key="d", prompt="hi")
        assert len(model.asked) == 2


def test_a_request_too_large_is_denied_and_no_limit_is_none() -> None:
    guard = LimitsGuard(Limits.model_validate({"request": {"tokens": 10}}))
    assert not isinstance(guard.judge_request(request(tokens=10)), Deny)
    verdict = guard.judge_request(request(tokens=11))
    assert isinstance(verdict, Deny)
    assert verdict.rule == "limits.request.tokens"
    assert not isinstance(LimitsGuard(Limits()).judge(call()), Deny)
    none = LimitsGuard(Limits.model_validate({"run": {"tool_calls": 0}}))
    assert isinstance(none.judge(call()), Deny)
