"""`[models.NAME]`: what is known of a model that its provider does not say."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

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
    gguf: str | None = Field(
        default=None, description="A GGUF file that is served here; needs the extra `local`."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.script is not None and self.gguf is not None:
            message = "a model is a script or a GGUF file, not both; leave one of them out"
            raise ValueError(message)
        return self

    def placed(self, folder: Path) -> Self:
        """Return it with its files taken from a folder."""
        files = {"script": self.script, "gguf": self.gguf}
        return self.model_copy(
            update={name: str(folder / file) for name, file in files.items() if file is not None}
        )

    def under(self, user: Self) -> Self:
        """Return the workspace's words, but no lower price: a budget is only as good as those."""
        return self.model_copy(
            update={
                "tier": self.tier or user.tier,
                "input_usd": higher(self.input_usd, user.input_usd),
                "output_usd": higher(self.output_usd, user.output_usd),
                **self._answers_under(user),
                "window_tokens": lower(self.window_tokens, user.window_tokens),
            }
        )

    def _answers_under(self, user: Self) -> dict[str, str | None]:
        """Return what answers: one place alone, and the workspace's before the user's."""
        said = self if self.script or self.gguf else user
        return {"script": said.script, "gguf": said.gguf}
