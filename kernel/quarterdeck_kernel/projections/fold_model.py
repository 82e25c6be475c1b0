"""Folding model requests and their answers."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import (
    AnyModelEvent,
    ModelCompleted,
    ModelFailed,
    ModelRequested,
)
from quarterdeck_kernel.projections.open_items import ModelIntent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.threads import carry_messages, place_list, place_of
from quarterdeck_kernel.vocabulary.reservation import Reservation

_NOBODYS_ERROR = frozenset({"interrupted", "cancelled"})

_MAY_HAVE_COST = frozenset({"interrupted", "cancelled", "timeout", "invalid_output"})
"""How a try ends that a provider may have worked at, and may want to be paid for."""


def fold_model(state: RunState, event: Event, payload: AnyModelEvent) -> None:
    """Open a request, close it, or count a try that failed."""
    match payload:
        case ModelRequested():
            _requested(state, event, payload)
        case ModelCompleted():
            _completed(state, payload)
        case ModelFailed():
            _failed(state, payload)
        case _:
            assert_never(payload)


def _requested(state: RunState, event: Event, payload: ModelRequested) -> None:
    place = place_of(event.seq, payload.context)
    reserved = Reservation(
        payload.estimate_micros, payload.estimate_tokens, payload.accounts, payload.day
    )
    state.model_intents[event.seq] = ModelIntent(
        event.seq,
        payload.step_key,
        payload.fingerprint,
        payload.model,
        payload.purpose,
        payload.attempt,
        event.at_us,
        place,
        reserved,
    )
    state.spend.reserve(reserved)
    state.spend.model_calls += 1
    if state.conditions.model is None:
        state.conditions.model = payload.model
    if payload.purpose == "turn":
        # Of the list that the next turn goes on from; side requests bring tools of their own.
        if payload.tools is not None and payload.tools.base is None:
            state.conversation.tools_seq = event.seq
            state.conversation.tools_digest = payload.tools.digest
        elif payload.tools is None and payload.context.base is None:
            state.conversation.tools_seq = None
            state.conversation.tools_digest = None
        if payload.window_tokens is not None:
            state.vitals.window_tokens = payload.window_tokens
        place_list(state.conversation, place, payload.context)
        state.conditions.scope_applied = state.conditions.scope_revision
        if state.messages:
            carry_messages(state, event.seq, payload.context)


def _completed(state: RunState, payload: ModelCompleted) -> None:
    intent = state.model_intents.pop(payload.request_seq, None)
    if intent is None:
        return
    spend, vitals, usage = state.spend, state.vitals, payload.usage
    spend.unreserve(intent.reserved)
    spend.charge(payload.cost_micros, usage, payload.duration_us)
    if payload.cost_micros is None:
        spend.assume(intent.reserved)
    vitals.succeeded()
    vitals.model_streak = 0
    if payload.tool_calls == 0:
        # A turn without tools cannot mend them, but neither does it fail with them.
        vitals.tool_streak = 0
    if intent.purpose == "turn":
        vitals.context_tokens = usage.input_tokens + usage.output_tokens
        overlay = state.conditions.overlay
        if overlay is not None and overlay.revision <= state.conditions.scope_applied:
            state.conditions.overlay = None
        state.answer_came = spend.mark
    if state.messages:
        used = [m.key for m in state.messages.values() if m.carried_by == payload.request_seq]
        for key in used:
            del state.messages[key]


def _failed(state: RunState, payload: ModelFailed) -> None:
    intent = state.model_intents.get(payload.request_seq)
    if intent is None:
        return
    if payload.asked:
        state.spend.charge(payload.cost_micros, payload.usage, None)
        if payload.cost_micros is None and payload.error in _MAY_HAVE_COST:
            state.spend.assume(intent.reserved)
    else:
        # It was counted when the try before it failed, and never made.
        state.spend.model_calls -= 1
    if payload.final and payload.error not in _NOBODYS_ERROR:
        # It is the step that failed; its tries are the business of its policy.
        state.vitals.failed()
        state.vitals.model_streak += 1
    if payload.final:
        del state.model_intents[intent.seq]
        state.spend.unreserve(intent.reserved)
    else:
        # The request stays open and is asked again: another call is under way.
        state.model_intents[intent.seq] = intent._replace(attempt=intent.attempt + 1)
        state.spend.model_calls += 1
