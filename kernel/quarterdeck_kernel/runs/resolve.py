"""Answering a pause: exactly once, by a person, for what the pause shows."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.answer_form import APPROVABLE
from quarterdeck_kernel.engine.grants import constraints_on, terms_of
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.pauses import token_hash
from quarterdeck_kernel.engine.schema_check import check_answer
from quarterdeck_kernel.engine.settled import edited_since, pause_of_token
from quarterdeck_kernel.engine.tool_call import ExactCall
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.control_events import CancelRequested, GrantGiven
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import new_id

Decision = Literal["approved", "granted", "edited", "rejected", "rejected_stop", "answered"]

_REJECTIONS = frozenset({"rejected", "rejected_stop"})


class _StaleError(Exception):
    """What was looked at is not what the pause shows any more; told outside as a conflict."""


async def resolve(  # noqa: PLR0913 - one keyword for each thing that an answer consists of
    store: EventStore,
    journal: Journal,
    pause_id: str | None,
    *,
    decision: Decision,
    answer: JsonValue,
    reason: str | None,
    token: str | None,
    digest: str | None,
    constraints: Mapping[str, JsonValue] | None,
    actor: Actor,
) -> Event:
    """Answer an open pause. Who comes second is told who was first, and when.

    `token` names a pause by itself. `digest` is what was looked at: by default what the pause shows
    now; if somebody edits it meanwhile the answer is for something else, and is refused.
    """
    if decision not in get_args(Decision):
        raise InvalidError(f"{decision!r} is no decision; say one of {get_args(Decision)}")
    answer = plain(answer, exact=True)
    state = await journal.refresh()
    named = await _named(store, state, pause_id, token)
    if constraints is not None and decision != "granted":
        raise InvalidError(f"only a grant has constraints, and this is {decision!r}")
    asked, seen, grant, bound = None, digest, None, answer
    if (pause := state.pauses.get(named)) is not None:
        asked = await _asked(store, journal, pause)
        answer = _checked(asked, decision, answer)
        seen = digest or pause.digest
        # An edit is bound as it will be stored.
        bound = journal.ingress.value(answer, "arguments").value
        if decision == "granted":
            grant = _grant(_question(asked), constraints or {})

    def decide(state: RunState) -> Sequence[AnyEvent]:
        pause = state.pauses[named]
        if pause.digest != seen and decision not in _REJECTIONS:
            raise _StaleError
        agreed = 1 if decision == "edited" else len(pause.agreed) + 1
        resolved = PauseResolved(
            pause_id=named,
            decision=decision,
            digest=_digest(state, asked, pause, decision, bound),
            closes=decision in _REJECTIONS or agreed >= pause.people_needed,
            by_token=token is not None,
            answer=answer,
            reason=reason,
        )
        if grant is not None:
            return [resolved, grant]
        if decision == "rejected_stop" and state.cancel is None:
            return [resolved, CancelRequested(now=False, reason=reason)]
        return [resolved]

    try:
        events = await journal.append(decide, actor=actor, stands=named)
    except _StaleError:
        raise await edited_since(store, journal.run_id, named) from None
    return events[0]


async def _named(
    store: EventStore, state: RunState, pause_id: str | None, token: str | None
) -> str:
    """Return which pause is meant; a token has to be that one's, or one's that is over."""
    if token is None:
        if pause_id is None:
            raise InvalidError("say which pause is answered: give its id, or its token")
        return pause_id
    hashed = token_hash(token)
    # Each is compared in whole and in constant time, whichever it is.
    opens = [
        pause.pause_id
        for pause in state.pauses.values()
        if hmac.compare_digest(pause.token_hash or "", hashed)
    ]
    run_id = state.identity.run_id
    owner = opens[0] if opens else await pause_of_token(store, run_id, hashed)
    if owner is None:
        raise InvalidError(f"that token opens no pause of run {run_id!r}; look for its run")
    if pause_id not in {None, owner}:
        raise InvalidError(f"that token is of pause {owner!r}, not of {pause_id!r}")
    return owner


async def _asked(store: EventStore, journal: Journal, pause: OpenPause) -> Event:
    """Return the event that opened a pause, whole."""
    (record,) = await store.read(journal.run_id, after=pause.seq - 1, until=pause.seq)
    return await opened(store, record)


def _question(event: Event) -> PauseRequested:
    assert isinstance(event.payload, PauseRequested), "the state names the event that opened it"
    return event.payload


def _checked(event: Event, decision: Decision, answer: JsonValue) -> JsonValue:
    """Return an answer that fits what was asked, or raise why it does not."""
    asked = _question(event)
    if decision in _REJECTIONS:
        return answer
    if event.content == "erased":
        raise InvalidError(f"what pause {asked.pause_id!r} asked was erased; reject it")
    if asked.digest is not None:
        return _checked_call(asked, decision, answer)
    if decision == "approved" and asked.type in APPROVABLE:
        answer = True if answer is None else answer
    elif decision != "answered":
        raise InvalidError(
            f"pause {asked.pause_id!r} asks a question ({asked.type}), and nothing is to be "
            f"{decision}; answer it, or reject it"
        )
    if asked.answer_schema is not None:
        check_answer(asked.answer_schema, answer)
    return answer


def _checked_call(asked: PauseRequested, decision: Decision, answer: JsonValue) -> JsonValue:
    pause_id = asked.pause_id
    if decision == "answered":
        raise InvalidError(
            f"pause {pause_id!r} asks whether {asked.tool!r} may run; approve, edit or reject it"
        )
    if decision != "edited":
        if answer is not None:
            raise InvalidError(f"an approval takes no answer; to change {asked.tool!r} edit it")
        return None
    if not isinstance(answer, dict):
        raise InvalidError("what is edited are the arguments of the call: give them as an object")
    if asked.answer_schema is not None:
        check_answer(asked.answer_schema, answer)
    return answer


def _grant(asked: PauseRequested, loosened: Mapping[str, JsonValue]) -> GrantGiven:
    if asked.people_needed > 1:
        raise InvalidError(
            f"pause {asked.pause_id!r} needs {asked.people_needed} people each time, and nobody "
            "grants that alone; approve it"
        )
    details = asked.details if isinstance(asked.details, dict) else {}
    shown = details.get("arguments")
    assert isinstance(shown, dict), "a call is asked about with its arguments"
    loose = plain(dict(loosened), exact=True)
    assert isinstance(loose, dict), "a mapping is an object"
    return GrantGiven(
        grant_id=new_id(),
        pause_id=asked.pause_id,
        tool=asked.tool or "",
        terms=terms_of(asked),
        constraints=constraints_on(shown, loose),
    )


def _digest(
    state: RunState,
    event: Event | None,
    pause: OpenPause,
    decision: Decision,
    answer: JsonValue,
) -> str | None:
    """Return what the answer is bound to: what the pause shows, or what the person made of it."""
    if decision != "edited":
        return pause.digest
    assert event is not None, "an open pause was asked for"
    asked = _question(event)
    details = asked.details if isinstance(asked.details, dict) else {}
    rules = details.get("rules")
    return ExactCall(
        run=state.identity.run_id,
        tenant=state.identity.tenant,
        step=asked.step_key,
        tool=asked.tool or "",
        version=asked.tool_version or "",
        effect=asked.effect or "",
        arguments=canonical.digest(answer),
        preview=None,
        # What it was asked upon; if the edited call stands upon something else, it is asked again.
        preconditions=details.get("preconditions"),
        rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
    ).digest()
