"""Budgets: reserved before, settled after, and what happens where one is met."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import ToolAsk, ToolResult
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
    RunHeldError,
    TransientToolError,
)
from quarterdeck_kernel.events.guard_events import GuardWarned
from quarterdeck_kernel.guards.budget import BudgetGuard
from quarterdeck_kernel.guards.verdict import ALLOW
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit
from tests.kernel.engine.budget_stage import ONE, account, called, limits, spoken, tenant
from tests.kernel.engine.deck import (
    ADA,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    breaks,
    events,
    kernel_of,
    raising,
    story,
)
from tests.kernel.engine.model_stage import Held, Play, Stage, overloaded, says


async def test_a_run_that_reached_its_budget_is_held_and_goes_on_when_it_is_raised() -> None:
    world = World()
    async with kernel_of(acting(world.acts, cost_micros=4)) as kernel:
        run = await kernel.start_run(agent="purser", budgets={"micros": 10})
        for key in ("a", "b"):
            await called(kernel, run, key)
        with pytest.raises(
            RunHeldError, match=r"the budget of the run \(\$0.000008 of \$0.000010\)"
        ):
            await called(kernel, run, "c")
        with pytest.raises(RunHeldError):
            await called(kernel, run, "c")
        await kernel.release(run, actor=ADA)
        with pytest.raises(RunHeldError):
            await called(kernel, run, "c")
        changed = await kernel.change_budget(run, limit=12, revision=0, actor=ADA)
        assert changed.kind == "budget_changed"
        assert (await called(kernel, run, "c")).value == {"paid": 1}
        assert [(await called(kernel, run, key)).replayed for key in "abc"] == [True] * 3
        assert world.count == 3
        assert run.state.spend.cost_micros == 12
        assert run.state.budgets_left == {"micros": 0}


@pytest.mark.parametrize(
    ("kind", "limit", "calls"),
    [("tool_calls", 2, 2), ("wall_time_us", 1, 1), ("micros", 9, 2)],
)
async def test_every_kind_of_budget_bounds_a_run(kind: Any, limit: int, calls: int) -> None:  # noqa: ANN401 - a table
    world = World()

    async with kernel_of() as kernel:

        async def acts(context: Any, amount: int) -> object:  # noqa: ANN401 - handed on
            kernel._clock.advance(1)  # type: ignore[attr-defined]
            return await world.acts(context, amount)

        kernel.tools.add(acting(acts, cost_micros=4))
        run = await kernel.start_run(agent="purser", budgets={kind: limit})
        for number in range(calls):
            await called(kernel, run, "x" * (number + 1))
        with pytest.raises(RunHeldError):
            await called(kernel, run, "x" * 9)
        assert world.count == calls


@pytest.mark.parametrize(("kind", "limit"), [("tokens", 17), ("model_calls", 1), ("micros", 12)])
async def test_every_kind_of_budget_bounds_models(stage: Stage, kind: Any, limit: int) -> None:  # noqa: ANN401 - a table
    async with await stage.kernel() as kernel:
        stage.provider.charges = ONE
        run = await kernel.start_run(agent="purser", budgets={kind: limit})
        await spoken(kernel, run, "a")
        with pytest.raises(RunHeldError):
            await spoken(kernel, run, "b")
        assert len(stage.provider.asked) == 1
        spend = run.state.spend
        assert (spend.reserved_micros, spend.reserved_tokens) == (0, 0)


async def test_the_budget_of_a_day_is_another_on_the_next(tmp_path: Path) -> None:
    world = World()
    budgets = limits(tenant(2, period="day", budget="tool_calls"))
    async with kernel_of(acting(world.acts), at=tmp_path, budgets=budgets) as kernel:
        run = await kernel.start_run(agent="purser")
        for key in ("a", "bb"):
            await called(kernel, run, key)
        with pytest.raises(RunHeldError):
            await called(kernel, run, "ccc")
        kernel._clock.advance(86_400_000_000)  # type: ignore[attr-defined]
        await kernel.release(run, actor=ADA)
        await called(kernel, run, "ccc")
        assert world.count == 3


async def test_days_are_those_of_the_zone_that_is_set(tmp_path: Path) -> None:
    budgets = limits(tenant(9, period="day"), zone="Pacific/Kiritimati")
    async with kernel_of(
        acting(World().acts, cost_micros=4), at=tmp_path, budgets=budgets
    ) as kernel:
        run = await kernel.start_run(agent="purser")
        await called(kernel, run, "a")
        (entry,) = await kernel.ledger("day")
        assert entry.period == budgets.day(kernel._clock.now_us())
        assert (await account(kernel, f"tenant:local/{entry.period}/micros")).spent == 4


async def test_an_account_is_reserved_at_the_intent_and_settled_at_the_outcome() -> None:
    world = World()
    budgets = limits(tenant(100), BudgetLimit(scope="workspace", limit=50, period="month"))
    async with kernel_of(acting(world.waits, cost_micros=4), budgets=budgets) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(called(kernel, run, "a"))
        await world.wait_for_call()
        month = budgets.day(kernel._clock.now_us())[:7]
        for name in ("tenant:local/total/micros", f"workspace/{month}/micros"):
            assert (await account(kernel, name)).reserved == 4
        world.door.set()
        await task
        for name in ("tenant:local/total/micros", f"workspace/{month}/micros"):
            settled = await account(kernel, name)
            assert (settled.spent, settled.reserved) == (4, 0)


async def test_ten_calls_at_once_do_not_overspend() -> None:
    world = World()
    async with kernel_of(acting(world.acts, effect="read", cost_micros=4)) as kernel:
        run = await kernel.start_run(agent="purser", budgets={"micros": 30})
        calls = [ToolAsk(step_key=f"{n}", tool="pay", arguments={"amount": n}) for n in range(10)]
        results = await kernel.step_tools(run=run, calls=calls)
        assert sum(isinstance(result, ToolResult) for result in results) == world.count == 7
        assert run.state.spend.cost_micros == 28


async def test_runs_and_processes_at_once_do_not_overspend(tmp_path: Path) -> None:
    world, budgets = World(), limits(tenant(30))
    tool = acting(world.acts, cost_micros=4)
    async with (
        kernel_of(tool, at=tmp_path, budgets=budgets) as one,
        kernel_of(tool, at=tmp_path, budgets=budgets) as two,
    ):
        kernels = [one, two] * 5
        runs = [await kernel.start_run(agent="purser") for kernel in kernels]
        results = await asyncio.gather(
            *(called(kernel, run, "a") for kernel, run in zip(kernels, runs, strict=True)),
            return_exceptions=True,
        )
        assert [isinstance(r, RunHeldError) for r in results].count(True) == 3, results
        assert world.count == 7
        settled = await account(one)
        assert (settled.spent, settled.reserved) == (28, 0)


async def test_an_intent_reserves_whatever_the_guard_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transaction counts: a guard that saw room before others took it is asked again."""
    asked = []
    judge = BudgetGuard.judge

    def believes(self: BudgetGuard, call: Any) -> Any:  # noqa: ANN401 - handed on
        asked.append(call.step_key)
        return ALLOW if len(asked) < 3 else judge(self, call)

    world = World()
    budgets = limits(tenant(5))
    async with kernel_of(acting(world.acts, cost_micros=4), budgets=budgets) as kernel:
        run = await kernel.start_run(agent="purser")
        await called(kernel, run, "a")
        await kernel.store.set_limit(
            "tenant:local/total/micros", 5, version=(await account(kernel)).version
        )
        monkeypatch.setattr(BudgetGuard, "judge", believes)
        with pytest.raises(RunHeldError):
            await called(kernel, run, "b")
        assert (asked, world.count) == (["b"] * 3, 1)


