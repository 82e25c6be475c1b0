"""The settings: every section, and what holds where a workspace and its user both have some.

A new section is a model in a file of its own, a field here, and its line in `under`.
"""

from typing import Self, TypeVar

from pydantic import Field

from quarterdeck_kernel.guards.policy.limits import Limits
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.settings.budgets import BudgetSettings
from quarterdeck_kernel.settings.guards import GuardSettings
from quarterdeck_kernel.settings.loops import BreakerSettings, LoopSettings
from quarterdeck_kernel.settings.models import ModelSettings
from quarterdeck_kernel.settings.personal_data import PersonalData, stricter_of
from quarterdeck_kernel.settings.tenants import TenantSettings
from quarterdeck_kernel.vocabulary.ids import TenantId
from quarterdeck_kernel.vocabulary.model import Value

S = TypeVar("S", TenantSettings, ModelSettings)


class Settings(Value):
    """What `quarterdeck.toml` says."""

    guards: GuardSettings = GuardSettings()
    personal_data: PersonalData = Field(
        default={}, description="What becomes of personal data and secrets in each place."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The policy; all rules are in force.")
    limits: Limits = Limits()
    budgets: BudgetSettings = BudgetSettings()
    loops: LoopSettings = LoopSettings()
    breaker: BreakerSettings = BreakerSettings()
    tenants: dict[TenantId, TenantSettings] = Field(default={}, description="Who owns runs.")
    models: dict[str, ModelSettings] = Field(default={}, description="What is known of models.")

    def under(self, user: Self) -> Self:
        """Return what holds in a workspace of a user: never looser than the user's own.

        Rules of both are in force, the lower bound wins, the stricter treatment, the smaller
        right. What is no protection is the workspace's, where it says something.
        """
        return self.model_copy(
            update={
                "guards": self.guards.under(user.guards),
                "personal_data": stricter_of(self.personal_data, user.personal_data),
                "rules": (*user.rules, *self.rules),
                "limits": self.limits.under(user.limits),
                "budgets": self.budgets.under(user.budgets),
                "loops": self.loops.under(user.loops),
                "breaker": self.breaker.under(user.breaker),
                "tenants": _by_name(self.tenants, user.tenants),
                "models": _by_name(self.models, user.models),
            }
        )


def _by_name(mine: dict[str, S], user: dict[str, S]) -> dict[str, S]:
    merged = {**user, **mine}
    for name in mine.keys() & user.keys():
        merged[name] = mine[name].under(user[name])
    return merged
