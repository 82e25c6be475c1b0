"""Answering a pause: exactly once, by a person, for what the pause shows."""

import hmac
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.pauses import token_hash
from quarterdeck_kernel.engine.tool_call import ExactCall
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.control_events import CancelRequested
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.answer_schema import check_answer
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor

Decision = Literal["approved", "granted", "edited", "rejected", "rejected_stop", "answered"]


async def resolve(
    store: EventStore,
    journal: Journal,
    pause_id: str,
    *,
    decision: Decision,
    answer: JsonValue,
    reason: str | None,
    token: str | None,
    actor: Actor,
) -> Event:
    """Answer an open pause. Who comes second is told who was first, and when."""
    if decision not in get_args(Decision):
        raise InvalidError(f"{decision!r} is no decision; say one of {get_args(Decision)}")
    answer = plain(answer, exact=True)
    asked = await _asked(store, journal, pause_id)
    _check(asked, decision, answer, token)
    # An edit is bound as it will be stored.
    edit = journal.ingress.value(answer, "arguments").value

    def decide(state: RunState) -> Sequence[AnyEvent]:
        pause = state.pauses[pause_id]
        digest = _digest(state, asked, pause, decision, edit)
        agreed = 1 if decision == "edited" else len(pause.agreed) + 1
        rejects = decision in {"rejected", "rejected_stop"}
        resolved = PauseResolved(
            pause_id=pause_id,
            decision=decision,
            digest=digest,
            closes=rejects or agreed >= pause.people_needed,
            answer=answer,
            reason=reason,
        )
        if decision == "rejected_stop" and state.cancel is None:
            return [resolved, CancelRequested(now=False, reason=reason)]
        return [resolved]

    events = await journal.append(decide, actor=actor, stands=pause_id)
    return events[0]


async def _asked(store: EventStore, journal: Journal, pause_id: str) -> PauseRequested | None:
    """Return what was asked, or None if nothing of that id is open (which `append` will say)."""
    state = await journal.refresh()
    pause = state.pauses.get(pause_id)
    if pause is None:
        return None
    (record,) = await store.read(journal.run_id, after=pause.seq - 1, until=pause.seq)
    payload = (await opened(store, record)).payload
    assert isinstance(payload, PauseRequested), "the state names the event that opened a pause"
    return payload


def _check(
    asked: PauseRequested | None, decision: Decision, answer: JsonValue, token: str | None
) -> None:
    if asked is None:
        return
    pause_id = asked.pause_id
    if token is not None and not hmac.compare_digest(asked.token_hash or "", token_hash(token)):
        raise InvalidError(f"that token does not open pause {pause_id!r}")
    is_call = asked.digest is not None
    if decision in {"approved", "granted", "edited"} and not is_call:
        raise InvalidError(
            f"pause {pause_id!r} asks a question, and nothing is to be approved; answer it"
        )
    if decision == "answered" and is_call:
        raise InvalidError(
            f"pause {pause_id!r} asks whether {asked.tool!r} may run; approve, edit or reject it"
        )
    if decision == "edited" and not isinstance(answer, dict):
        raise InvalidError("what is edited are the arguments of the call: give them as an object")
    if decision == "answered":
        _check_answer(asked, answer)


def _check_answer(asked: PauseRequested, answer: JsonValue) -> None:
    if asked.options and asked.type == "choose" and answer not in asked.options:
        raise InvalidError(f"{answer!r} is none of the options {list(asked.options)!r}")
    if asked.answer_schema is not None:
        check_answer(asked.answer_schema, answer)


def _digest(
    state: RunState,
    asked: PauseRequested | None,
    pause: OpenPause,
    decision: Decision,
    answer: JsonValue,
) -> str | None:
    """Return what the answer is bound to: what the pause shows, or what the person made of it."""
    if decision != "edited":
        return pause.digest
    assert asked is not None, "an open pause was asked for"
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
        rules=tuple(map(str, rules)) if isinstance(rules, list) else (),
    ).digest()
