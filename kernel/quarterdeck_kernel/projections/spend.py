"""What a run has spent, and what it has set aside: exact integers."""

from dataclasses import dataclass
from typing import NamedTuple

from quarterdeck_kernel.vocabulary.reservation import Reservation
from quarterdeck_kernel.vocabulary.usage import Usage
from quarterdeck_kernel.vocabulary.words import BudgetKind


class Mark(NamedTuple):
    """What a run had used at a moment: what was used since is the difference."""

    tool_calls: int = 0
    model_calls: int = 0
    tokens: int = 0


NOTHING_USED = Mark()


@dataclass(slots=True)
class Spend:
    """The sums of a run. `unknown_costs` counts calls whose cost nobody knows: never taken for 0.

    `children_micros` is what finished sub-agents spent out of their allotments; it is kept apart
    so that a ledger over all runs counts it once. `assumed_micros` are the estimates of calls whose
    cost nobody knows: no cost that is shown, but it counts against every budget. `busy_us` sums the
    durations of calls.
    """

    cost_micros: int = 0
    children_micros: int = 0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    reserved_micros: int = 0
    busy_us: int = 0
    reserved_tokens: int = 0
    assumed_micros: int = 0

    def copy(self) -> "Spend":
        """Return an equal one to change."""
        return Spend(
            self.cost_micros,
            self.children_micros,
            self.unknown_costs,
            self.input_tokens,
            self.output_tokens,
            self.model_calls,
            self.tool_calls,
            self.reserved_micros,
            self.busy_us,
            self.reserved_tokens,
            self.assumed_micros,
        )

    @property
    def total_micros(self) -> int:
        """Return what is known to be spent: by its own calls and its children's."""
        return self.cost_micros + self.children_micros

    @property
    def tokens(self) -> int:
        """Return the tokens of all its model calls."""
        return self.input_tokens + self.output_tokens

    @property
    def mark(self) -> Mark:
        """Return what is counted by now."""
        return Mark(self.tool_calls, self.model_calls, self.tokens)

    @property
    def charged(self) -> tuple[int, ...]:
        """Return what the ledger counts, in the order of its rows."""
        return (
            self.cost_micros,
            self.unknown_costs,
            self.input_tokens,
            self.output_tokens,
            self.model_calls,
            self.tool_calls,
            self.busy_us,
        )

    @property
    def cost_unknown(self) -> bool:
        """Tell whether the sum is only a lower bound."""
        return self.unknown_costs > 0

    def used(self, budget: BudgetKind) -> int:
        """Return what counts as spent against a bound of this kind."""
        match budget:
            case "micros":
                return self.total_micros + self.assumed_micros
            case "tokens":
                return self.tokens
            case "model_calls":
                return self.model_calls
            case "tool_calls":
                return self.tool_calls
            case "wall_time_us":
                return self.busy_us

    def set_aside(self, budget: BudgetKind) -> int:
        """Return what is reserved against a bound of this kind; calls count as they begin."""
        match budget:
            case "micros":
                return self.reserved_micros
            case "tokens":
                return self.reserved_tokens
            case "model_calls" | "tool_calls" | "wall_time_us":
                return 0

    def reserve(self, what: Reservation) -> None:
        """Set an estimate aside when an intent is written."""
        self.reserved_micros += what.micros or 0
        self.reserved_tokens += what.tokens

    def unreserve(self, what: Reservation) -> None:
        """Give an estimate back when the intent is closed."""
        self.reserved_micros -= what.micros or 0
        self.reserved_tokens -= what.tokens

    def assume(self, estimate: Reservation) -> None:
        """Count what a call is taken to have cost, where nobody knows what it did."""
        self.assumed_micros += estimate.micros or 0

    def charge(self, cost_micros: int | None, usage: Usage | None, duration_us: int | None) -> None:
        """Add what one call to a model cost; None is a cost nobody knows."""
        if cost_micros is None:
            self.unknown_costs += 1
        else:
            self.cost_micros += cost_micros
        if usage is not None:
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
        if duration_us is not None:
            self.busy_us += duration_us
