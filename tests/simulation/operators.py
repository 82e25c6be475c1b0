"""Operators: people at another process, who decide upon what they saw a while ago."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from quarterdeck_kernel.events.control_events import CancelRequested, Held, Released
from quarterdeck_kernel.events.people_events import PauseResolved
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import Actor
from tests.simulation.log import Log, Refused

Verdict = Literal["done", "failed", "retry"]


@dataclass(slots=True)
class Operator:
    """One person. Looks, thinks, and says what was right when looking."""

    name: str
    log: Log
    rng: random.Random
    decisions: int
    meddles: bool = True
    said: int = 0
    told_too_late: int = 0
    thought: list[AnyEvent] = field(default_factory=list)

    def options(self) -> list[Callable[[], None]]:
        """Return what this person could do now."""
        if self.thought:
            return [self.submit]
        if self.decisions > 0 and self._choices():
            return [self.look]
        return []

    def look(self) -> None:
        """Look at the run and make up one's mind."""
        choices = self._choices()
        if choices:
            self.decisions -= 1
            self.thought = [choices[self.rng.randrange(len(choices))]]

    def submit(self) -> None:
        """Say it; somebody else may have been first."""
        actor = Actor.model_construct(
            kind="operator", name=self.name, host="bridge", os_user=self.name
        )
        try:
            self.log.tell(self.thought.pop(), actor)
            self.said += 1
        except Refused:
            self.told_too_late += 1

    def _choices(self) -> list[AnyEvent]:
        state = self.log.state
        if state.terminal:
            return []
        choices = self._answers(state)
        if self.meddles:
            choices += self._meddling(state)
        return choices

    def _answers(self, state: RunState) -> list[AnyEvent]:
        approve = self.rng.random() < 0.75
        found: list[AnyEvent] = [
            PauseResolved(
                pause_id=pause.pause_id,
                decision="approved" if approve else "rejected",
                digest=pause.digest if approve else None,
                answer=None,
                reason=None,
            )
            for pause in state.pauses.values()
        ]
        for seq in state.unknowns:
            verdicts: list[Verdict] = ["done", "failed", "retry"] if self.meddles else ["done"]
            found.append(
                ToolReconciled(
                    intent_seq=seq,
                    verdict=verdicts[self.rng.randrange(len(verdicts))],
                    by="operator",
                    result=None,
                    reason=None,
                )
            )
        found += [Released(held_seq=seq, reason=None) for seq in state.holds]
        return found

    def _meddling(self, state: RunState) -> list[AnyEvent]:
        found: list[AnyEvent] = []
        if state.status == "queued" or self.rng.random() < 0.5:
            return found
        if not state.holds:
            found.append(Held(by="operator", reason=None))
        if state.cancel is None and self.rng.random() < 0.4:
            found.append(CancelRequested(now=self.rng.random() < 0.5, reason=None))
        return found
