"""Folding the events of a turn."""

from typing import assert_never

from quarterdeck_kernel.events.turn_events import AnyTurnEvent, PhaseEntered
from quarterdeck_kernel.projections.state import RunState


def fold_turn(state: RunState, payload: AnyTurnEvent) -> None:
    """Move to another phase; a greater turn lets side effects fade."""
    match payload:
        case PhaseEntered():
            if payload.turn > state.turn:
                state.vitals.turned()
                state.turn_began = state.spend.mark
            state.turn = payload.turn
            state.phase = payload.phase
        case _:
            assert_never(payload)
