"""What a kernel is made of besides its store: the keywords of `Kernel`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.hook import Hook
from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.engine.secrets import Secrets, SecretSource
from quarterdeck_kernel.guards.chain import Guard
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.personal_data.scrubber import Finder
from quarterdeck_kernel.kernel.run import DriftPolicy
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.budgets import Budgets
from quarterdeck_kernel.vocabulary.tenant import Tenant
from quarterdeck_kernel.vocabulary.tiers import Route, Tiers

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings


class Privacy(TypedDict, total=False):
    """What becomes of personal data in each place, who finds more of it, where secrets are.

    Personal data is taken out everywhere unless `personal_data` says otherwise. `secrets` are what
    `{{secret:NAME}}` in the arguments of a tool stands for: those of the environment by default.
    """

    personal_data: PersonalDataPolicy | None
    finders: Sequence[Finder]
    secrets: SecretSource | None


class Wiring(Privacy, total=False):
    """Says what is possible wherever these keywords are handed on."""

    model: ModelPort | None
    model_name: str
    tools: Iterable[Tool]
    guards: Sequence[Guard]
    hooks: Iterable[Hook]
    tenants: Iterable[Tenant]
    clock: Clock | None
    strict_costs: bool
    settings: "Settings | None"
    root: Path | str
    on_drift: DriftPolicy
    budgets: Budgets
    safeguards: Sequence[Guard] | None
    tiers: Tiers | None
    routes: Sequence[Route]
    at_once: Mapping[str, int] | None


def ingress_of(privacy: Privacy) -> Ingress:
    """Return what looks through all that comes in; without a policy, for secrets alone."""
    return Ingress(
        privacy.get("personal_data", PersonalDataPolicy()),
        finders=privacy.get("finders", ()),
        secrets=Secrets(privacy.get("secrets")),
    )
