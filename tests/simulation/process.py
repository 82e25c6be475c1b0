"""A process that may drive the run: its memory, what befalls it, its lease and its appends.

What it knows it knows from its last look (`seen`) and from its own memory; both are gone when it
dies, and both are old when it wakes up.
"""

from dataclasses import dataclass
from typing import Literal

from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from tests.simulation.log import HeadMoved, LeaseLost, Log
from tests.simulation.plan import Plan
from tests.simulation.rules import Rules
from tests.simulation.world import Call, Spec, World

TTL_US = 12


@dataclass(slots=True)
class Mine:
    """An intent that this process wrote, and what became of it here."""

    spec: Spec
    attempt: int
    stage: Literal["written", "checked", "leaving", "flying"] = "written"
    generation: int = 0
    looked_us: int = 0
    call: Call | None = None


@dataclass(slots=True)
class Probe:
    """A question to a tool whether it has done something, and its answer."""

    asked_us: int
    answer: Literal["done", "not_done", "cannot_tell"]


class Process:
    """One process that may take the run up."""

    def __init__(self, name: str, log: Log, plan: Plan, *, gap: bool) -> None:
        """Begin a process that drives nothing yet.

        With `gap` it may be stopped between its last check and the call itself.
        """
        self.name = name
        self.number = 0
        self.log = log
        self.world: World = log.world
        self.rules: Rules = log.rules
        self.plan = plan
        self.gap = gap
        self.awake = True
        self.up = True
        self._forget()

    def _forget(self) -> None:
        self.seen = 0
        self.epoch: int | None = None
        self.known_epoch = 0
        self.deadline_us = 0
        self.generation = 0
        self.mine: dict[int, Mine] = {}
        self.probes: dict[int, Probe] = {}
        self.ask_again_us: dict[int, int] = {}

    @property
    def process(self) -> str:
        """Name the process, which is another one after each restart."""
        return f"{self.name}{self.number}"

    @property
    def state(self) -> RunState:
        """Return the state as this process last saw it."""
        return self.log.states[self.seen]

    # -- what befalls a process

    def crash(self) -> None:
        """Die: memory and calls that were not sent yet are gone, the lock file tells at once."""
        self.up = False
        self.world.die(self.process)
        self._forget()

    def restart(self) -> None:
        """Begin anew."""
        self.up = self.awake = True
        self.number += 1

    def claimable(self) -> bool:
        lease = self.log.lease
        if self.log.state.terminal:
            return False
        free = lease.holder is None or lease.holder in self.world.dead
        return free or lease.holder == self.process or lease.deadline_us <= self.world.now_us

    # -- lease

    def claim(self) -> None:
        """Take the run up."""
        if not self.claimable():
            return
        lease = self.log.claim(self.process, TTL_US)
        self.epoch = self.known_epoch = lease.epoch
        self.deadline_us = lease.deadline_us
        self.seen = self.log.seq

    def renew(self) -> None:
        """Push the deadline back; one that has passed is worth nothing until the epoch is seen."""
        lease = self.log.lease
        if self.world.now_us >= self.deadline_us and self.rules.late_renewal_looks:
            if lease.epoch != self.epoch:
                self.lose()
                return
            self.generation += 1
        self.deadline_us = self.world.now_us + TTL_US
        if lease.epoch == self.epoch:
            lease.deadline_us = self.deadline_us

    def lose(self) -> None:
        """Stop driving; what is under way here goes on."""
        self.epoch = None
        for mine in self.mine.values():
            if mine.stage == "checked":
                mine.stage = "written"

    def look(self) -> None:
        """Fold what others have written."""
        self.seen = self.log.seq

    # -- writing

    def append(self, *payloads: AnyEvent) -> bool:
        assert self.epoch is not None
        try:
            self.log.drive(payloads, on=self.seen, epoch=self.epoch)
        except HeadMoved:
            self.look()
            return False
        except LeaseLost:
            self.lose()
            return False
        self.seen = self.log.seq
        return True
