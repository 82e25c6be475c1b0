"""The journal and the store under a small driver, simulated: how an engine is put on this stage.

The driver does what DESIGN asks and no more: claim, close what was left open, intent, last check,
call, outcome. Its process is killed and suspended at any moment; a person settles what is unknown.
The same oracle that judges the model judges the events that the real store has kept.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress

import pytest

from quarterdeck_kernel import Journal, RunState
from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.errors import ConflictError
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.run_events import RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.inbox import unknown_item
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.simulation.process import SimulatedProcess
from quarterdeck_kernel.testing.simulation.simulation import Simulation
from quarterdeck_kernel.vocabulary.actor import AGENT
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US
from tests.kernel.engine.acts import ADA, completed, queued, requested, unknown
from tests.simulation.effects import Violation
from tests.simulation.oracle import Effect, check

STEPS = ("a", "b", "c")
LONGEST_CALL_US = 20_000_000
PAUSE_US = LEASE_TTL_US // 5
DRIFT_US = LEASE_TTL_US // 3
SEEDS = range(40)


class Voyage:
    """One history: two processes that may drive, a person, and a world that counts."""

    def __init__(self, simulation: Simulation, *, careful: bool) -> None:
        self.simulation = simulation
        self.careful = careful
        self.path = simulation.folder / "quarterdeck.db"
        self.effects: list[Effect] = []
        self.crews: list[SimulatedProcess] = []
        self.work: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start another process that drives."""
        crew = self.simulation.process(f"crew {len(self.crews)}")
        self.crews.append(crew)
        self.work.append(crew.start(Driver(self, crew).live()))

    def pay(self, step: str, attempt: int, process: SimulatedProcess) -> None:
        """Take effect; note how far the log had come."""
        with closing(sqlite3.connect(self.path)) as db:
            seq = db.execute("SELECT max(seq) FROM events").fetchone()[0]
        self.effects.append(Effect(f"key-{step}", attempt, process.clock.now_us(), called_seq=seq))

    def strike(self, point: str, process: SimulatedProcess) -> None:
        """Let something befall a process at the moments that matter: around its commits."""
        dice = self.simulation.rng.random()
        if point.startswith("store.commit.") and process in self.crews:
            if dice < 0.03:
                process.kill()
            elif dice < 0.12:
                process.suspend(stands_still=dice < 0.08)

    async def play(self) -> None:
        """Let things go wrong for a while, then let everybody finish."""
        rng, shore = self.simulation.rng, self.simulation.process("shore")
        store = await shore.do(SqliteStore.open(self.path, clock=shore.clock))
        begin = Journal.begin(
            store, queued(), tenant="acme", actor=ADA, run_id="run", clock=shore.clock
        )
        journal = await shore.do(begin)
        person = shore.start(self.settle(journal, shore))
        self.begin()
        self.begin()
        self.simulation.at_point = self.strike
        for _ in range(rng.randrange(8)):
            await self.simulation.sleep(rng.randrange(LEASE_TTL_US))
            crew = self.crews[rng.randrange(len(self.crews))]
            if crew.dead:
                self.begin()
            elif crew.stopped:
                crew.resume()
            elif rng.random() < 0.3:
                crew.kill()
        self.simulation.at_point = None
        self.begin()
        await self.simulation.sleep(2 * LEASE_TTL_US)
        for crew in self.crews:
            if crew.stopped:
                crew.resume()
        await person
        await self.simulation.sleep(10 * LONGEST_CALL_US)
        events = [open_record(record) for record in await shore.do(store.read("run"))]
        assert (await shore.do(store.verify())).ok
        check(events, self.effects, ended=True)

    async def settle(self, journal: Journal, shore: SimulatedProcess) -> None:
        """Be a person who looks outside and says what is true, at the wrong moments."""
        while not (await journal.refresh()).terminal:
            for seq, item in journal.state.unknowns.items():
                done = any(effect.key == item.idempotency_key for effect in self.effects)
                verdict = ToolReconciled(
                    intent_seq=seq,
                    verdict="done" if done else "retry",
                    by="operator",
                    result=None,
                    reason=None,
                )
                with suppress(ConflictError):
                    await journal.append(
                        lambda _state, said=verdict: (said,),  # type: ignore[misc]
                        actor=ADA,
                        stands=unknown_item(seq),
                    )
            await sleep(shore.clock, PAUSE_US)


