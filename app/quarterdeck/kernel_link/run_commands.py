"""What changes runs, done by the kernel: whoever drives them, alive or not."""

from collections.abc import Callable, Sequence

from quarterdeck.kernel_link.driving import Driving
from quarterdeck.views.commands import GrantLine, ToolScope
from quarterdeck.views.inspection import gist_of
from quarterdeck.views.new_run import Order, Started
from quarterdeck_kernel import Decisions
from quarterdeck_kernel.errors import InvalidError, StoreClosedError


class KernelCommands:
    """Implements `views.commands.RunCommands`. The store is open only while the link reads it."""

    def __init__(
        self, decisions: Callable[[], Decisions | None], driving: Driving | None = None
    ) -> None:
        """Ask for the kernel's verbs when they are needed. Without driving no run is started."""
        self._decisions = decisions
        self._driving = driving

    @property
    def _kernel(self) -> Decisions:
        decisions = self._decisions()
        if decisions is None:
            raise StoreClosedError(
                "the workspace is not open (any more), so nothing was decided; open it again"
            )
        return decisions

    async def start_run(self, order: Order) -> Started:
        """Queue a run of an agent."""
        if self._driving is None:
            raise InvalidError("nothing was started: this screen knows no agents; use `run`")
        return await self._driving.start_run(order)

    async def hold(self, run_id: str, reason: str | None) -> int:
        """Stop a run at its next boundary."""
        return (await self._kernel.hold(run_id, reason=reason)).seq

    async def release(self, run_id: str) -> int:
        """Let a run go on that is held."""
        return (await self._kernel.release(run_id)).seq

    async def say(self, run_id: str, text: str) -> int:
        """Queue a message for the agent."""
        return await self._kernel.say(run_id, text)

    async def budget(self, run_id: str, limit_micros: int | None, revision: int | None) -> int:
        """Give a run another bound of money; None for none."""
        event = await self._kernel.change_budget(run_id, limit=limit_micros, revision=revision)
        return event.seq

    async def model(self, run_id: str, model: str, revision: int | None) -> int:
        """Let a run ask another model."""
        return (await self._kernel.swap_model(run_id, model=model, revision=revision)).head_seq

    async def scope(
        self, run_id: str, scope: ToolScope, tools: Sequence[str], revision: int | None
    ) -> int:
        """Let an agent see other tools."""
        return (await self._kernel.scope(run_id, scope, tools, revision=revision)).seq

    async def acknowledge(self, run_id: str, note: str | None) -> int:
        """Say that a failure was seen."""
        return (await self._kernel.acknowledge(run_id, note=note)).seq

    async def cancel(self, run_id: str, *, now: bool, reason: str | None) -> int:
        """Ask that a run end."""
        return (await self._kernel.cancel(run_id, now=now, reason=reason)).head_seq

    async def grants(self, run_id: str) -> list[GrantLine]:
        """Return what may go unasked in a run."""
        return [
            GrantLine(
                grant.grant_id,
                grant.tool,
                grant.seq,
                str(grant.actor),
                grant.at_us,
                gist_of(grant.constraints) if grant.constraints is not None else "erased",
            )
            for grant in await self._kernel.grants(run_id)
        ]

    async def revoke(self, run_id: str, grant_id: str) -> int:
        """Take a grant back."""
        return (await self._kernel.revoke(run_id, grant_id)).seq