async def test_a_limit_counts_what_was_spent_before_it_was_set(tmp_path: Path) -> None:
    world = World()
    tool = acting(world.acts, cost_micros=4)
    async with kernel_of(tool, at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser", run_id="first")
        for key in ("a", "bb"):
            await called(kernel, run, key)
    async with kernel_of(tool, at=tmp_path, budgets=limits(tenant(10))) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunHeldError):
            await called(kernel, run, "a")
        assert (await account(kernel)).spent == 8


async def test_what_an_operator_raised_outlives_a_restart_and_new_settings_win(
    tmp_path: Path,
) -> None:
    tool = acting(World().acts, cost_micros=4)
    for limit, raised_to, expected in ((3, 5, 3), (3, None, 5), (2, None, 2), (9, None, 9)):
        async with kernel_of(tool, at=tmp_path, budgets=limits(tenant(limit))) as kernel:
            run = await kernel.start_run(agent="purser")
            if expected < 4:
                with pytest.raises(RunHeldError):
                    await called(kernel, run, "a")
            elif expected == 5:
                await called(kernel, run, "a")
            else:
                await called(kernel, run, "a")
            assert (await account(kernel)).limit == expected
            if raised_to is not None:
                await kernel.change_limit("tenant", "local", limit=raised_to)


