"""What is written where a guard holds a run: the hold, and the circuit that opened with it."""

from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.guard_events import CircuitOpened
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.verdict import Hold
from quarterdeck_kernel.projections.state import RunState


def holding(hold: Hold, state: RunState) -> tuple[AnyEvent, ...]:
    """Return the events of a hold; the last one is the hold itself."""
    held = Held(by=hold.by, reason=hold.reason)
    if hold.by != "breaker" or state.circuit_open:
        return (held,)
    streak = state.vitals.error_streak
    return CircuitOpened(streak=streak, threshold=hold.threshold or streak), held
