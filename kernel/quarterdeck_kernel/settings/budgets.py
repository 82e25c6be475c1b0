"""`[budgets]`: how much of everything a run, a person, a tenant, a day and a month may use."""

from typing import Annotated, Literal, Self

from pydantic import Field

from quarterdeck_kernel.settings.amounts import Count, Usd, lower
from quarterdeck_kernel.vocabulary.model import Value

OnExceed = Literal["degrade", "hold", "deny"]


class Budget(Value):
    """Bounds of one account; what is not set is not bounded."""

    usd: Usd | None = None
    tokens: Count | None = None
    model_calls: Count | None = None
    tool_calls: Count | None = None
    wall_time_s: Count | None = None

    def under(self, user: Self) -> Self:
        """Return the lower of each bound."""
        return self.model_copy(
            update={
                "usd": lower(self.usd, user.usd),
                "tokens": lower(self.tokens, user.tokens),
                "model_calls": lower(self.model_calls, user.model_calls),
                "tool_calls": lower(self.tool_calls, user.tool_calls),
                "wall_time_s": lower(self.wall_time_s, user.wall_time_s),
            }
        )


_NONE = Budget()


class BudgetSettings(Value):
    """Budgets, and what happens at their end."""

    run: Budget = _NONE
    person: Budget = _NONE
    tenant: Budget = _NONE
    day: Budget = _NONE
    month: Budget = _NONE
    warn_percent: Annotated[int, Field(strict=True, ge=1, le=100)] | None = Field(
        default=None, description="At how much of a budget people are warned; 80 if not set."
    )
    on_exceed: OnExceed | None = Field(
        default=None, description="What happens at the end of a budget; hold if not set."
    )
    unknown_cost: Literal["show", "refuse"] | None = Field(
        default=None, description="Whether a call may be made whose cost nobody knows."
    )

    def under(self, user: Self) -> Self:
        """Return the lower bounds; where the user says what happens, that holds."""
        refuse = "refuse" in (self.unknown_cost, user.unknown_cost)
        return self.model_copy(
            update={
                "run": self.run.under(user.run),
                "person": self.person.under(user.person),
                "tenant": self.tenant.under(user.tenant),
                "day": self.day.under(user.day),
                "month": self.month.under(user.month),
                "warn_percent": lower(self.warn_percent, user.warn_percent),
                "on_exceed": user.on_exceed or self.on_exceed,
                "unknown_cost": "refuse" if refuse else user.unknown_cost or self.unknown_cost,
            }
        )
