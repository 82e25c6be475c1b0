"""`[tenants.NAME]`: who owns runs, and what they may do."""

from typing import Self

from pydantic import Field

from quarterdeck_kernel.settings.amounts import Usd, micros
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.tenant import Tenant


class TenantSettings(Value):
    """What a tenant may do, and spend."""

    capabilities: tuple[str, ...] = Field(default=(), description="What its tools may need.")
    budget_usd: Usd

    def tenant(self, name: str) -> Tenant:
        """Return the tenant that this describes."""
        return Tenant(
            tenant_id=name,
            capabilities=frozenset(self.capabilities),
            budget_micros=micros(self.budget_usd),
        )

    def under(self, user: Self) -> Self:
        """Return what both give it: no capability more, no dollar more."""
        both = tuple(each for each in self.capabilities if each in user.capabilities)
        budget = min(self.budget_usd, user.budget_usd)
        return self.model_copy(update={"capabilities": both, "budget_usd": budget})
