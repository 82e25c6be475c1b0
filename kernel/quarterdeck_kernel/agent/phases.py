"""The phases of a turn: one event a change, written together with what comes next.

What is on record is never gone back upon: a run that is taken up enters only phases that it had
not come to.
"""

from collections.abc import Sequence
from typing import get_args

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.words import Phase

_ORDER: tuple[Phase, ...] = get_args(Phase)


class Phases:
    """Collects what was entered, until it is worth a write."""

    def __init__(self, driver: RunDriver) -> None:
        self._driver = driver
        self._entered: list[PhaseEntered] = []

    def enter(self, turn: int, *phases: Phase) -> None:
        """Go on to these phases, in order."""
        self._entered += [PhaseEntered(turn=turn, phase=phase) for phase in phases]

    async def write(self) -> None:
        """Put on record what was entered and is new."""
        if self._entered:
            await self._driver.append(self._new)
            self._entered.clear()

    def opening(self, turn: int, phase: Phase) -> "Opening":
        """Return what enters a phase in the batch of the first intent of a turn."""
        return Opening(PhaseEntered(turn=turn, phase=phase))

    def _new(self, state: RunState) -> Sequence[AnyEvent]:
        turn, phase = state.turn, state.phase
        events: list[AnyEvent] = []
        for entered in self._entered:
            if _after(entered, turn, phase):
                events.append(entered)
                turn, phase = entered.turn, entered.phase
        return events


class Opening:
    """One phase, as a decision upon the state."""

    def __init__(self, entered: PhaseEntered) -> None:
        self._entered = entered

    def __call__(self, state: RunState) -> Sequence[AnyEvent]:
        """Return the event if it is new."""
        return [self._entered] if _after(self._entered, state.turn, state.phase) else []


def _after(entered: PhaseEntered, turn: int, phase: Phase | None) -> bool:
    if entered.turn != turn or phase is None:
        return entered.turn > turn or phase is None
    return _ORDER.index(entered.phase) > _ORDER.index(phase)
