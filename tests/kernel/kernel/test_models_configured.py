"""What settings say of models, at work: prices, tiers to degrade to, limits of providers."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import AgentSpec, Kernel, Price
from quarterdeck_kernel.errors import SettingsError
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.kernel.modelling import models_of
from quarterdeck_kernel.settings.loading import load_settings
from quarterdeck_kernel.settings.settings import Settings
from tests.kernel.agent.agents import finishes, of_kind, scripted

PRICED = """
[models.big]
tier = "frontier"
input_usd = 1000000
output_usd = 1000000
[models.cheap]
tier = "small"
input_usd = 0
output_usd = 0.5
window_tokens = 9000
"""
SPEC = AgentSpec(name="sailor", tier="frontier")
USAGE: Mapping[str, JsonValue] = {"input_tokens": 10, "output_tokens": 4}


def settings(folder: Path, toml: str) -> Settings:
    (folder / "quarterdeck.toml").write_text(toml)
    return load_settings(folder, user=folder / "nobody").settings


async def opened(folder: Path, toml: str) -> Kernel:
    model = scripted(finishes(cost=None, usage=USAGE, times=None))
    return await Kernel.open(":memory:", model=model, settings=settings(folder, toml))


async def test_a_cost_that_the_provider_does_not_tell_follows_from_the_price(
    tmp_path: Path,
) -> None:
    async with await opened(tmp_path, PRICED) as kernel:
        run = await kernel.start_agent(SPEC, "sail", model="cheap")
        await kernel.run_agent(run)
        (answer,) = [event.payload for event in await of_kind(kernel, run, "model_completed")]
        assert isinstance(answer, ModelCompleted)
        # Four tokens out at half a micro-dollar.
        assert answer.cost_micros == 2
        (request,) = [event.payload for event in await of_kind(kernel, run, "model_requested")]
        assert isinstance(request, ModelRequested)
        assert request.window_tokens == 9_000


async def test_at_the_end_of_a_budget_the_tier_below_is_asked(tmp_path: Path) -> None:
    toml = PRICED + '\n[budgets]\non_exceed = "degrade"\nrun = { usd = 0.01 }\n'
    async with await opened(tmp_path, toml) as kernel:
        run = await kernel.start_agent(SPEC, "sail")
        assert run.state.conditions.model == "big"
        assert (await kernel.run_agent(run)).status == "succeeded"
        (request,) = [event.payload for event in await of_kind(kernel, run, "model_requested")]
        assert isinstance(request, ModelRequested)
        assert (request.model, request.tier) == ("cheap", "small")
        assert len(await of_kind(kernel, run, "guard_warned")) >= 1


async def test_a_person_may_put_a_run_on_another_tier(tmp_path: Path) -> None:
    async with await opened(tmp_path, PRICED) as kernel:
        run = await kernel.start_agent(SPEC, "sail")
        state = await kernel.swap_model(run, tier="small")
        assert (state.conditions.model, state.conditions.tier) == ("cheap", "small")


@pytest.mark.parametrize(("toml", "most"), [("[providers.acme]\nat_once = 3", 3), ("", 16)])
async def test_the_limit_of_a_provider_is_that_of_the_settings(
    tmp_path: Path, toml: str, most: int
) -> None:
    async with await opened(tmp_path, toml) as kernel:
        slots = kernel._limiter._slots_of("acme")
        assert slots._value == most


def test_a_local_model_is_a_file_beside_its_settings_and_the_workspaces_word_wins(
    tmp_path: Path,
) -> None:
    user = settings(tmp_path, "[models.a]\ngguf = 'a.gguf'\n[models.b]\nscript = 'b.json'")
    work = tmp_path / "work"
    work.mkdir()
    own = settings(work, "[models.a]\nscript = 'mine.json'\n[models.b]\nwindow_tokens = 9").under(
        user
    )
    assert (own.models["a"].script, own.models["a"].gguf) == (str(work / "mine.json"), None)
    assert own.models["b"].script == str(tmp_path / "b.json")
    with pytest.raises(SettingsError, match="a script or a GGUF file, not both"):
        settings(work, "[models.a]\nscript = 'a.json'\ngguf = 'a.gguf'")
    local = models_of(settings(work, "[models.a]\ngguf = 'a.gguf'"))
    assert local.window_tokens("a") == 8_192
    assert local.price("a") == Price(input=Decimal(0), output=Decimal(0))
