"""What a kernel is made of besides its store: the keywords of `Kernel`."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.guards.chain import Guard
from quarterdeck_kernel.kernel.run import DriftPolicy
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.tools.tool import Tool
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
    on_drift: DriftPolicy
