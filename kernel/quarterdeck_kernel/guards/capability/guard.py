"""The capability guard: a tenant uses only what it was given the capability for."""

import json
from collections.abc import Iterable
from typing import Final

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Verdict
from quarterdeck_kernel.vocabulary.tenant import Tenant

CAPABILITY: Final = "capability"


class CapabilityGuard:
    """Denies a call whose capability the tenant lacks. A tenant nobody named has what `others` do.

    Those are none, if nothing is said.
    """

    name = CAPABILITY
    kind: GuardKind = "capability"

    def __init__(self, tenants: Iterable[Tenant], *, others: Iterable[str] = ()) -> None:
        """Take what each tenant has."""
        self._of_tenants = {each.tenant_id: each.capabilities for each in tenants}
        self._of_others = frozenset(others)

    def judge(self, call: ProposedCall, /) -> Verdict:
        """Allow what needs no capability, and what the tenant has the one for."""
        needed = call.capability
        has = self._of_tenants.get(call.tenant, self._of_others)
        if needed is None or needed in has:
            return ALLOW
        return Deny(
            reason=f"it needs the capability {needed!r}, which tenant {call.tenant!r} lacks; use "
            f"another tool, or give it to the tenant in quarterdeck.toml: "
            f"{self._line(call.tenant, has | {needed})}",
            rule=needed,
        )

    def _line(self, tenant: str, capabilities: Iterable[str]) -> str:
        """Return what would have to stand in the settings."""
        given = f"capabilities = {json.dumps(sorted(capabilities))}"
        if tenant in self._of_tenants:
            return f"{given} under [tenants.{tenant}]"
        return f"tenants.{tenant} = {{ {given}, budget_usd = 10 }}"
