"""What an operator can have done to a run, as screens know it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from quarterdeck.views.new_run import Order, Started

ToolScope = Literal["all", "allow", "deny"]


class GrantLine(NamedTuple):
    """A grant that stands, to be read and revoked."""

    grant_id: str
    tool: str
    seq: int
    by: str
    at_us: int
    bounds: str


class RunCommands(Protocol):
    """Each waits until it is recorded, and tells where: mostly by the number of the event.

    A `revision` is the one that was looked at: what somebody has changed since is left alone.
    Raises what the kernel raises.
    """

    async def start_run(self, order: Order) -> Started:
        """Queue a run of an agent."""
        ...

    async def hold(self, run_id: str, reason: str | None) -> int:
        """Stop a run at its next boundary."""
        ...

    async def release(self, run_id: str) -> int:
        """Let a run go on that is held."""
        ...

    async def say(self, run_id: str, text: str) -> int:
        """Queue a message for the agent."""
        ...

    async def budget(self, run_id: str, limit_micros: int | None, revision: int | None) -> int:
        """Give a run another bound of money; None for none."""
        ...

    async def model(self, run_id: str, model: str, revision: int | None) -> int:
        """Let a run ask another model."""
        ...

    async def scope(
        self, run_id: str, scope: ToolScope, tools: Sequence[str], revision: int | None
    ) -> int:
        """Let an agent see other tools."""
        ...

    async def acknowledge(self, run_id: str, note: str | None) -> int:
        """Say that a failure was seen."""
        ...

    async def cancel(self, run_id: str, *, now: bool, reason: str | None) -> int:
        """Ask that a run end."""
        ...

    async def grants(self, run_id: str) -> list[GrantLine]:
        """Return what may go unasked in a run."""
        ...

    async def revoke(self, run_id: str, grant_id: str) -> int:
        """Take a grant back."""
        ...
