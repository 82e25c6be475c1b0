"""What a kernel is made of besides its store: the keywords of `Kernel`."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.guards.breaker import BreakerGuard
from quarterdeck_kernel.guards.budget import BudgetGuard
from quarterdeck_kernel.guards.budget_accounts import BudgetAccounts
from quarterdeck_kernel.guards.capability.guard import CapabilityGuard
from quarterdeck_kernel.guards.chain import Chain, Guard
from quarterdeck_kernel.guards.loop import LoopGuard
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
from quarterdeck_kernel.vocabulary.tenant import Tenant


class Wiring(TypedDict, total=False):
    """Says what is possible wherever these keywords are handed on."""

    model: ModelPort | None
    model_name: str
    tools: Iterable[Tool]
    guards: Sequence[Guard]
    tenants: Iterable[Tenant]
    clock: Clock | None
    strict_costs: bool
    budgets: Budgets
    safeguards: Sequence[Guard] | None


def chain_of(
    accounts: BudgetAccounts,
    tenants: Iterable[Tenant],
    guards: Sequence[Guard],
    safeguards: Sequence[Guard] | None,
) -> Chain:
    """Return all guards of a kernel. Rights and budgets hold whatever else is asked for."""
    if safeguards is None:
        safeguards = (LoopGuard(), BreakerGuard())
    return Chain([CapabilityGuard(tenants), BudgetGuard(accounts), *safeguards, *guards])


def budgets_of(budgets: Budgets, tenants: Iterable[Tenant]) -> Budgets:
    """Return budgets with what tenants bring of their own."""
    own = tuple(
        BudgetLimit(scope="tenant", name=tenant.tenant_id, limit=tenant.budget_micros)
        for tenant in tenants
    )
    return budgets.model_copy(update={"limits": (*budgets.limits, *own)}) if own else budgets
