"""`[providers.NAME]`: what a provider may be asked; its models are those named `NAME/…`."""

from typing import Self

from pydantic import Field

from quarterdeck_kernel.settings.amounts import Count, lower
from quarterdeck_kernel.vocabulary.model import Value


class ProviderSettings(Value):
    """One provider."""

    at_once: Count | None = Field(
        default=None, description="Requests at a time, from all runs together; 16 if not set."
    )

    def under(self, user: Self) -> Self:
        """Return the lower number."""
        return self.model_copy(update={"at_once": lower(self.at_once, user.at_once)})