async def test_an_overrun_is_still_there_at_the_next_call(stage: Stage) -> None:
    plays = [says("dear", cost_micros=1_000)]
    async with await stage.kernel(*plays, budgets=limits(tenant(50))) as kernel:
        stage.provider.charges = ONE
        run = await kernel.start_run(agent="purser")
        await spoken(kernel, run, "a")
        for other in (run, await kernel.start_run(agent="purser")):
            with pytest.raises(RunHeldError, match=r"\$0.001000 of \$0.000050"):
                await spoken(kernel, other, "b")
        assert len(stage.provider.asked) == 1


async def test_tries_whose_cost_nobody_knows_count_by_their_estimate(stage: Stage) -> None:
    plays: list[Play] = [Held(), Held(), says("at last")]
    async with await stage.kernel(*plays, budgets=limits(tenant(25))) as kernel:
        stage.provider.charges = ONE
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(spoken(kernel, run, "a"))
        for tries in (1, 2):
            await stage.provider.called(tries)
            await stage.clock.passes(120_000_000)
            if tries == 1:
                await stage.clock.passes(500_000)
        # Two tries may have cost ten each: with a third it might be thirty.
        with pytest.raises(RunHeldError):
            await task
        assert len(stage.provider.asked) == 2
        spend = run.state.spend
        assert (spend.cost_micros, spend.assumed_micros, spend.unknown_costs) == (0, 20, 2)
        assert (spend.model_calls, spend.reserved_micros) == (2, 0)
        settled = await account(kernel)
        assert (settled.spent, settled.reserved) == (20, 0)
        await kernel.change_limit("tenant", "local", limit=100)
        await kernel.release(run, actor=ADA)
        assert await spoken(kernel, run, "a") == "at last"


async def test_a_provider_that_refuses_is_not_taken_to_have_been_paid(stage: Stage) -> None:
    async with await stage.kernel(overloaded(), says("ok"), budgets=limits(tenant(25))) as kernel:
        stage.provider.charges = ONE
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(spoken(kernel, run, "a"))
        await stage.clock.passes(500_000)
        assert await task == "ok"
        assert (await account(kernel)).spent == 7


async def test_a_further_try_of_a_tool_needs_room_too() -> None:
    world = World()
    body = raising(world, TransientToolError("engaged"))
    clock = WatchedClock()
    async with kernel_of(acting(body), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser", budgets={"tool_calls": 1})
        task = asyncio.create_task(called(kernel, run, "a"))
        await clock.passes(2 * SECOND_US)
        with pytest.raises(RunHeldError):
            await task
        assert await story(kernel, run) == ["guard_warned", "intent 1", "transient_error", "held"]
        await kernel.change_budget(run, limit=None, budget="tool_calls", actor=ADA)
        assert (await called(kernel, run, "a")).attempt == 2
        assert world.count == 2


async def test_an_unknown_outcome_stays_reserved_until_it_is_settled() -> None:
    async with kernel_of(acting(breaks, cost_micros=4), budgets=limits(tenant(10))) as kernel:
        run = await kernel.start_run(agent="purser")
        for key in ("a", "bb"):
            with pytest.raises(ReconciliationRequiredError):
                await called(kernel, run, key)
            assert (await account(kernel)).reserved == 4
            verdict: Any = "failed" if key == "a" else "done"
            await kernel.reconcile_tool(
                run=run, step_key=key, verdict=verdict, reason="asked", actor=ADA
            )
        settled = await account(kernel)
        # Nobody knows what the one that was done cost: its estimate counts, shown as unknown.
        assert (settled.spent, settled.reserved) == (4, 0)
        spend = (await run.driver.refresh()).spend
        assert (spend.cost_micros, spend.unknown_costs) == (0, 1)


async def test_near_the_end_people_are_warned_once(tmp_path: Path) -> None:
    tool = acting(World().acts, cost_micros=4)
    async with kernel_of(tool, at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser", run_id="r", budgets={"micros": 50})
        for number in range(11):
            await called(kernel, run, "x" * (number + 1))
    async with kernel_of(tool, at=tmp_path) as kernel:
        run = await kernel.load_run("r")
        await called(kernel, run, "x" * 12)
        await kernel.change_budget(run, limit=60, actor=ADA)
        await called(kernel, run, "x" * 13)
        warned = [e for e in await events(kernel, run) if isinstance(e.payload, GuardWarned)]
        rules = [e.payload.rule for e in warned if isinstance(e.payload, GuardWarned)]
        assert rules == ["run/micros@80%/50", "run/micros@80%/60"]
