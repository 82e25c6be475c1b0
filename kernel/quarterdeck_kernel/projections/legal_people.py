"""Legality of what is asked of people, and of what they answer."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Stamp
from quarterdeck_kernel.events.people_events import (
    AnyPeopleEvent,
    OperatorMessage,
    PauseExpired,
    PauseRequested,
    PauseResolved,
)
from quarterdeck_kernel.projections.fold_people import person_of
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import clock_time
from quarterdeck_kernel.vocabulary.limits import OPEN_ITEMS

_REJECTIONS = frozenset({"rejected", "rejected_stop"})


def people_refusal(state: RunState, payload: AnyPeopleEvent, stamp: Stamp | None) -> str | None:
    """Return why this cannot be asked, answered or said now."""
    match payload:
        case PauseRequested():
            return _request_refusal(state, payload)
        case PauseResolved():
            pause = state.pauses.get(payload.pause_id)
            if pause is None:
                return f"pause {payload.pause_id!r} is not open (any more)"
            return _answer_refusal(pause, payload, stamp)
        case PauseExpired():
            return _expiry_refusal(state, payload, stamp)
        case OperatorMessage():
            return _message_refusal(state, payload)
        case _:
            assert_never(payload)


def _request_refusal(state: RunState, payload: PauseRequested) -> str | None:
    if payload.pause_id in state.pauses:
        return f"pause {payload.pause_id!r} is open already"
    for pause in state.pauses.values():
        if pause.step_key == payload.step_key:
            return f"step {payload.step_key!r} waits already, for pause {pause.pause_id!r}"
    if len(state.pauses) >= OPEN_ITEMS:
        return f"{OPEN_ITEMS:,} pauses are open, which is the limit; answer some"
    return None


def _answer_refusal(pause: OpenPause, payload: PauseResolved, stamp: Stamp | None) -> str | None:
    """The deadline decides whether an answer is late, not whether its expiry is on record."""
    if stamp is not None and stamp.actor.kind != "operator":
        return f"pause {pause.pause_id!r} is answered by a person, not by {stamp.actor}"
    expires_us = pause.expires_at_us
    if stamp is not None and expires_us is not None and stamp.at_us >= expires_us:
        return (
            f"pause {pause.pause_id!r} expired at {clock_time(expires_us)}, when nobody had "
            "decided: the answer came too late"
        )
    if payload.decision in _REJECTIONS:
        return None if payload.closes else "a rejection needs no second person: it closes the pause"
    if payload.decision == "granted" and pause.people_needed > 1:
        return f"pause {pause.pause_id!r} needs {pause.people_needed} people each time: approve it"
    if payload.decision == "edited":
        if pause.digest is not None and payload.digest is None:
            return "what was edited must be bound by a digest of its own"
    elif pause.digest is not None and payload.digest != pause.digest:
        return f"the answer is for something else than what pause {pause.pause_id!r} shows"
    if stamp is not None and payload.decision != "edited":
        person = person_of(stamp.actor)
        for before in pause.agreed:
            if before.is_same(person):
                return (
                    f"{person.name} ({person.login}) cannot agree after {before.name} "
                    f"({before.login}): another person is needed"
                )
    agreed = 1 if payload.decision == "edited" else len(pause.agreed) + 1
    if payload.closes and agreed < pause.people_needed:
        return f"pause {pause.pause_id!r} needs {pause.people_needed} people; {agreed} agree so far"
    if not payload.closes and agreed >= pause.people_needed:
        return f"pause {pause.pause_id!r} needs nobody else: this answer closes it"
    return None


def _expiry_refusal(state: RunState, payload: PauseExpired, stamp: Stamp | None) -> str | None:
    """Whoever lets a pause expire early would answer it in a person's place."""
    pause = state.pauses.get(payload.pause_id)
    if pause is None:
        return f"pause {payload.pause_id!r} is not open (any more)"
    at_us = payload.expired_at_us if stamp is None else min(payload.expired_at_us, stamp.at_us)
    if pause.expires_at_us is None or at_us < pause.expires_at_us:
        return f"pause {payload.pause_id!r} has not expired at {at_us}"
    return None


def _message_refusal(state: RunState, payload: OperatorMessage) -> str | None:
    queued = state.messages.get(payload.key)
    if payload.withdrawn:
        if queued is None:
            return f"no unused message has the key {payload.key!r}"
        if queued.carried_by is not None:
            return f"message {payload.key!r} was sent with #{queued.carried_by}"
        return None
    if queued is None:
        if len(state.messages) >= OPEN_ITEMS:
            return f"{OPEN_ITEMS:,} messages wait, which is the limit; let the run use some"
        return None
    if queued.digest == payload.message_digest:
        return f"message {payload.key!r} waits already, with the same text"
    return f"message {payload.key!r} waits already, with another text; use another key"
