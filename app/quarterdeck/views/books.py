"""What was used and what may be, as values: the page of the ledger that a screen looks at."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from quarterdeck_kernel.vocabulary.words import BudgetKind

Grouping = Literal["tenant", "person", "agent", "model", "day"]
Span = Literal["all", "month", "week", "today"]

GROUPINGS: Final[tuple[Grouping, ...]] = ("tenant", "person", "agent", "model", "day")
SPANS: Final[tuple[Span, ...]] = ("all", "month", "week", "today")


class Sum(NamedTuple):
    """What one tenant, person, agent, model or day has used. Where a cost is unknown, more."""

    name: str
    cost_micros: int = 0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0


class Day(NamedTuple):
    """What was spent and said on one day, in UTC."""

    day: str
    cost_micros: int
    tokens: int = 0


class Bounded(NamedTuple):
    """A budget: whose it is, what was used of it, what is set aside, and where it ends."""

    whose: str
    spent: int
    reserved: int
    limit: int | None
    kind: BudgetKind = "micros"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """The ledger, parted by one thing, over one span; and the budgets that several runs share."""

    grouping: Grouping
    span: Span
    sums: tuple[Sum, ...] = ()
    days: tuple[Day, ...] = ()
    budgets: tuple[Bounded, ...] = ()
    position: int = 0

    @property
    def free(self) -> bool:
        """Tell whether nothing has cost anything: then shares are shares of tokens."""
        costs = [*(row.cost_micros for row in self.sums), *(day.cost_micros for day in self.days)]
        return not any(costs)
