"""What a kernel is made of besides its store: the keywords of `Kernel`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.guards.chain import Guard
from quarterdeck_kernel.kernel.run import DriftPolicy
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.tenant import Tenant

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings


class Wiring(TypedDict, total=False):
    """Says what is possible wherever these keywords are handed on."""

    model: ModelPort | None
    model_name: str
    tools: Iterable[Tool]
    guards: Sequence[Guard]
    tenants: Iterable[Tenant]
    clock: Clock | None
    strict_costs: bool
    settings: "Settings | None"
    root: Path | str
    on_drift: DriftPolicy
