"""Drives the runs of a workspace beside the screen, with all that its settings name.

Reading does not wait for it: settings, people's modules and servers may take long, and what is
wrong with them is told while the runs are shown all the same.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.new_run import Order, Started
from quarterdeck.views.plain import plain
from quarterdeck.views.troubles import Trouble, Troubles, details, failure, sentence
from quarterdeck.views.work import Tell
from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.errors import InvalidError, QuarterdeckError, StoreClosedError

if TYPE_CHECKING:
    from quarterdeck_kernel import Actor, EventStore
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped
    from quarterdeck_kernel.supervisor.notice import Notice
    from quarterdeck_kernel.supervisor.supervisor import Supervisor

Leaving = Literal["drain", "leave"]

_SECOND_US: Final = 1_000_000
_COUNTED_EVERY_S: Final = 0.1
_UNDRIVEN: Final = (
    "No run is driven here. Quit and open the workspace again; if it comes back, "
    "give its details to whoever looks after Quarterdeck."
)
_SET_ASIDE: Final = "It was left alone. Open it: if it is held, it goes on once it is released."
_TRIED_AGAIN: Final = "It is tried again every few seconds; see whether the disk is full."


class Driving:
    """A workspace's kernel with its supervisor. `drives` is whether runs are driven here at all."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        drives: bool = True,
        clock: Clock | None = None,
        actor: "Actor | None" = None,
    ) -> None:
        """Know the workspace; nothing is read before `equip`."""
        self._workspace = workspace
        self._drives = drives
        self._clock = clock or SystemClock()
        self._actor = actor
        self._supervisor: Supervisor | None = None
        self._leaving = False
        self._over = asyncio.Event()
        self.troubles = Troubles(self._clock.now_us)
        self.kernel: Equipped | None = None
        self.trouble: str | None = None

    @property
    def driven(self) -> int:
        """Return how many runs are at work here."""
        return len(self._supervisor.at_work) if self._supervisor is not None else 0

    @property
    def drives(self) -> bool:
        """Tell whether a run that is queued is taken up here."""
        return self._supervisor is not None and not self._leaving and not self._over.is_set()

    async def equip(self, store: "EventStore") -> "Equipped | None":
        """Read what the settings name, and make a kernel of it; None: it is told what is wrong."""
        try:
            equipment = await asyncio.to_thread(self._read)
            await equipment.start()
        except Exception as error:  # noqa: BLE001 - it is people's code, and told to them
            self._tell("equipping the workspace", error)
            return None
        # Its module was brought in by the thread.
        from quarterdeck_kernel.kernel.equipped import Equipped

        self.kernel = Equipped.upon(store, equipment)
        return self.kernel

    def _read(self) -> "Equipment":
        """Import what people's settings name: in a thread, for a screen is being drawn."""
        from quarterdeck_kernel.kernel.equipped import Equipment

        return Equipment(self._workspace.folder, clock=self._clock, looking=not self._drives)

    async def drive(self) -> None:
        """Drive runs until drained. Cancelled, it lets all of them go in good order."""
        if self.kernel is None or not self._drives:
            return
        try:
            # Whoever stops a drain in its last moment has another supervisor.
            while not self._leaving:
                self._supervisor = self.kernel.supervisor(told=self._hear)
                await self._supervisor.run()
        except Exception as error:  # noqa: BLE001 - whatever it was, people are told
            self._tell("driving runs", error)
        finally:
            self._over.set()

    def _tell(self, what: str, error: Exception) -> None:
        self.trouble = sentence(error)
        then = "" if isinstance(error, QuarterdeckError) else _UNDRIVEN
        self.troubles.tell(failure(what, error, then))

    def _hear(self, notice: "Notice") -> None:
        """Have told what the supervisor met with and no log says, or none that is looked at."""
        if notice.what not in {"failed", "trouble"}:
            return
        run = f"run {plain(notice.run_id)}" if notice.run_id is not None else "driving runs"
        then = _SET_ASIDE if notice.run_id is not None else _TRIED_AGAIN
        known = details(notice.error) if notice.error is not None else ""
        text = f"{run}: {plain(notice.text)}\n{then}"
        self.troubles.tell(Trouble(text, known, "error" if notice.run_id else "warning"))

    async def leave(self, leaving: Leaving, tell: Tell | None = None) -> None:
        """Part with the runs that are driven here; return once nothing of theirs is under way.

        Cancelled, it takes that back: they are driven on.
        """
        self._leaving = True
        if self._supervisor is None:
            return
        if leaving == "drain":
            self._supervisor.drain()
        else:
            self._supervisor.stop()
        try:
            await self._until_over(tell)
        except asyncio.CancelledError:
            self._leaving = False
            self._supervisor.go_on()
            raise

    async def _until_over(self, tell: Tell | None) -> None:
        total = self.driven
        while not self._over.is_set():
            if tell is not None:
                tell(total - self.driven, total)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _COUNTED_EVERY_S)

    async def start_run(self, order: Order) -> Started:
        """Queue a run of an agent."""
        kernel = self.kernel
        if kernel is None:
            why = self.trouble or "the settings of the workspace are still being read"
            raise InvalidError(f"nothing was started: {why}")
        deadline_us = None
        if order.deadline_s is not None:
            deadline_us = self._clock.now_us() + order.deadline_s * _SECOND_US
        run = await kernel.start_agent(
            kernel.roster.get(order.agent),
            order.objective,
            tenant=order.tenant,
            model=order.model,
            budgets={"micros": order.budget_micros} if order.budget_micros is not None else None,
            deadline_us=deadline_us,
            actor=self._actor,
        )
        if not self.drives:
            # Its lease, if any was taken, is for whoever drives it.
            with suppress(StoreClosedError):
                await kernel.let_go(run)
        return Started(run.run_id, self.drives)
