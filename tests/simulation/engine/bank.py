"""The world outside the engine: what calls do there, when, and what is told of it afterwards.

A call takes effect within its tool's timeout, or never; whether the process that made it lives
or sleeps meanwhile is nothing to the world.
"""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from quarterdeck_kernel.clock import Clock, sleep
from quarterdeck_kernel.errors import PermanentToolError, TransientToolError
from quarterdeck_kernel.testing.simulation.loop import LANE, Lane
from quarterdeck_kernel.testing.simulation.simulation import Simulation
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, NOT_DONE, Done, ProbeAnswer
from tests.simulation.oracle import Effect

TIMEOUT_US: Final = 4_000_000
"""How long every tool of the simulation may take."""

_DULL: Final = {"v", "id", "tenant", "run", "run_id", "seq", "kind"}

End = Literal["returns", "transient", "permanent", "raises", "hangs", "late"]


class Fate(NamedTuple):
    """How one try of a key goes: decided by the seed, not by when it is made."""

    end: End
    takes_us: int
    lands_us: int | None


@dataclass(slots=True)
class Leaving:
    """A call that was checked a last time and did not arrive here yet."""

    lane: Lane
    heads: dict[str, int]
    at_us: int
    arrived: bool = False


LEAVING: ContextVar[Leaving | None] = ContextVar("LEAVING", default=None)
"""What the engine is about to call in this context."""


