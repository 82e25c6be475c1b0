"""From settings to guards: what a kernel judges by, and the tenants it knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from quarterdeck_kernel.guards.breaker import BreakerGuard
from quarterdeck_kernel.guards.budget import BudgetGuard
from quarterdeck_kernel.guards.budget_accounts import BudgetAccounts
from quarterdeck_kernel.guards.capability.guard import CapabilityGuard
from quarterdeck_kernel.guards.chain import Chain, Guard, GuardKind
from quarterdeck_kernel.guards.enforced import check_enforced
from quarterdeck_kernel.guards.fork import ForkGuard
from quarterdeck_kernel.guards.loop import LoopGuard
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.policy.by_default import ByDefault
from quarterdeck_kernel.guards.policy.limits import Limits, LimitsGuard
from quarterdeck_kernel.guards.policy.policy import PolicyGuard
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.kernel.wiring import Privacy
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
from quarterdeck_kernel.vocabulary.money import micros_of
from quarterdeck_kernel.vocabulary.tenant import Tenant
from quarterdeck_kernel.vocabulary.words import BudgetKind

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.budgets import Budget
    from quarterdeck_kernel.settings.settings import Settings

FILES: Final = "files"
"""Of a workspace: the folder that tools see, where relative paths in arguments begin."""


def chain_of(
    settings: "Settings | None",
    *,
    guards: Iterable[Guard] = (),
    tenants: Iterable[Tenant] = (),
    root: Path | str = ".",
    personal_data: PersonalDataPolicy | None = None,
    budgets: Budgets | None = None,
    own: Iterable[Guard] = (),
) -> Chain:
    """Return the guards that settings ask for, with those made in code, in their order.

    Refuses what enforced mode does not allow. `personal_data` says how what comes in is looked
    through for it, and `budgets` what holds; `own` are the guards that need the store of a kernel.
    """
    asked_for = [*guards_of(settings, tenants=tenants, root=root), *guards]
    if settings is not None and settings.guards.mode == "enforced":
        kinds: set[GuardKind] = {*Chain(asked_for).kinds}
        # Both are always there; with everything off, or without a bound, they protect from nothing.
        if personal_data is not None and personal_data != PersonalDataPolicy.everywhere("off"):
            kinds.add("personal_data")
        if budgets is not None and (budgets.run or budgets.limits):
            kinds.add("budget")
        check_enforced(kinds)
    return Chain([*own, *asked_for])


def budgets_of(
    settings: "Settings | None", given: Budgets | None, tenants: Iterable[Tenant]
) -> Budgets:
    """Return the budgets given in code, else those of the settings; tenants bring their own."""
    budgets = given or (_configured(settings) if settings is not None else Budgets())
    own = tuple(
        BudgetLimit(scope="tenant", name=tenant.tenant_id, limit=tenant.budget_micros)
        for tenant in tenants
    )
    return budgets.model_copy(update={"limits": (*budgets.limits, *own)}) if own else budgets


def _tiers(settings: "Settings") -> tuple[tuple[str, ...], ...]:
    return tuple(settings.tiers.models(settings.models).values())


def _configured(whole: "Settings") -> Budgets:
    """Return what `[budgets]` says, with the tiers there are to degrade to."""
    settings = whole.budgets
    limits: list[BudgetLimit] = []
    for scope in ("person", "tenant"):
        limits += [
            BudgetLimit(scope=scope, budget=kind, limit=limit)
            for kind, limit in _bounds(getattr(settings, scope)).items()
        ]
    for period in ("day", "month"):
        limits += [
            BudgetLimit(scope="workspace", period=period, budget=kind, limit=limit)
            for kind, limit in _bounds(getattr(settings, period)).items()
        ]
    return Budgets(
        run=_bounds(settings.run),
        limits=tuple(limits),
        warn_percent=settings.warn_percent or 80,
        on_exceed=settings.on_exceed or "hold",
        tiers=_tiers(whole),
        strict=settings.unknown_cost == "refuse",
    )


def _bounds(budget: "Budget") -> dict[BudgetKind, int]:
    found: dict[BudgetKind, int | None] = {
        "micros": micros_of(budget.usd) if budget.usd is not None else None,
        "tokens": budget.tokens,
        "model_calls": budget.model_calls,
        "tool_calls": budget.tool_calls,
        "wall_time_us": None if budget.wall_time_s is None else budget.wall_time_s * 1_000_000,
    }
    return {kind: limit for kind, limit in found.items() if limit is not None}


def safeguards_of(
    store: EventStore, budgets: Budgets, safeguards: Iterable[Guard] | None
) -> list[Guard]:
    """Return the guards of budgets and of forks, and those against loops and errors in a row."""
    if safeguards is None:
        safeguards = (LoopGuard(), BreakerGuard())
    return [BudgetGuard(BudgetAccounts(store, budgets)), ForkGuard(), *safeguards]


def personal_data_of(settings: "Settings | None", privacy: Privacy) -> PersonalDataPolicy | None:
    """Return what becomes of personal data: the stricter of what settings and code say of it."""
    in_code = privacy.get("personal_data", PersonalDataPolicy())
    if settings is None or not settings.personal_data:
        return in_code
    from quarterdeck_kernel.settings.personal_data import (  # noqa: PLC0415 - it is there
        spelled_out,
        stricter_of,
    )

    # What code says nothing about is for the settings alone to say.
    said = spelled_out(in_code) if in_code is not None and "personal_data" in privacy else {}
    return PersonalDataPolicy.model_validate(stricter_of(settings.personal_data, said))


def guards_of(
    settings: "Settings | None", *, tenants: Iterable[Tenant] = (), root: Path | str = "."
) -> list[Guard]:
    """Return the guards that settings ask for, and the one that every kernel has."""
    known = tenants_of(settings, tenants)
    if settings is None:
        return [CapabilityGuard(known)]
    everybodys = () if known else usual_capabilities(settings)
    built: list[Guard] = [CapabilityGuard(known, others=everybodys)]
    if settings.rules:
        built.append(PolicyGuard(settings.rules, root=root))
    if settings.limits != Limits():
        built.append(LimitsGuard(settings.limits))
    asked = asked_first(settings, nobody_named=not known)
    return [*built, ByDefault(asked, others=settings.rules, root=root)]


def usual_capabilities(settings: "Settings") -> frozenset[str]:
    """Return what everybody may use where settings name no tenant: what a person has in sight.

    That is what comes with Quarterdeck and the servers of the settings; see `asked_first`.
    """
    from quarterdeck_kernel.tools.builtin.catalogue import CAPABILITIES  # noqa: PLC0415

    return CAPABILITIES | {f"mcp:{server}" for server in settings.mcp}


def asked_first(settings: "Settings", *, nobody_named: bool) -> list[Rule]:
    """Return the rules for calls that no rule of the settings speaks of: who reads is not asked.

    Where nobody was given the right to write files, a person is asked about that, too.
    """
    from quarterdeck_kernel.tools.builtin.catalogue import APPROVED, WRITING  # noqa: PLC0415

    mine = APPROVED | WRITING if nobody_named else APPROVED
    rules = [_ask("tools", capabilities=tuple(sorted(mine)))]
    if settings.mcp:
        rules.append(_ask("mcp", capabilities=("mcp:*",), effects=("idempotent", "once")))
    return rules


def _ask(name: str, **about: Any) -> Rule:  # noqa: ANN401 - fields of a rule
    return Rule(
        name=f"default-{name}",
        verdict="require_approval",
        reason="asked first, for no rule in quarterdeck.toml speaks of it",
        **about,
    )


def tenants_of(settings: "Settings | None", given: Iterable[Tenant]) -> tuple[Tenant, ...]:
    """Return the tenants of the settings and of the code; where both name one, what both give."""
    tenants = {tenant.tenant_id: tenant for tenant in given}
    for name, section in (settings.tenants if settings is not None else {}).items():
        tenant = section.tenant(name)
        known = tenants.get(name, tenant)
        tenants[name] = Tenant(
            tenant_id=name,
            capabilities=tenant.capabilities & known.capabilities,
            budget_micros=min(tenant.budget_micros, known.budget_micros),
        )
    return tuple(tenants.values())
