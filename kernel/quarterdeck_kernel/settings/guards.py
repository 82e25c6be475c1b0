"""`[guards]`: how the chain of guards is held to."""

from typing import Literal, Self

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value

GuardMode = Literal["open", "enforced"]


class GuardSettings(Value):
    """How the guards are held to."""

    mode: GuardMode = Field(
        default="open", description="`enforced` refuses to start without the security guards."
    )

    def under(self, user: Self) -> Self:
        """Return what holds where a user has settings too: enforced stays enforced."""
        enforced = "enforced" in (self.mode, user.mode)
        return self.model_copy(update={"mode": "enforced" if enforced else "open"})
