"""A tenant has a name, and a budget that allows something."""

import pytest
from pydantic import ValidationError

from quarterdeck_kernel.vocabulary.tenant import Tenant


def test_a_tenant_holds_each_capability_once() -> None:
    tenant = Tenant(tenant_id="acme", capabilities=frozenset({"pay", "read"}), budget_micros=1)
    assert tenant.capabilities == {"read", "pay"}


@pytest.mark.parametrize(
    ("tenant_id", "budget_micros"), [("", 1), ("a b", 1), ("acme", 0), ("acme", -1)]
)
def test_a_tenant_without_name_or_budget_is_refused(tenant_id: str, budget_micros: int) -> None:
    with pytest.raises(ValidationError):
        Tenant(tenant_id=tenant_id, budget_micros=budget_micros)
