"""What changes runs, done by the kernel: whoever drives them, alive or not."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from quarterdeck.kernel_link.driving import Driving
from quarterdeck.views.commands import GrantLine, ToolScope
from quarterdeck.views.new_run import Order, Started
from quarterdeck_kernel.errors import InvalidError

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions


class KernelCommands:
    """Implements `views.commands.RunCommands`. The store is open only while the link reads it."""

    def __init__(
        self, decisions: "Callable[[], Awaitable[Decisions]]", driving: Driving | None = None
    ) -> None:
        """Ask for the kernel's verbs when they are needed. Without driving no run is started."""
        self._decisions = decisions
        self._driving = driving

    async def start_run(self, order: Order) -> Started:
        """Queue a run of an agent."""
        if self._driving is None:
            raise InvalidError("nothing was started: this screen knows no agents; use `run`")
        return await self._driving.start_run(order)

    async def hold(self, run_id: str, reason: str | None) -> int:
        """Stop a run at its next boundary."""
        return (await (await self._decisions()).hold(run_id, reason=reason)).seq

    async def release(self, run_id: str) -> int:
        """Let a run go on that is held."""
        return (await (await self._decisions()).release(run_id)).seq

    async def say(self, run_id: str, text: str) -> int:
        """Queue a message for the agent."""
        return await (await self._decisions()).say(run_id, text)

    async def budget(self, run_id: str, limit_micros: int | None, revision: int | None) -> int:
        """Give a run another bound of money; None for none."""
        event = await (await self._decisions()).change_budget(
            run_id, limit=limit_micros, revision=revision
        )
        return event.seq

    async def model(self, run_id: str, model: str, revision: int | None) -> int:
        """Let a run ask another model."""
        return (
            await (await self._decisions()).swap_model(run_id, model=model, revision=revision)
        ).head_seq

    async def scope(
        self, run_id: str, scope: ToolScope, tools: Sequence[str], revision: int | None
    ) -> int:
        """Let an agent see other tools."""
        return (await (await self._decisions()).scope(run_id, scope, tools, revision=revision)).seq

    async def acknowledge(self, run_id: str, note: str | None) -> int:
        """Say that a failure was seen."""
        return (await (await self._decisions()).acknowledge(run_id, note=note)).seq

    async def cancel(self, run_id: str, *, now: bool, reason: str | None) -> int:
        """Ask that a run end."""
        return (await (await self._decisions()).cancel(run_id, now=now, reason=reason)).head_seq

    async def grants(self, run_id: str) -> list[GrantLine]:
        """Return what may go unasked in a run."""
        from quarterdeck.views.inspection import gist_of

        return [
            GrantLine(
                grant.grant_id,
                grant.tool,
                grant.seq,
                str(grant.actor),
                grant.at_us,
                gist_of(grant.constraints) if grant.constraints is not None else "erased",
            )
            for grant in await (await self._decisions()).grants(run_id)
        ]

    async def revoke(self, run_id: str, grant_id: str) -> int:
        """Take a grant back."""
        return (await (await self._decisions()).revoke(run_id, grant_id)).seq
