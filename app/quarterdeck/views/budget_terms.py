"""What settings allow to be used, as lines for people and as data for scripts."""

from collections.abc import Iterator, Mapping

from quarterdeck.views.plain import plain
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
from quarterdeck_kernel.vocabulary.words import BudgetKind

_MICROS = 1_000_000
_ENDS = {
    "hold": "the run is held",
    "deny": "the call is refused",
    "degrade": "a cheaper model is asked",
}


def budget_lines(budgets: Budgets) -> Iterator[str]:
    """Yield a line for each bound, and what happens at the end of one; none without a bound."""
    for kind, limit in budgets.run.items():
        yield f"a run may use {_amount(kind, limit)}"
    for each in budgets.limits:
        yield plain(f"{_whose(each)} may use {_amount(each.budget, each.limit)}{_when(each)}")
    if budgets.run or budgets.limits:
        unknown = "refused" if budgets.strict else "shown"
        yield (
            f"  people are warned at {budgets.warn_percent} %; at the end of a budget "
            f"{_ENDS[budgets.on_exceed]}; costs that nobody knows are {unknown}"
        )


def budget_data(budgets: Budgets) -> Mapping[str, object]:
    """Return the same as data; its fields are a promise."""
    return {
        "run": dict(budgets.run),
        "limits": [
            {
                "scope": each.scope,
                "name": each.name,
                "period": each.period,
                "budget": each.budget,
                "limit": each.limit,
            }
            for each in budgets.limits
        ],
        "warn_percent": budgets.warn_percent,
        "on_exceed": budgets.on_exceed,
        "unknown_cost": "refuse" if budgets.strict else "show",
    }


def _whose(each: BudgetLimit) -> str:
    if each.name is not None:
        return f"{each.scope} {each.name}"
    return "the workspace" if each.scope == "workspace" else f"each {each.scope}"


def _when(each: BudgetLimit) -> str:
    return "" if each.period == "total" else f" a {each.period}"


def _amount(kind: BudgetKind, limit: int) -> str:
    if kind == "micros":
        return f"${limit / _MICROS:,.6f}".rstrip("0").rstrip(".")
    if kind == "wall_time_us":
        return f"{limit // _MICROS:,} s"
    return f"{limit:,} {kind.replace('_', ' ')}"
