"""Holding a run at its next boundary, and letting it go on."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import ConflictError
from quarterdeck_kernel.events.control_events import Held, Released
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import CircuitClosed
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import Hold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import Actor


async def hold(journal: Journal, *, reason: str | None, actor: Actor) -> Event:
    """Stop a run at its next boundary. What is under way finishes."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        return [Held(by="operator", reason=reason)]

    (event,) = await journal.append(decide, actor=actor)
    return event


async def release(journal: Journal, *, reason: str | None, actor: Actor) -> Event:
    """Let a run go on: the hold that is to be told of first is over."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        if state.hold is None:
            raise ConflictError(f"run {journal.run_id!r} is not held (any more)")
        return released(state, state.hold, reason)

    return (await journal.append(decide, actor=actor))[0]


def released(state: RunState, held: Hold, reason: str | None) -> list[AnyEvent]:
    """Return the events that end a hold; with the breaker's the circuit is closed."""
    over: list[AnyEvent] = [Released(held_seq=held.seq, reason=reason)]
    if held.by == "breaker" and state.circuit_open:
        over.append(CircuitClosed())
    return over
