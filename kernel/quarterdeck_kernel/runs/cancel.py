"""Cancelling a run: now, or at its next boundary."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.events.control_events import CancelRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import Actor


async def cancel(journal: Journal, *, now: bool, reason: str | None, actor: Actor) -> RunState:
    """Ask that a run end. Asking twice is asking once; asking for *now* is more than before."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        asked = state.cancel
        if asked is not None and (asked.now or not now):
            return ()
        return [CancelRequested(now=now, reason=reason)]

    await journal.append(decide, actor=actor)
    return journal.state
