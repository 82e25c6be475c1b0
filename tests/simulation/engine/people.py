"""A person at a process of their own: answers, settles, holds, cancels, signals."""

import random
from collections.abc import Callable

from pydantic import JsonValue

from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import (
    ConflictError,
    IllegalMoveError,
    RunStoppedError,
)
from quarterdeck_kernel.kernel.decisions import Decisions
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.reconcile import reconcile
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.simulation.process import SimulatedProcess
from tests.kernel.engine.acts import ADA
from tests.simulation.engine.bank import Bank


class Person:
    """Somebody who looks at the runs now and then, and says what is true; or meddles."""

    def __init__(
        self,
        process: SimulatedProcess,
        bank: Bank,
        runs: list[str],
        rng: random.Random,
        note: Callable[[str], None],
    ) -> None:
        """Begin to know of the runs."""
        self.process = process
        self.bank = bank
        self.runs = runs
        self.meddles = True
        self.stops: list[tuple[str, int, int]] = []
        self._rng = rng
        self._note = note

    async def live(self, store: SqliteStore) -> None:
        """Look at every run until all are over."""
        decisions = Decisions(store, clock=self.process.clock)
        left = list(self.runs)
        while left:
            for run_id in tuple(left):
                journal = await decisions.journal(run_id)
                if journal.state.terminal:
                    left.remove(run_id)
                    continue
                try:
                    await self._act(decisions, journal)
                except (ConflictError, IllegalMoveError, RunStoppedError) as error:
                    self._note(f"{self.process.name} is told: {error}")
            await sleep(self.process.clock, self._rng.randrange(200_000, 4_000_000))

    async def _act(self, decisions: Decisions, journal: Journal) -> None:
        rng, run_id, state = self._rng, journal.run_id, journal.state
        if self.meddles:
            await self._meddle(decisions, run_id, state)
        elif state.hold is not None:
            await decisions.release(run_id, actor=ADA)
        if self.meddles and rng.random() < 0.4:
            return
        for pause in tuple(state.pauses.values()):
            dice = rng.random()
            decision = "approved"
            answer: JsonValue = None
            if dice < 0.15:
                decision = "rejected"
            elif dice < 0.35:
                decision, answer = "edited", {"amount": rng.randrange(100)}
            await decisions.resume(
                run_id,
                pause.pause_id,
                decision=decision,  # type: ignore[arg-type]
                answer=answer,
                actor=ADA,
            )
        for seq, item in tuple(state.unknowns.items()):
            if item.kind == "workflow":
                happened, quiet = self.bank.launches[run_id], True
                result = "launched"
            else:
                key = item.idempotency_key
                happened, quiet = self.bank.done[key], self.bank.settled(key)
                result = f"done {item.step_key}"
            if not happened and not quiet:
                continue
            again = rng.random() < 0.6 and state.cancel is None
            await reconcile(
                journal,
                seq,
                verdict="done" if happened else "retry" if again else "failed",
                result=result,
                reason="looked outside",
                actor=ADA,
            )

    async def _meddle(self, decisions: Decisions, run_id: str, state: RunState) -> None:
        dice, now = self._rng.random(), self._rng.random() < 0.5
        if dice < 0.05:
            if state.hold is None:
                event = await decisions.hold(run_id, actor=ADA)
                self.stops.append((run_id, event.seq, self.bank.simulation.loop.passed_us))
        elif dice < 0.3:
            if state.hold is not None:
                await decisions.release(run_id, actor=ADA)
        elif dice < 0.33:
            await decisions.cancel(run_id, now=now, actor=ADA)
        elif dice < 0.45:
            await decisions.signal(run_id, "go", data=3, key="one", actor=ADA)
