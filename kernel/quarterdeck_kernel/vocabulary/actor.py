"""Who did something."""

import getpass
import socket
from typing import Literal

from quarterdeck_kernel.vocabulary.model import Value


class Actor(Value):
    """The author of an event: the agent, the kernel, or a person with what identifies them.

    `name` is what a person calls themselves; `os_user` and `host` are what the operating system
    says, recorded because a name alone is no proof of who decided.
    """

    kind: Literal["agent", "kernel", "operator"]
    name: str | None = None
    host: str | None = None
    os_user: str | None = None

    def __str__(self) -> str:
        """Return what the screen shows."""
        return f"operator:{self.name}" if self.kind == "operator" else self.kind


# Nothing to validate: that would build pydantic's schema while the kernel is imported.
AGENT = Actor.model_construct(kind="agent")
KERNEL = Actor.model_construct(kind="kernel")


def operator(name: str | None = None) -> Actor:
    """Return the person at this terminal, as the operating system knows them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(kind="operator", name=name or user, host=socket.gethostname(), os_user=user)
