"""Asking that a run nobody drives be taken up, by whichever process drives runs here."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import LeaseHeldError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import ResumeRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor


async def take_up(store: EventStore, journal: Journal, *, note: str | None, actor: Actor) -> Event:
    """Record the wish. A run that somebody drives needs none, and is refused.

    Between the look and the record a driver may come by itself; then the wish is only late.
    """
    status = await store.lease(journal.run_id)
    if status.live:
        raise LeaseHeldError(
            f"run {journal.run_id!r} is driven by process {status.pid} on {status.host}; "
            "there is nothing to take up"
        )

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        return [ResumeRequested(note=note)]

    (event,) = await journal.append(decide, actor=actor)
    return event
