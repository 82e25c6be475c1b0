"""The capability guard: a tenant uses only what it was given the capability for."""

from collections.abc import Iterable
from typing import Final

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Verdict
from quarterdeck_kernel.vocabulary.tenant import Tenant

CAPABILITY: Final = "capability"


class CapabilityGuard:
    """Denies a call whose capability the tenant lacks. A tenant nobody named has none."""

    name = CAPABILITY
    kind: GuardKind = "capability"

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        """Take what each tenant has."""
        self._of_tenants = {each.tenant_id: each.capabilities for each in tenants}

    def judge(self, call: ProposedCall, /) -> Verdict:
        """Allow what needs no capability, and what the tenant has the one for."""
        needed = call.capability
        if needed is None or needed in self._of_tenants.get(call.tenant, ()):
            return ALLOW
        return Deny(
            reason=f"it needs the capability {needed!r}, which tenant {call.tenant!r} lacks; give "
            "it to the tenant, or use another tool",
            rule=needed,
        )
