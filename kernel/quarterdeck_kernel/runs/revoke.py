"""Taking a grant back: from the next call on people are asked again."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.settled import revoked_before
from quarterdeck_kernel.errors import ConflictError
from quarterdeck_kernel.events.control_events import GrantRevoked
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor


async def revoke(
    store: EventStore, journal: Journal, grant_id: str, *, reason: str | None, actor: Actor
) -> Event:
    """Revoke a grant that stands. Who comes second is told who was first, and when."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        if grant_id not in state.conditions.grants:
            raise ConflictError(grant_id)
        return [GrantRevoked(grant_id=grant_id, reason=reason)]

    try:
        (event,) = await journal.append(decide, actor=actor)
    except ConflictError:
        if grant_id in (await journal.refresh()).conditions.grants:
            raise
        raise await revoked_before(store, journal.run_id, grant_id) from None
    return event
