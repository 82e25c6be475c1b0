"""Who owns runs, and what they may do."""

from pydantic import Field

from quarterdeck_kernel.vocabulary.ids import TenantId
from quarterdeck_kernel.vocabulary.model import Value


class Tenant(Value):
    """An owner of runs. Every step checks that the tenant owns the run."""

    tenant_id: TenantId
    capabilities: frozenset[str] = frozenset()
    budget_micros: int = Field(gt=0)
