"""What a supervisor needs of the kernel around it: runs to be loaded, gone on with, let go.

The facade above satisfies it (`kernel/supervising.py`), so that nothing here knows the facade.
"""

from collections.abc import Callable
from typing import Protocol

from quarterdeck_kernel.agent.result import AgentResult
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.store.port import EventStore


class Host(Protocol):
    """The kernel, as its supervisor sees it."""

    store: EventStore

    @property
    def clock(self) -> Clock:
        """Return what time it is by."""
        ...

    async def load(self, run_id: str, tenant: str) -> RunDriver:
        """Return the one driver that a run has here."""
        ...

    async def go_on(self, driver: RunDriver) -> AgentResult:
        """Go on with an agent's run as far as it goes, by what is known of its agent today."""
        ...

    async def let_go(self, driver: RunDriver) -> None:
        """Stop driving a run: another process may take it up."""
        ...

    def watch(self, told: Callable[[], None]) -> None:
        """Call `told` whenever a sub-agent comes to rest, or goes on."""
        ...

    def drain(self, *, on: bool = True) -> None:
        """Let every run stop at its next boundary, or go on after all."""
        ...

    def rests(self, driver: RunDriver) -> bool:
        """Tell whether all that a run has under way are sub-agents which stand still."""
        ...
