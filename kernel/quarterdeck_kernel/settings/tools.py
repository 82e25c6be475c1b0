"""`[tools.NAME]`: what is said of a tool that is there, wherever it comes from."""

from typing import Annotated, Self

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class ToolSettings(Value):
    """One tool: built in, of a module, of a plugin, or SERVER__TOOL."""

    secrets: tuple[SecretName, ...] = Field(
        default=(),
        description="Those that a call of it may name, as {{secret:NAME}}; each stands in the "
        "environment as QUARTERDECK_SECRET_NAME.",
    )

    def under(self, user: Self) -> Self:
        """Return what both may send: a workspace hands out no more than its user does."""
        both = tuple(name for name in self.secrets if name in user.secrets)
        return self.model_copy(update={"secrets": both})
