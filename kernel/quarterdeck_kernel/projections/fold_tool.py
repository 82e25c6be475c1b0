"""Folding tool calls: intents, outcomes, unknowns and what settles them."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import (
    AnyToolEvent,
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.projections.open_items import (
    AllowedCall,
    AllowedRetry,
    OpenUnknown,
    ToolIntent,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.limits import ALLOWED_CALLS


def fold_tool(state: RunState, event: Event, payload: AnyToolEvent) -> None:
    """Open an intent, close it, or settle what it left open."""
    match payload:
        case ToolRequested():
            _requested(state, event, payload)
        case ToolCompleted():
            intent = state.tool_intents.pop(payload.intent_seq, None)
            if intent is not None:
                _completed(state, event, payload, intent)
        case ToolEvidence():
            unknown = state.unknowns.get(payload.intent_seq)
            if unknown is not None:
                state.unknowns[payload.intent_seq] = unknown._replace(
                    evidence=payload.verdict, evidence_seq=event.seq
                )
        case ToolReconciled():
            unknown = state.unknowns.pop(payload.intent_seq, None)
            if unknown is not None:
                _reconciled(state, event, payload, unknown)
        case _:
            assert_never(payload)


def allow_call(state: RunState, call: AllowedCall) -> None:
    """Keep the permission for one call; the oldest falls out of a full list."""
    calls = state.allowed_calls
    calls[call.pause_id] = call
    if len(calls) > ALLOWED_CALLS:
        del calls[min(calls.values(), key=lambda item: item.decision_seq).pause_id]


def allow_retry(state: RunState, retry: AllowedRetry) -> None:
    """Keep the permission for one further try; the oldest falls out of a full list."""
    retries = state.allowed_retries
    retries[retry.intent_seq] = retry
    if len(retries) > ALLOWED_CALLS:
        del retries[min(retries)]


def _requested(state: RunState, event: Event, payload: ToolRequested) -> None:
    allowed = retry = None
    if payload.pause_id is not None:
        allowed = state.allowed_calls.pop(payload.pause_id, None)
    if state.allowed_retries:
        retry = _used_retry(state, payload.step_key)
    state.tool_intents[event.seq] = ToolIntent(
        event.seq,
        payload.step_key,
        payload.tool,
        payload.effect,
        payload.idempotency_key,
        payload.digest,
        payload.attempt,
        event.at_us,
        payload.call_id,
        payload.risk,
        payload.timeout_us,
        payload.estimate_micros,
        allowed,
        retry,
    )
    state.spend.reserve(payload.estimate_micros)
    state.spend.tool_calls += 1


def _used_retry(state: RunState, step_key: str) -> AllowedRetry | None:
    """A new try of a step, however allowed, uses up every permission to try it."""
    used = [retry for retry in state.allowed_retries.values() if retry.step_key == step_key]
    for retry in used:
        del state.allowed_retries[retry.intent_seq]
    return used[-1] if used else None


def _completed(state: RunState, event: Event, payload: ToolCompleted, intent: ToolIntent) -> None:
    spend, vitals = state.spend, state.vitals
    spend.unreserve(intent.estimate_micros)
    if payload.cost_micros is not None:
        spend.cost_micros += payload.cost_micros
    if payload.duration_us is not None:
        spend.busy_us += payload.duration_us
    match payload.outcome:
        case "success":
            vitals.tool_streak = 0
            vitals.succeeded()
            if intent.effect == "read":
                vitals.read()
            else:
                vitals.wrote()
        case "not_dispatched":
            # What allowed the call was not used after all.
            spend.tool_calls -= 1
            if intent.allowed is not None:
                allow_call(state, intent.allowed)
            if intent.retry is not None:
                allow_retry(state, intent.retry)
        case "transient_error" | "permanent_error":
            _erred(state)
            if payload.outcome == "transient_error" and intent.effect == "once":
                # The tool certifies that nothing happened: one more try is as safe as the first.
                allow_retry(state, _retry(intent, event.seq, decided=False))
        case "unknown_outcome":
            _erred(state)
            spend.reserve(intent.estimate_micros)
            state.unknowns[intent.seq] = _unknown(intent, event.at_us)
        case _:
            assert_never(payload.outcome)


def _reconciled(
    state: RunState, event: Event, payload: ToolReconciled, unknown: OpenUnknown
) -> None:
    state.spend.unreserve(unknown.estimate_micros)
    match payload.verdict:
        case "done":
            if unknown.estimate_micros is not None:
                state.spend.unknown_costs += 1
            state.vitals.tool_streak = 0
            state.vitals.succeeded()
            state.vitals.wrote()
        case "failed":
            # Its error was counted when the outcome became unknown.
            pass
        case "retry":
            allow_retry(state, _retry(unknown, event.seq, decided=True))
        case _:
            assert_never(payload.verdict)


def _erred(state: RunState) -> None:
    state.vitals.tool_streak += 1
    state.vitals.failed()


def _retry(intent: ToolIntent | OpenUnknown, decision_seq: int, *, decided: bool) -> AllowedRetry:
    return AllowedRetry(
        intent.seq if isinstance(intent, ToolIntent) else intent.intent_seq,
        decision_seq,
        intent.step_key,
        intent.idempotency_key,
        intent.attempt + 1,
        decided,
    )


def _unknown(intent: ToolIntent, at_us: int) -> OpenUnknown:
    return OpenUnknown(
        intent_seq=intent.seq,
        kind="tool",
        step_key=intent.step_key,
        name=intent.tool,
        idempotency_key=intent.idempotency_key,
        attempt=intent.attempt,
        since_us=at_us,
        call_id=intent.call_id,
        risk=intent.risk,
        estimate_micros=intent.estimate_micros,
    )
