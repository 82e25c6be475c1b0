"""Acknowledging a failure: somebody has seen it, and it is no need any more."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import ConflictError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import Acknowledged
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import Actor


async def acknowledge(journal: Journal, *, note: str | None, actor: Actor) -> Event:
    """Say that the failure a run ended in was seen."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        seq = state.unacknowledged_failure_seq
        if seq is None:
            raise ConflictError(
                f"run {journal.run_id!r} has no failure that was not acknowledged (any more)"
            )
        return [Acknowledged(seq=seq, note=note)]

    (event,) = await journal.append(decide, actor=actor)
    return event
