"""Guards of model requests: what they refuse is never sent, and is on record once."""

from collections.abc import Callable

import pytest

from quarterdeck_kernel import (
    ALLOW,
    Deny,
    GuardKind,
    Hold,
    Pause,
    ProposedRequest,
    Verdict,
    Warn,
)
from quarterdeck_kernel.engine.model_judge import ModelJudge, Permitted
from quarterdeck_kernel.errors import DeniedError, RunHeldError
from quarterdeck_kernel.vocabulary.reservation import NOTHING
from tests.kernel.engine.model_stage import Stage, events_of, kinds_of, says

WHOLE = ["model_requested", "model_completed"]


class Rule:
    """A guard of requests that says what it is given to say."""

    name = "rule"
    kind: GuardKind = "policy"

    def __init__(self, verdict: Verdict | Callable[[ProposedRequest], Verdict]) -> None:
        self.verdict = verdict
        self.asked: list[ProposedRequest] = []

    def judge_request(self, request: ProposedRequest) -> Verdict:
        self.asked.append(request)
        return self.verdict(request) if callable(self.verdict) else self.verdict


async def test_a_denied_request_is_never_sent_and_denied_again_from_the_record(
    stage: Stage,
) -> None:
    rule = Rule(Deny(reason="too dear", rule="r1"))
    async with await stage.kernel(says("no"), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(DeniedError, match="'s' was denied by rule: too dear"):
                await kernel.step_model(run=run, step_key="s", prompt="hi")
        assert await kinds_of(kernel, run) == ["guard_denied"]
        assert (stage.provider.asked, len(rule.asked)) == ([], 1)


async def test_a_warning_stands_before_the_request_and_a_replay_is_not_judged(
    stage: Stage,
) -> None:
    rule = Rule(Warn(reason="dear"))
    async with await stage.kernel(says("yes"), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            await kernel.step_model(run=run, step_key="s", prompt="hi")
        assert await kinds_of(kernel, run) == ["guard_warned", *WHOLE]
        assert len(rule.asked) == 1


async def test_a_hold_stops_the_run_and_the_request_is_judged_anew_when_it_is_released(
    stage: Stage,
) -> None:
    rule = Rule(Hold(by="budget", reason="nothing left"))
    async with await stage.kernel(says("yes"), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(RunHeldError, match="nothing left"):
                await kernel.step_model(run=run, step_key="s", prompt="hi")
        assert await kinds_of(kernel, run) == ["held"]
        rule.verdict = ALLOW
        await kernel.release(run, reason="raised")
        assert (await kernel.step_model(run=run, step_key="s", prompt="hi")).text == "yes"
        assert await kinds_of(kernel, run) == ["held", "released", *WHOLE]


async def test_a_request_waits_for_nobody(stage: Stage) -> None:
    async with await stage.kernel(guards=[Rule(Pause(title="May I?"))]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="waits for nobody"):
            await kernel.step_model(run=run, step_key="s", prompt="hi")


async def test_a_guard_that_fails_denies(stage: Stage) -> None:
    def breaks(_request: ProposedRequest) -> Verdict:
        raise ZeroDivisionError

    async with await stage.kernel(guards=[Rule(breaks)]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="the guard failed: ZeroDivisionError"):
            await kernel.step_model(run=run, step_key="s", prompt="hi")


async def test_the_model_that_is_judged_is_the_one_that_is_asked(stage: Stage) -> None:
    rule = Rule(ALLOW)
    async with await stage.kernel(says("yes"), guards=[rule], model_name="small") as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_model(run=run, step_key="s", prompt="hi", model="large")
        assert [request.model for request in rule.asked] == ["large"]
        requested = (await events_of(kernel, run))[2]
        assert getattr(requested.payload, "model", None) == "large"


async def test_an_engine_that_asks_no_guard_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(_judge: object, _asked: object, model: str, _prices: object) -> Permitted:
        return Permitted(model, NOTHING)

    monkeypatch.setattr(ModelJudge, "allowed", nobody)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await test_a_guard_that_fails_denies(stage)
