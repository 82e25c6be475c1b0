"""What happens where a budget is met, and what is no budget."""

from decimal import Decimal
from typing import Any

import pytest

from quarterdeck_kernel import Actor, Tenant
from quarterdeck_kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    RunHeldError,
)
from quarterdeck_kernel.events.guard_events import GuardWarned
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.vocabulary.budgets import Budgets
from quarterdeck_kernel.vocabulary.price import Price
from tests.kernel.engine.budget_stage import called, limits, spoken, tenant
from tests.kernel.engine.deck import (
    World,
    acting,
    kernel_of,
)
from tests.kernel.engine.model_stage import Stage, events_of, kinds_of, says


async def test_on_exceed_deny_refuses_the_call_and_not_the_run() -> None:
    world = World()
    budgets = Budgets(run={"micros": 5}, on_exceed="deny")
    async with kernel_of(acting(world.acts, cost_micros=4), budgets=budgets) as kernel:
        run = await kernel.start_run(agent="purser")
        await called(kernel, run, "a")
        with pytest.raises(DeniedError, match="the budget of the run"):
            await called(kernel, run, "b")
        assert run.state.holds == {}
        assert world.count == 1


class Tiers:
    """Prices by model."""

    def __init__(self, stage: Stage, **prices: int | None) -> None:
        self._prices = prices
        self._inner = stage.provider

    def price(self, model: str) -> Price | None:
        output = self._prices.get(model)
        return None if output is None else Price(input=Decimal(0), output=Decimal(output))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the provider has
        return getattr(self._inner, name)


async def test_on_exceed_degrade_asks_the_tier_below(stage: Stage) -> None:
    budgets = Budgets(
        run={"micros": 40}, on_exceed="degrade", tiers=(("big",), ("middle",), ("small",))
    )
    model = Tiers(stage, big=10, middle=5, small=1)
    async with await stage.kernel(model=model, model_name="big", budgets=budgets) as kernel:
        model._inner = stage.provider
        run = await kernel.start_run(agent="purser")
        await spoken(kernel, run, "a")
        assert await kinds_of(kernel, run) == [
            "guard_warned",
            "guard_warned",
            "model_requested",
            "model_completed",
        ]
        (request,) = [
            e.payload for e in await events_of(kernel, run) if isinstance(e.payload, ModelRequested)
        ]
        assert (request.model, request.estimate_micros) == ("small", 10)
        assert stage.provider.asked[0].model == "small"
        reasons = [
            e.payload.reason
            for e in await events_of(kernel, run)
            if isinstance(e.payload, GuardWarned)
        ]
        assert "'middle' is asked in place of 'big'" in str(reasons[0])
        assert await spoken(kernel, run, "a") == "answer 1"
        for number in range(4):
            await spoken(kernel, run, f"b{number}")
        with pytest.raises(RunHeldError):
            await spoken(kernel, run, "c")


async def test_a_price_nobody_knows_is_refused_where_policy_is_strict(stage: Stage) -> None:
    async with await stage.kernel(budgets=Budgets(strict=True)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="nobody knows what 'scripted' costs"):
            await spoken(kernel, run, "a")
        assert stage.provider.asked == []


async def test_a_price_nobody_knows_is_shown_elsewhere(stage: Stage) -> None:
    budgets = limits(tenant(50))
    async with await stage.kernel(says("?", cost_micros=None), budgets=budgets) as kernel:
        run = await kernel.start_run(agent="purser")
        await spoken(kernel, run, "a")
        (entry,) = await kernel.ledger("name")
        assert (entry.cost, entry.unknown_costs, entry.name) == (Decimal(0), 1, "scripted")
        await kernel.change_limit("tenant", "local", limit=0)
        with pytest.raises(RunHeldError):
            await spoken(kernel, run, "b")


@pytest.mark.parametrize("wrong", [{"micros": -1}, {"micros": 0}, {"money": 5}, {"tokens": 1.5}])
async def test_a_budget_that_is_none_is_refused(wrong: Any) -> None:  # noqa: ANN401 - a table
    async with kernel_of() as kernel:
        with pytest.raises(InvalidError):
            await kernel.start_run(agent="purser", run_id="r", budgets=wrong)
        assert await kernel.store.heads() == []


async def test_a_change_that_is_none_is_refused_and_nothing_is_written() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        before = await kernel.store.heads()
        for wrong in (-1, 1.5, True):
            with pytest.raises(InvalidError):
                await kernel.change_budget(run, limit=wrong)  # type: ignore[arg-type]
            with pytest.raises(InvalidError):
                await kernel.change_limit("tenant", "local", limit=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidError, match="'money' is no budget"):
            await kernel.change_budget(run, limit=1, budget="money")  # type: ignore[arg-type]
        with pytest.raises(ConflictError, match="at revision 0 by now, not 3"):
            await kernel.change_budget(run, limit=1, revision=3)
        assert await kernel.store.heads() == before


async def test_a_tenant_nobody_named_starts_nothing_and_one_that_is_named_has_its_budget() -> None:
    acme = Tenant(tenant_id="acme", budget_micros=5)
    async with kernel_of(acting(World().acts, cost_micros=4), tenants=[acme]) as kernel:
        with pytest.raises(InvalidError, match="tenant 'beta' is not known here"):
            await kernel.start_run(agent="purser", tenant="beta")
        run = await kernel.start_run(agent="purser", tenant="acme")
        await called(kernel, run, "a")
        with pytest.raises(RunHeldError, match="tenant:acme/total"):
            await called(kernel, run, "b")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"scope": "tennant", "name": "local"}, "'tennant' is no word"),
        ({"scope": "tenant"}, "cannot have the name None"),
        ({"scope": "person", "name": ""}, "cannot have the name ''"),
        ({"scope": "workspace", "name": "local"}, "the workspace has none"),
        ({"scope": "tenant", "name": "local", "period": "week"}, "'week' is no word"),
        ({"scope": "tenant", "name": "local", "budget": "dollars"}, "'dollars' is no word"),
        ({"scope": "tenant", "name": "local", "day": "20310101"}, "is no day"),
        ({"scope": "tenant", "name": "local", "day": "2031-13-45"}, "is no day"),
    ],
    ids=str,
)
async def test_a_limit_that_would_bound_nothing_is_refused(
    arguments: dict[str, Any], match: str
) -> None:
    async with kernel_of() as kernel:
        with pytest.raises(InvalidError, match=match):
            await kernel.change_limit(**arguments, limit=1)


async def test_a_tenant_nobody_knows_gets_no_limit_and_who_changes_one_is_kept() -> None:
    acme = Tenant(tenant_id="acme", budget_micros=5)
    async with kernel_of(tenants=[acme]) as kernel:
        with pytest.raises(InvalidError, match=r"'acne' is not known here; known are \['acme'\]"):
            await kernel.change_limit("tenant", "acne", limit=1)
        ben = Actor(kind="operator", name="ben", host="deck", os_user="benl")
        changed = await kernel.change_limit("tenant", "acme", limit=1, actor=ben)
        assert changed.limit_by == "operator:ben (benl@deck)"
    async with kernel_of() as kernel:
        with pytest.raises(InvalidError, match="it has no run either"):
            await kernel.change_limit("tenant", "local", limit=1)
        await kernel.start_run(agent="purser")
        changed = await kernel.change_limit("tenant", "local", limit=1)
        assert changed.limit_by is not None
        assert changed.limit_by.startswith("operator:")