class Driver:
    """Drives the run from one process, until it is over or the process is."""

    def __init__(self, voyage: Voyage, process: SimulatedProcess) -> None:
        self.voyage, self.process = voyage, process
        self.store: SqliteStore
        self.journal: Journal

    async def live(self) -> None:
        clock = self.process.clock
        self.store = await SqliteStore.open(self.voyage.path, clock=clock)
        self.journal = await Journal.load(self.store, "run", clock=clock)
        while not (await self.journal.refresh()).terminal:
            try:
                await self.step()
            except ConflictError:
                self.journal.lease = None
            await sleep(clock, PAUSE_US)

    async def write(self, *payloads: AnyEvent) -> int:
        def decide(state: RunState) -> Sequence[AnyEvent]:
            return () if state.terminal else payloads

        written = await self.journal.append(decide, actor=AGENT)
        return written[-1].seq if written else 0

    async def step(self) -> None:
        """Claim anew, which fences off whoever was before, and do one thing."""
        lease = await self.journal.claim()
        state = await self.journal.refresh()
        if state.terminal:
            return
        if state.status == "queued":
            await self.write(RunStarted(holder=lease.holder, kernel_version="test"))
        for seq in state.tool_intents:
            await self.write(unknown(seq))
        if (await self.journal.refresh()).unknowns:
            return
        intent = await self.intent()
        if intent is None:
            await self.write(RunSucceeded(answer=None))
            return
        seq = await self.write(intent)
        if self.voyage.careful and self.process.clock.boot_us() >= lease.deadline_us:
            return
        self.voyage.pay(intent.step_key, intent.attempt, self.process)
        await sleep(self.process.clock, self.voyage.simulation.rng.randrange(LONGEST_CALL_US))
        if seq in (await self.journal.refresh()).tool_intents:
            await self.write(completed(seq))

    async def intent(self) -> ToolRequested | None:
        """Return the first call that was not made yet, or that is to be made again."""
        over, open_steps = set[str](), dict[int, str]()
        for record in await self.store.read("run"):
            match open_record(record).payload:
                case ToolRequested() as payload:
                    open_steps[record.seq] = payload.step_key
                case ToolCompleted(outcome="success") | ToolReconciled(verdict="done") as payload:
                    over.add(open_steps[payload.intent_seq])
                case _:
                    pass
        step = next((step for step in STEPS if step not in over), None)
        if step is None:
            return None
        for retry in self.journal.state.allowed_retries.values():
            return requested(step).model_copy(
                update={"attempt": retry.attempt, "decision_seq": retry.decision_seq}
            )
        return requested(step)


def history(seed: int, *, careful: bool) -> Counter[str]:
    """Play a seed; return how often each key took effect."""
    # Without drift no time would pass within a step, and every fault would hit a sleeper.
    with Simulation(seed, drift_us=DRIFT_US) as simulation:
        voyage = Voyage(simulation, careful=careful)
        simulation.run(voyage.play())
        return Counter(effect.key for effect in voyage.effects)


def test_a_driver_that_does_as_designed_pays_once() -> None:
    for seed in SEEDS:
        assert history(seed, careful=True) == {"key-a": 1, "key-b": 1, "key-c": 1}, f"seed {seed}"


@pytest.mark.crash
def test_a_driver_that_does_as_designed_pays_once_in_three_thousand_seeds() -> None:
    for seed in range(3_000):
        assert history(seed, careful=True) == {"key-a": 1, "key-b": 1, "key-c": 1}, f"seed {seed}"


def test_a_driver_that_does_not_look_at_its_deadline_is_found_out() -> None:
    def look_for_one() -> None:
        for seed in range(300):
            history(seed, careful=False)

    with pytest.raises(Violation, match="its intent is closed"):
        look_for_one()
