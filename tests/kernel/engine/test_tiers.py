"""Tiers: which model a request goes to, why that stands in the log, and who is asked next."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import AgentSpec, Kernel, Run
from quarterdeck_kernel.engine.router import Router
from quarterdeck_kernel.errors import RunHeldError
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.tiers import Route
from tests.kernel.agent.agents import calls, crewed, finishes, of_kind, scripted, started
from tests.kernel.engine.deck import SECOND_US, WatchedClock

TIERS = {"frontier": ("f1",), "mid": ("m1", "m2"), "small": ("s1",)}
CHAT = Route(name="small talk", tier="small", max_chars=40, said_pattern="(?i)^(great|thanks)")
ONCE = RetryPolicy(tries=1)


def agent(**more: object) -> AgentSpec:
    return AgentSpec.model_validate({"name": "sailor", "tier": "mid", "retry": ONCE, **more})


def breaks(model: str, kind: str = "permanent") -> Mapping[str, JsonValue]:
    return {"when": {"model": model}, "failure": {"kind": kind}, "times": None}


async def asked(kernel: Kernel, run: Run) -> list[tuple[str, str | None, str | None]]:
    payloads = [event.payload for event in await of_kind(kernel, run, "model_requested")]
    return [(p.model, p.tier, p.routed) for p in payloads]  # type: ignore[union-attr]


async def test_the_first_model_of_the_agents_tier_is_asked_and_needs_no_reason() -> None:
    async with crewed(scripted(finishes()), tiers=TIERS) as kernel:
        run = await started(kernel, agent())
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert await asked(kernel, run) == [("m1", "mid", None)]
        assert run.state.conditions.model == "m1"


async def test_great_now_goes_to_the_small_model_and_the_log_says_why() -> None:
    async with crewed(scripted(finishes()), tiers=TIERS, routes=[CHAT]) as kernel:
        run = await started(kernel, agent(), "Great, now do the next one")
        await kernel.run_agent(run)
        assert await asked(kernel, run) == [("s1", "small", "rule 'small talk'")]
        other = await started(kernel, agent(), "Prove the conjecture")
        await kernel.run_agent(other)
        assert await asked(kernel, other) == [("m1", "mid", None)]


@pytest.mark.parametrize("kind", ["permanent", "transient", "timeout"])
async def test_where_a_model_fails_the_next_of_its_tier_is_asked(kind: str) -> None:
    async with crewed(scripted(breaks("m1", kind), finishes()), tiers=TIERS) as kernel:
        run = await started(kernel, agent())
        assert (await kernel.run_agent(run)).status == "succeeded"
        (first, second) = await asked(kernel, run)
        assert first == ("m1", "mid", None)
        assert second[:2] == ("m2", "mid")
        assert f"'m1' failed: {kind}" in (second[2] or "")
        assert run.state.spend.model_calls == 2
        assert run.state.vitals.model_streak == 0


async def test_a_model_that_failed_is_passed_over_for_a_while_by_other_runs_too() -> None:
    clock = WatchedClock()
    model = scripted(breaks("m1"), finishes(times=None), remember=10)
    async with crewed(model, tiers=TIERS, clock=clock) as kernel:
        await kernel.run_agent(await started(kernel, agent()))
        other = await started(kernel, agent())
        await kernel.run_agent(other)
        assert [each.model for each in model.asked] == ["m1", "m2", "m2"]
        clock.advance(61 * SECOND_US)
        await kernel.run_agent(await started(kernel, agent()))
        assert [each.model for each in model.asked][3:] == ["m1", "m2"]


async def test_where_all_models_of_the_tier_fail_the_last_failure_is_told() -> None:
    async with crewed(scripted(breaks("m1"), breaks("m2")), tiers=TIERS) as kernel:
        run = await started(kernel, agent())
        result = await kernel.run_agent(run)
        assert result.error == "model_failed"
        assert "m2" in (result.message or "")


async def test_a_run_whose_tier_cannot_be_reached_is_held_and_goes_on_later() -> None:
    clock = WatchedClock()
    down = {"failure": {"kind": "transient"}, "times": 1}
    async with crewed(scripted(down, finishes(times=None)), tiers=TIERS, clock=clock) as kernel:
        run = await started(kernel, agent(tier="small"))
        with pytest.raises(RunHeldError):
            await kernel.run_agent(run)
        await kernel.release(run)
        clock.advance(61 * SECOND_US)
        assert (await kernel.run_agent(run)).status == "succeeded"


async def test_a_model_that_somebody_named_is_asked_and_no_other() -> None:
    async with crewed(scripted(breaks("mine"), finishes()), tiers=TIERS, routes=[CHAT]) as kernel:
        run = await started(kernel, agent(), "thanks", model="mine")
        assert (await kernel.run_agent(run)).error == "model_failed"
        assert await asked(kernel, run) == [("mine", None, None)]


async def test_sub_agents_stand_on_tiers_of_their_own() -> None:
    mate = AgentSpec(name="mate", tier="small")
    model = scripted(calls(("mate", {"task": "row"}), when={"said": "sail"}), finishes(times=None))
    async with crewed(model, tiers=TIERS) as kernel:
        run = await started(kernel, agent(sub_agents=[mate.model_dump()]), "sail")
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert [each.model for each in model.asked] == ["m1", "s1", "m1"]


async def test_a_router_that_never_falls_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Router, "next", lambda *_: False)
    with pytest.raises(AssertionError):
        await test_where_a_model_fails_the_next_of_its_tier_is_asked("permanent")
