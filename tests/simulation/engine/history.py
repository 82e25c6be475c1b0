"""One history of the real engine: ships, people and a world, by one seed; and its judgement.

python -m tests.simulation.engine 4711        tells what happened under a seed
"""

import asyncio
import random
import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from unittest.mock import patch

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.runs.start import RunRequest, start
from quarterdeck_kernel.store.sqlite import maintenance, news
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.crash import Crashed
from quarterdeck_kernel.testing.simulation.loop import DeadlockError, OverrunError
from quarterdeck_kernel.testing.simulation.process import SimulatedProcess
from quarterdeck_kernel.testing.simulation.simulation import Simulation
from quarterdeck_kernel.tools import printed
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US
from tests.kernel.engine.acts import ADA
from tests.simulation.effects import Violation
from tests.simulation.engine.bank import Bank
from tests.simulation.engine.judgement import judge
from tests.simulation.engine.people import Person
from tests.simulation.engine.plan import Plan, planned
from tests.simulation.engine.ship import Ship

SECOND_US: Final = 1_000_000
DRIFTS_US: Final = (20_000, 200_000, 2 * SECOND_US)
"""How long things take: with none of it faults would only hit sleepers, with much of it all that
is to be quick comes late."""
LONGEST_US: Final = 3_600 * SECOND_US
STRIKES: Final = ("engine.", "journal.", "store.commit.", "store.claim.", "store.register.")

RISKY: Final = {"engine.intent.after": 4, "engine.dispatch.after": 2}
"""Where a process that stands still, or dies, does the most harm."""


@dataclass(slots=True)
class Ended:
    """What a history came to."""

    seed: int
    statuses: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    steps: int = 0
    violation: str | None = None
    met: Counter[str] = field(default_factory=Counter)


