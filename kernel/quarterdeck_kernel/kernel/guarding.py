"""From settings to guards: what a kernel judges by, and the tenants it knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from quarterdeck_kernel.guards.capability.guard import CapabilityGuard
from quarterdeck_kernel.guards.chain import Chain, Guard, GuardKind
from quarterdeck_kernel.guards.enforced import check_enforced
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.policy.limits import Limits, LimitsGuard
from quarterdeck_kernel.guards.policy.policy import PolicyGuard
from quarterdeck_kernel.kernel.wiring import Privacy
from quarterdeck_kernel.vocabulary.tenant import Tenant

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings

FILES: Final = "files"
"""Of a workspace: the folder that tools see, where relative paths in arguments begin."""


def chain_of(
    settings: "Settings | None",
    *,
    guards: Iterable[Guard] = (),
    tenants: Iterable[Tenant] = (),
    root: Path | str = ".",
    personal_data: bool = False,
) -> Chain:
    """Return the guards that settings ask for, with those made in code, in their order.

    Refuses what enforced mode does not allow. `personal_data` says whether what comes in is
    looked through for it.
    """
    chain = Chain([*guards_of(settings, tenants=tenants, root=root), *guards])
    if settings is not None and settings.guards.mode == "enforced":
        scrubs: frozenset[GuardKind] = frozenset({"personal_data"} if personal_data else ())
        check_enforced(chain.kinds | scrubs)
    return chain


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
    built: list[Guard] = [CapabilityGuard(tenants_of(settings, tenants))]
    if settings is None:
        return built
    if settings.rules:
        built.append(PolicyGuard(settings.rules, root=root))
    if settings.limits != Limits():
        built.append(LimitsGuard(settings.limits))
    return built


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
