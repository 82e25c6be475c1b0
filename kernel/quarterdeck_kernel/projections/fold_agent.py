"""Folding an agent's own household."""

from typing import assert_never

from quarterdeck_kernel.events.agent_events import (
    AnyAgentEvent,
    ArtifactWritten,
    ChildFinished,
    ChildStarted,
    ContextCompacted,
    MemoryChanged,
    SkillLoaded,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.open_items import Child
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.threads import place_list, place_of
from quarterdeck_kernel.vocabulary.reservation import Reservation


def fold_agent(state: RunState, event: Event, payload: AnyAgentEvent) -> None:
    """Follow the context and the children; the rest is found by its events."""
    match payload:
        case ContextCompacted():
            place_list(state.conversation, place_of(event.seq, payload.context), payload.context)
            state.vitals.context_tokens = payload.tokens_after
            for message in list(state.messages.values()):
                # Compacting between two tries must not drop what the failed one carried.
                if message.carried_by is not None and message.carried_by == payload.context.base:
                    state.messages[message.key] = message._replace(carried_by=event.seq)
        case ChildStarted():
            state.children[payload.child_run_id] = Child(
                event.seq, payload.agent, payload.intent_seq, payload.allotment_micros
            )
            state.spend.reserve(Reservation(payload.allotment_micros))
        case ChildFinished():
            child = state.children.pop(payload.child_run_id, None)
            if child is not None:
                state.spend.unreserve(Reservation(child.allotment_micros))
                state.spend.children_micros += payload.spent_micros
                state.spend.unknown_costs += payload.spent_unknown
        case MemoryChanged() | SkillLoaded() | ArtifactWritten():
            pass
        case _:
            assert_never(payload)
