"""`[tiers]`: which models are frontier, mid and small, each list with its fallbacks behind."""

from typing import Annotated, Self

from pydantic import Field

from quarterdeck_kernel.settings.models import ModelSettings
from quarterdeck_kernel.vocabulary.model import Value

ModelNames = Annotated[tuple[str, ...], Field(description="The first is asked; then who is left.")]
ORDER = ("frontier", "mid", "small")
"""From the best to the cheapest."""


class TierSettings(Value):
    """Models by tier."""

    frontier: ModelNames = ()
    mid: ModelNames = ()
    small: ModelNames = ()

    def under(self, user: Self) -> Self:
        """Return the workspace's tiers, and the user's where it says nothing of one."""
        return self.model_copy(
            update={tier: getattr(self, tier) or getattr(user, tier) for tier in ORDER}
        )

    def models(self, known: dict[str, ModelSettings]) -> dict[str, tuple[str, ...]]:
        """Return the models of each tier that has any: those listed, then those that say so."""
        found: dict[str, tuple[str, ...]] = {}
        for tier in ORDER:
            listed: tuple[str, ...] = getattr(self, tier)
            said = [name for name, model in known.items() if model.tier == tier]
            if models := tuple(dict.fromkeys((*listed, *said))):
                found[tier] = models
        return found
