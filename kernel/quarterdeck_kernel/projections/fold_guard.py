"""Folding what guards did."""

from typing import assert_never

from quarterdeck_kernel.events.guard_events import (
    AnyGuardEvent,
    CircuitClosed,
    CircuitOpened,
    GuardDenied,
    GuardRedacted,
    GuardWarned,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.limits import BUDGET_WARNINGS
from quarterdeck_kernel.vocabulary.words import BUDGET_GUARD


def fold_guard(state: RunState, payload: AnyGuardEvent) -> None:
    """Count a denial, and keep the state of the breaker."""
    match payload:
        case GuardWarned():
            if payload.guard == BUDGET_GUARD and payload.rule is not None:
                state.warned = (*state.warned, payload.rule)[-BUDGET_WARNINGS:]
        case GuardRedacted():
            pass
        case GuardDenied():
            state.vitals.failed()
        case CircuitOpened():
            state.circuit_open = True
        case CircuitClosed():
            # A person has looked: the errors before are not held against what comes.
            state.circuit_open = False
            state.vitals.mended()
        case _:
            assert_never(payload)
