"""`[models.NAME]`: what is known of a model that its provider does not say."""

from typing import Self

from pydantic import Field

from quarterdeck_kernel.settings.amounts import Count, Price, higher, lower
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.tiers import Tier


class ModelSettings(Value):
    """One model."""

    tier: Tier | None = None
    input_usd: Price | None = Field(default=None, description="For a million tokens in.")
    output_usd: Price | None = Field(default=None, description="For a million tokens out.")
    window_tokens: Count | None = None
    script: str | None = Field(
        default=None, description="A JSON file that answers in its place, without a provider."
    )

    def under(self, user: Self) -> Self:
        """Return the workspace's words, but no lower price: a budget is only as good as those."""
        return self.model_copy(
            update={
                "tier": self.tier or user.tier,
                "input_usd": higher(self.input_usd, user.input_usd),
                "output_usd": higher(self.output_usd, user.output_usd),
                "script": self.script or user.script,
                "window_tokens": lower(self.window_tokens, user.window_tokens),
            }
        )