class History:
    """One seed. `calm`: nothing goes wrong, and nobody meddles."""

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        """Choose what the runs are; nothing happens before `play`."""
        self.seed = seed
        self.calm = calm
        self.rng = random.Random(f"{seed}/history")
        self.told: list[str] = []
        drift_us = 0 if calm else self.rng.choice(DRIFTS_US)
        self.simulation = Simulation(seed, drift_us=drift_us, limit_us=LONGEST_US)
        self.plans = self._plans()
        self.ships: list[Ship] = []
        self.work: list[asyncio.Task[None]] = []
        self.met: Counter[str] = Counter()
        self.bank: Bank
        self.person: Person

    def _plans(self) -> dict[str, Plan | None]:
        kind = self.rng.random()
        plans: dict[str, Plan | None] = {}
        if kind < 0.8:
            plans["agent"] = planned(self.rng, calm=self.calm)
        if kind > 0.6:
            plans["flow"] = None
        return plans

    def note(self, text: str) -> None:
        """Keep what happened, for who looks for a reason."""
        self.told.append(f"{self.simulation.loop.passed_us / SECOND_US:>9.3f}  {text}")

    def play(self) -> Ended:
        """Play it to its end, and judge it."""
        ended = Ended(self.seed, met=self.met)
        folder = blank()
        with ExitStack() as stack:
            # Looking every 50 ms is right in life and slow here.
            stack.enter_context(patch.object(news, "_LOOK_EVERY_S", 0.5))
            stack.enter_context(patch.object(maintenance, "_LOOK_EVERY_S", 30))
            # A process that is killed gives no stream back, and takes its own with it: not here.
            stack.enter_context(patch.object(printed, "install", lambda: None))
            stack.enter_context(patch.object(printed, "uninstall", lambda: None))
            simulation = stack.enter_context(self.simulation)
            path = simulation.folder / "quarterdeck.db"
            shutil.copytree(folder, simulation.folder, dirs_exist_ok=True)
            self.bank = Bank(simulation, path, self.note, calm=self.calm)
            stack.callback(self.bank.close)
            try:
                simulation.run(self._played(ended))
            except Violation as found:
                ended.violation = str(found)
            except (DeadlockError, OverrunError) as found:
                ended.violation = f"{type(found).__name__}: {found}"
            self.told += self.bank.log()
            ended.steps = simulation.loop.steps
        return ended

    async def _played(self, ended: Ended) -> None:
        simulation = self.simulation
        harbour = simulation.process("harbour")
        store = await harbour.do(SqliteStore.open(self.bank.path, clock=harbour.clock))
        for run_id in self.plans:
            request = RunRequest(agent="purser", objective="sail", tenant="acme", run_id=run_id)
            await harbour.do(start(store, request, actor=ADA, clock=harbour.clock))
        ada = simulation.process("ada")
        self.person = Person(ada, self.bank, list(self.plans), self._seeded("ada"), self.note)
        self.person.meddles = not self.calm
        desk = await ada.do(SqliteStore.open(self.bank.path, clock=ada.clock))
        person = ada.start(self.person.live(desk), name="ada")
        self._launch()
        if not self.calm:
            if self.rng.random() < 0.7:
                self._launch()
            simulation.at_point = self._strike
            await self._storm()
        else:
            simulation.at_point = self._leave
        await self._calm_down(person)
        await self._close()
        for run_id in self.plans:
            events = await harbour.do(_events(store, run_id))
            await self._judged(harbour, store, run_id, events, ended)
        verdict = await harbour.do(store.verify())
        if not verdict.ok:
            raise Violation(f"the store does not verify: {verdict}")
        await harbour.do(store.close())
        await ada.do(desk.close())

    def _seeded(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def _launch(self) -> None:
        name = f"ship {len(self.ships)}"
        process = self.simulation.process(name)
        ship = Ship(process, self.bank, self.plans, self._seeded(name), self.note)
        self.ships.append(ship)
        self.note(f"{name} is launched")
        self.work.append(process.start(ship.live(), name=name))

    # -- faults

    def _leave(self, point: str, process: SimulatedProcess) -> None:
        if point == "engine.dispatch.before" and process.name.startswith("ship"):
            self.bank.leaves()
        elif point == "engine.dispatch.after" and process.name.startswith("ship"):
            self.bank.over()

    def _strike(self, point: str, process: SimulatedProcess) -> None:
        """Let something befall a ship at the moments that matter."""
        if not process.name.startswith("ship") or not point.startswith(STRIKES):
            return
        self.met[point] += 1
        dice = self.rng.random() / RISKY.get(point, 1)
        if dice < 0.008:
            self.note(f"{process.name} dies at {point}")
            self.met["killed"] += 1
            process.kill()
        elif dice < 0.028:
            self.note(f"{process.name} is suspended at {point}")
            process.suspend(stands_still=dice < 0.018)
            self.met["suspended"] += 1
        self._leave(point, process)

    async def _storm(self) -> None:
        """Let things go wrong for a while."""
        rng = self.rng
        for _ in range(rng.choice((2, 5, 10))):
            await self.simulation.sleep(rng.choice((SECOND_US, 3 * SECOND_US, LEASE_TTL_US * 2)))
            self._befall(self.ships[rng.randrange(len(self.ships))])

    def _befall(self, ship: Ship) -> None:
        rng, process = self.rng, ship.process
        dice = rng.random()
        if process.dead:
            if sum(not other.process.dead for other in self.ships) < 2:
                self._launch()
        elif process.stopped:
            self.note(f"{process.name} wakes up")
            process.resume()
        elif dice < 0.15:
            self.note(f"{process.name} dies")
            process.kill()
        elif dice < 0.35:
            self.note(f"{process.name} is suspended")
            process.suspend(stands_still=rng.random() < 0.5)
        elif dice < 0.5:
            ship.full = not ship.full
            self.bank.full.append(process)
            self.note(f"the disk of {process.name} is {'full' if ship.full else 'free'}")
        elif dice < 0.65:
            jump_us = rng.choice((-1, 1)) * rng.randrange(100 * SECOND_US)
            self.note(f"the wall clock of {process.name} is set by {jump_us / SECOND_US:.0f} s")
            process.clock.jump_wall(jump_us)
            ship.skew_us += jump_us
        elif dice < 0.75:
            run_id = rng.choice(list(self.plans))
            self.note(f"{process.name} is called off {run_id}")
            ship.call_off(run_id)

    async def _calm_down(self, person: asyncio.Task[None]) -> None:
        """Nothing goes wrong any more, and everything is answered: now every run must end."""
        self.note("the storm is over")
        self.simulation.at_point = self._leave
        self.person.meddles = False
        for ship in self.ships:
            ship.full = False
            ship.process.clock.jump_wall(-ship.skew_us)
            if ship.process.stopped:
                ship.process.resume()
        if all(ship.process.dead for ship in self.ships):
            self._launch()
        await self._bounded(person, "its runs do not end")
        for ship, work in zip(self.ships, self.work, strict=True):
            if not ship.process.dead:
                await self._bounded(work, f"{ship.process.name} does not hear of the end")

    async def _bounded(self, task: asyncio.Task[None], what: str) -> None:
        """Wait for somebody's work, but not for ever."""
        for _ in range(600):
            for work in (*self.work, task):
                _heard(work)
            if task.done():
                break
            await self.simulation.sleep(SECOND_US)
        else:
            raise Violation(f"though everything is answered, {what}")

    async def _close(self) -> None:
        """Close what still floats; nothing may be left under way there."""
        for ship in self.ships:
            if ship.process.dead:
                continue
            for kernel in ship.kernels.values():
                await self._bounded(ship.process.start(kernel.close()), "a kernel does not close")
        await self.simulation.sleep(60 * SECOND_US)
        for ship in self.ships:
            if not ship.process.dead:
                _nothing_left(ship.process)

    # -- judgement

    async def _judged(
        self,
        harbour: SimulatedProcess,
        store: SqliteStore,
        run_id: str,
        events: list[Event],
        ended: Ended,
    ) -> None:
        state = fold(empty(), events)
        journal = await harbour.do(Journal.load(store, run_id, clock=harbour.clock))
        if journal.state != state:
            raise Violation(f"{run_id}: the fold from event 1 differs from that of the snapshot")
        ended.statuses += (state.status,)
        ended.met.update(event.kind for event in events)
        for event in events:
            word = getattr(event.payload, "outcome", getattr(event.payload, "verdict", None))
            ended.met.update([word] if word is not None else [])
        judge(run_id, events, state, self.plans[run_id], self.bank, self.person)


def _heard(task: asyncio.Task[None]) -> None:
    """Raise what came out of somebody's work and should not have."""
    if not task.done() or task.cancelled():
        return
    error = task.exception()
    if error is not None and not isinstance(error, Crashed):
        raise Violation(f"{type(error).__name__} came out: {error}") from error


def _nothing_left(process: SimulatedProcess) -> None:
    for task in process.tasks:
        if not task.done():
            raise Violation(f"{process.name} is closed, and {task.get_name()} goes on: {task!r}")
        if not task.cancelled() and getattr(task, "_log_traceback", False):
            raise Violation(f"{process.name}: nobody heard of {task.exception()!r} in {task!r}")


async def _events(store: SqliteStore, run_id: str) -> list[Event]:
    return [await opened(store, record) for record in await store.read(run_id)]


@cache
def blank() -> Path:
    """Return a folder with an empty database: making one takes longer than a history."""
    folder = Path(mkdtemp(prefix="quarterdeck-blank-"))
    with Simulation(0) as simulation:
        process = simulation.process("shipyard")

        async def made() -> None:
            path = simulation.folder / "quarterdeck.db"
            store = await process.do(SqliteStore.open(path, clock=process.clock))
            await process.do(store.close(remember=False))

        simulation.run(made())
        shutil.copytree(simulation.folder, folder, dirs_exist_ok=True)
    return folder


def play(seed: int, *, calm: bool = False) -> Ended:
    """Play one seed."""
    return History(seed, calm=calm).play()


def told(seed: int, *, calm: bool = False) -> str:
    """Return what happened under a seed."""
    history = History(seed, calm=calm)
    ended = history.play()
    return "\n".join([*history.told, f"{ended}"])


def first_violation(seeds: range) -> Ended | None:
    """Return the first seed that breaks an invariant, if one does."""
    for seed in seeds:
        ended = play(seed)
        if ended.violation is not None:
            return ended
    return None
