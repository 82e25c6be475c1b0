"""An agent that reaches its budget, in the run and on the accounts, and is given more."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue

from quarterdeck_kernel import Decisions, Kernel, Tool, ToolContext, state_at, tool_of
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
from tests.crash.scenarios.scenario import AT_ONCE, Scenario, Stage, converse, turns
from tests.crash.scenarios.world import World

_ENOUGH = 1_000_000


class Budget(Scenario):
    """Buys three things at once and a fourth, of which two are paid for before a person is asked.

    What is bought is idempotent, so that an interrupted try may have cost something and is made
    again; the account must hold what all tries may have cost, and nothing set aside for ever.
    """

    name = "budget"
    script: ClassVar[dict[str, JsonValue]] = {
        **turns(
            [("budget_buy", {"what": what}) for what in ("oil", "rope", "tar")],
            [("budget_buy", {"what": "sail"})],
            answer="bought",
        ),
        "price": {"input": "0.001", "output": "0.001"},
    }

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def budget_buy(context: ToolContext, what: str) -> str:
            return world.does(context, f"bought {what}", effect="idempotent")

        return [tool_of(budget_buy, effect="idempotent", retry=AT_ONCE, cost_micros=8)]

    def limits(self) -> Sequence[BudgetLimit]:
        return [BudgetLimit(scope="agent", name=self.name, limit=25)]

    async def beside(self, decisions: Decisions, run_id: str) -> None:
        state = await state_at(decisions.store, run_id)
        if state.hold is not None and state.hold.by == "budget":
            await decisions.change_limit("agent", self.name, limit=_ENOUGH)

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "buy")
        await stage.kernel.finish_run(stage.run, answer=answer)


def budgets_of(scenarios: Sequence[Scenario]) -> Budgets:
    """Return what bounds the agents of some scenarios."""
    return Budgets(limits=tuple(limit for each in scenarios for limit in each.limits()))
