"""Folding what is asked of people, and what they say."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.people_events import (
    AnyPeopleEvent,
    OperatorMessage,
    PauseExpired,
    PauseRequested,
    PauseResolved,
)
from quarterdeck_kernel.projections.fold_tool import allow_call
from quarterdeck_kernel.projections.open_items import (
    AllowedCall,
    OpenPause,
    Person,
    UnusedMessage,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import kept
from quarterdeck_kernel.vocabulary.actor import Actor


def person_of(actor: Actor) -> Person:
    """Return who somebody is: a name alone proves nothing, the operating system's word is more."""
    return Person(actor.name, f"{actor.os_user}@{actor.host}")


def fold_people(state: RunState, event: Event, payload: AnyPeopleEvent) -> None:
    """Open a pause, answer it, let it expire, or keep what an operator said."""
    match payload:
        case PauseRequested():
            _requested(state, event, payload)
        case PauseResolved():
            pause = state.pauses.get(payload.pause_id)
            if pause is not None:
                _resolved(state, event, payload, pause)
        case PauseExpired():
            if state.pauses.pop(payload.pause_id, None) is not None:
                state.vitals.failed()
        case OperatorMessage():
            if payload.withdrawn:
                state.messages.pop(payload.key, None)
            else:
                state.messages[payload.key] = UnusedMessage(
                    event.seq, payload.key, payload.message_digest
                )
        case _:
            assert_never(payload)


def _requested(state: RunState, event: Event, payload: PauseRequested) -> None:
    state.pauses[payload.pause_id] = OpenPause(
        pause_id=payload.pause_id,
        seq=event.seq,
        type=payload.type,
        step_key=payload.step_key,
        since_us=event.at_us,
        title=kept(payload.title),
        tool=payload.tool,
        call_id=payload.call_id,
        digest=payload.digest,
        risk=payload.risk,
        expires_at_us=payload.expires_at_us,
        people_needed=payload.people_needed,
        token_hash=payload.token_hash,
    )
    # Asked again: an older answer for this step, never used, allows nothing any more.
    stale = [c.pause_id for c in state.allowed_calls.values() if c.step_key == payload.step_key]
    for pause_id in stale:
        del state.allowed_calls[pause_id]


def _resolved(state: RunState, event: Event, payload: PauseResolved, pause: OpenPause) -> None:
    decision = payload.decision
    if not payload.closes:
        person = person_of(event.actor)
        # Who edits asks the others afresh: what they agreed to was something else.
        edited = decision == "edited"
        state.pauses[pause.pause_id] = pause._replace(
            agreed=(person,) if edited else (*pause.agreed, person),
            digest=payload.digest if edited else pause.digest,
            edited_seq=event.seq if edited else pause.edited_seq,
        )
        return
    del state.pauses[pause.pause_id]
    match decision:
        case "rejected" | "rejected_stop":
            state.vitals.failed()
        case "approved" | "granted" | "edited":
            if pause.tool is not None:
                edited = decision == "edited"
                allow_call(
                    state,
                    AllowedCall(
                        pause.pause_id,
                        event.seq,
                        decision,
                        pause.step_key,
                        pause.tool,
                        payload.digest if edited else pause.digest,
                        event.seq if edited else pause.edited_seq,
                    ),
                )
        case "answered":
            pass
        case _:
            assert_never(decision)
