"""`[retention]`: how long runs that are over are kept."""

from typing import Self

from pydantic import Field

from quarterdeck_kernel.settings.amounts import Count
from quarterdeck_kernel.vocabulary.model import Value


class RetentionSettings(Value):
    """What `quarterdeck delete --overdue` takes away. Nothing is deleted by itself."""

    finished_days: Count | None = Field(
        default=None, description="Runs that are over for longer may be deleted; never if not set."
    )

    def under(self, user: Self) -> Self:
        """Return what the workspace says, else what its user says."""
        days = self.finished_days if self.finished_days is not None else user.finished_days
        return self.model_copy(update={"finished_days": days})
