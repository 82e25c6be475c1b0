"""Acknowledging that a run failed: it no longer counts as something that needs a person."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.settled import signed
from quarterdeck_kernel.errors import AlreadySettledError, IllegalMoveError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import Acknowledged
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor


async def acknowledge(
    store: EventStore, journal: Journal, *, note: str | None, actor: Actor
) -> Event:
    """Say that the failure of a run was seen. Who comes second is told who was first, and when."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.failure is None:
            raise IllegalMoveError(
                f"run {journal.run_id!r} is {state.status}: there is no failure to acknowledge"
            )
        if state.failure.acknowledged:
            raise AlreadySettledError(journal.run_id, item_id=journal.run_id)
        return [Acknowledged(seq=state.failure.seq, note=note)]

    try:
        (event,) = await journal.append(decide, actor=actor)
    except AlreadySettledError:
        raise await _acknowledged_before(store, journal.run_id) from None
    return event


async def _acknowledged_before(store: EventStore, run_id: str) -> AlreadySettledError:
    records = await store.read(run_id, kinds=("acknowledged",), backwards=True, limit=1)
    who = f" by {signed(await opened(store, records[0]))}" if records else ""
    return AlreadySettledError(
        f"the failure of run {run_id!r} was acknowledged before{who}", item_id=run_id
    )
