"""`[loops]` and `[breaker]`: when repetition and errors in a row stop a run."""

from typing import Self

from pydantic import Field, model_validator

from quarterdeck_kernel.settings.amounts import Count, lower
from quarterdeck_kernel.vocabulary.model import Value


class LoopSettings(Value):
    """At how many equal calls a run is warned, and stopped."""

    warn: Count | None = Field(default=None, description="3 if not set.")
    block: Count | None = Field(default=None, description="5 if not set.")

    @model_validator(mode="after")
    def _warns_before_it_blocks(self) -> Self:
        if self.warn is not None and self.block is not None and self.warn >= self.block:
            raise ValueError(f"warn ({self.warn}) has to be below block ({self.block})")
        return self

    def under(self, user: Self) -> Self:
        """Return the lower numbers."""
        warn, block = lower(self.warn, user.warn), lower(self.block, user.block)
        return self.model_copy(update={"warn": warn, "block": block})


class BreakerSettings(Value):
    """At how many errors in a row a run is held for a person."""

    errors: Count | None = Field(default=None, description="3 if not set.")

    def under(self, user: Self) -> Self:
        """Return the lower number."""
        return self.model_copy(update={"errors": lower(self.errors, user.errors)})