class Bank:
    """Counts effects."""

    def __init__(
        self, simulation: Simulation, path: Path, note: Callable[[str], None], *, calm: bool
    ) -> None:
        """Begin with nothing done. In a calm world nothing goes wrong with a call."""
        self.simulation = simulation
        self.path = path
        self.note = note
        self.calm = calm
        self.calls: list[Effect] = []
        self.full: list[Lane] = []
        self.returned: list[tuple[Lane, str, int]] = []
        self.done: Counter[str] = Counter()
        self.launches: Counter[str] = Counter()
        self.runs: dict[str, str] = {}
        self._db: sqlite3.Connection | None = None
        self._leaving: list[Leaving] = []
        self._due: Counter[str] = Counter()
        self._late: Counter[str] = Counter()

    # -- what the engine does

    def leaves(self) -> None:
        """Note that the engine has looked a last time, and calls."""
        leaving = Leaving(LANE.get(), self.heads(), self.simulation.loop.passed_us)
        self._leaving.append(leaving)
        LEAVING.set(leaving)

    async def call(self, context: ToolContext, effect: str) -> str:
        """Be called."""
        leaving = self.arrives()
        key, clock = context.idempotency_key, LANE.get().clock
        self.runs[key] = context.run_id
        fate = self._fate(key, context.attempt, effect)
        self.note(f"{LANE.get().name} calls {context.step_key} try {context.attempt}: {fate}")
        seq = leaving.heads[context.run_id]
        lands = fate.lands_us is not None
        self.calls.append(Effect(key, context.attempt, leaving.at_us, called_seq=seq, lands=lands))
        if fate.lands_us is not None:
            loop = self.simulation.loop
            late = loop.passed_us + fate.lands_us > leaving.at_us + TIMEOUT_US
            self._due[key] += 1
            self._late[key] += late
            loop.root.clock.call_later(fate.lands_us, lambda: self._land(key, effect, late=late))
        try:
            await self._goes(fate, clock)
        except (TransientToolError, PermanentToolError):
            self.returned.append((LANE.get(), key, context.attempt))
            raise
        if fate.end == "returns":
            self.returned.append((LANE.get(), key, context.attempt))
        return f"done {context.step_key}"

    async def _goes(self, fate: Fate, clock: Clock) -> None:
        try:
            await sleep(clock, fate.takes_us)
        except asyncio.CancelledError:
            if fate.end != "late":
                raise
            await sleep(clock, 3_000_000)
        match fate.end:
            case "transient":
                raise TransientToolError("try again; nothing has happened")
            case "permanent":
                raise PermanentToolError("no such account; nothing has happened")
            case "raises" | "hangs":
                # Who slept through the timeout hears of a call that hung, and nothing good.
                raise ConnectionResetError("the line went dead")
            case _:
                return

    def _fate(self, key: str, attempt: int, effect: str) -> Fate:
        rng = random.Random(f"{self.simulation.seed}/{key}/{attempt}")
        takes_us = rng.choice((0, 40_000, 800_000, 2_500_000, 3_800_000))
        lands_us = rng.randrange(TIMEOUT_US) if rng.random() < 0.3 else rng.randint(0, takes_us)
        dice = rng.random()
        if self.calm or dice < 0.62:
            return Fate("returns", takes_us, min(lands_us, takes_us))
        if dice < 0.70:
            return Fate("transient", takes_us, None)
        if dice < 0.74:
            return Fate("permanent", takes_us, None)
        lands = None if rng.random() < 0.4 else lands_us
        if dice < 0.84:
            return Fate("raises", takes_us, lands)
        if dice < 0.90:
            return Fate("hangs", 10 * TIMEOUT_US, lands)
        if effect == "once":
            return Fate("late", 5 * TIMEOUT_US // 4, lands_us)
        return Fate("returns", takes_us, min(lands_us, takes_us))

    def _land(self, key: str, effect: str, *, late: bool) -> None:
        self._due[key] -= 1
        self._late[key] -= late
        if effect == "once" or not self.done[key]:
            self.done[key] += 1

    def arrives(self) -> Leaving:
        """Note that what the engine was about to call is called; return what it knew."""
        leaving = LEAVING.get()
        assert leaving is not None, "the engine says before it calls that it will"
        leaving.arrived = True
        return leaving

    def over(self) -> None:
        """Note that the engine waits no more; a call that was stopped in time never arrives."""
        leaving = LEAVING.get()
        if leaving is not None:
            leaving.arrived = True

    # -- what can be asked

    async def probe(self, context: ToolContext) -> ProbeAnswer:
        """Say what is true now: not what will be, but for what a sleeper has begun, or sends late.

        No waiting is long enough for who stood still between the last look and the call.
        """
        key = context.idempotency_key
        rng = random.Random(f"{self.simulation.seed}/{key}/probe/{self.simulation.loop.passed_us}")
        await sleep(LANE.get().clock, rng.choice((0, 100_000)))
        if self.done[key]:
            return Done(f"done {context.step_key}")
        if not self.quiet() or self._late[key] or rng.random() < 0.15:
            return CANNOT_TELL
        return NOT_DONE

    def quiet(self) -> bool:
        """Tell whether no living process is between its last look and its call."""
        return all(leaving.arrived or leaving.lane.dead for leaving in self._leaving)

    def settled(self, key: str) -> bool:
        """Tell whether nothing is on its way any more, as a person finds out who waits."""
        return self.quiet() and not self._due[key]

    async def launch(self, run_id: str) -> str:
        """Be a step of a workflow that must not happen twice."""
        self.arrives()
        self.note(f"{LANE.get().name} launches {run_id}")
        self.launches[run_id] += 1
        await sleep(LANE.get().clock, 500_000)
        return "launched"

    # -- the log, from outside

    def heads(self) -> dict[str, int]:
        """Return how far each run's log is, as anybody could look."""
        if self._db is None:
            self._db = sqlite3.connect(self.path, isolation_level=None)
        return dict(self._db.execute("SELECT run_id, seq FROM runs"))

    def log(self) -> list[str]:
        """Return all events, for who looks for a reason."""
        with closing(sqlite3.connect(self.path)) as db:
            rows = db.execute(
                "SELECT run_id, e.seq, kind, header, payload "
                "FROM events e JOIN runs USING (run_no) ORDER BY pos"
            )
            return [
                f"{run} #{seq} {kind} {_short(header)} {payload}"
                for run, seq, kind, header, payload in rows
            ]

    def close(self) -> None:
        """Look no more."""
        if self._db is not None:
            self._db.close()


def _short(header: str) -> str:
    facts = json.loads(header)
    return " ".join(f"{name}={value}" for name, value in facts.items() if name not in _DULL)
