"""Folding tool calls: intents, outcomes, unknowns and what settles them."""

from typing import Final, NamedTuple, assert_never

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
    EvidenceVerdict,
    OpenUnknown,
    ToolIntent,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.limits import ALLOWED_CALLS, LOOP_WINDOW
from quarterdeck_kernel.vocabulary.reservation import Reservation

_STRENGTH: Final[dict[EvidenceVerdict, int]] = {"cannot_tell": 0, "not_done": 1, "done": 2}

_EARLIER: Final = 16
"""Tries before one that evidence is still heard about: each was decided on by itself."""


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
            if payload.verdict is not None:
                _learnt(state, event.seq, payload.intent_seq, payload.verdict)
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


def withdraw_retry(state: RunState, retry: AllowedRetry) -> None:
    """Take a decided try back before it is made: what was decided about is in doubt again."""
    if retry.unknown is not None:
        del state.allowed_retries[retry.intent_seq]
        state.unknowns[retry.intent_seq] = retry.unknown
        state.spend.reserve(retry.unknown.reserved)


def _learnt(state: RunState, seq: int, intent_seq: int, verdict: EvidenceVerdict) -> None:
    """Keep the strongest evidence beside what is in doubt, will be, or was decided about."""
    learnt = Learnt(seq, intent_seq, verdict)
    for intent in tuple(state.tool_intents.values()):
        if intent.seq == intent_seq and learnt.is_news(intent.evidence):
            state.tool_intents[intent.seq] = intent._replace(evidence=verdict, evidence_seq=seq)
        elif intent.retry is not None:
            told = learnt.told_retry(intent.retry)
            state.tool_intents[intent.seq] = intent._replace(retry=told)
    for retry in tuple(state.allowed_retries.values()):
        told = state.allowed_retries[retry.intent_seq] = learnt.told_retry(retry)
        if told.overtaken:
            withdraw_retry(state, told)
    for unknown in tuple(state.unknowns.values()):
        state.unknowns[unknown.intent_seq] = learnt.told(unknown)


class Learnt(NamedTuple):
    """A word of evidence, and whom it concerns."""

    seq: int
    intent_seq: int
    verdict: EvidenceVerdict

    def is_news(self, before: EvidenceVerdict | None) -> bool:
        """Tell whether it is worth at least as much as what was known."""
        return before is None or _STRENGTH[self.verdict] >= _STRENGTH[before]

    def told(self, unknown: OpenUnknown) -> OpenUnknown:
        """Return what is in doubt with what is known of it now."""
        concerns = self.intent_seq == unknown.intent_seq or (
            self.verdict == "done" and self.intent_seq in unknown.earlier
        )
        if concerns and self.is_news(unknown.evidence):
            return unknown._replace(evidence=self.verdict, evidence_seq=self.seq)
        return unknown

    def told_retry(self, retry: AllowedRetry) -> AllowedRetry:
        """Return a further try with what is known now of what was decided about."""
        if retry.unknown is None:
            return retry
        return retry._replace(unknown=self.told(retry.unknown))


def _requested(state: RunState, event: Event, payload: ToolRequested) -> None:
    allowed = retry = None
    reserved = Reservation(payload.estimate_micros, 0, payload.accounts, payload.day)
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
        reserved,
        allowed,
        retry,
        input_digest=payload.input_digest,
    )
    state.spend.reserve(reserved)
    state.spend.tool_calls += 1
    if payload.input_digest is not None and payload.attempt == 1:
        state.recent_calls = (*state.recent_calls, payload.input_digest)[-LOOP_WINDOW:]


def _used_retry(state: RunState, step_key: str) -> AllowedRetry | None:
    """A new try of a step, however allowed, uses up every permission to try it."""
    used = [retry for retry in state.allowed_retries.values() if retry.step_key == step_key]
    for retry in used:
        del state.allowed_retries[retry.intent_seq]
    return used[-1] if used else None


def _completed(state: RunState, event: Event, payload: ToolCompleted, intent: ToolIntent) -> None:
    spend, vitals = state.spend, state.vitals
    spend.unreserve(intent.reserved)
    if payload.cost_micros is not None:
        spend.cost_micros += payload.cost_micros
    elif intent.reserved.micros is not None and _may_have_cost(payload):
        spend.unknown_costs += 1
        spend.assume(intent.reserved)
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
            _forget_call(state, intent)
            if intent.allowed is not None:
                allow_call(state, intent.allowed)
            if intent.retry is not None:
                allow_retry(state, intent.retry)
                if state.cancel is not None or intent.overtaken:
                    withdraw_retry(state, intent.retry)
        case "transient_error" | "permanent_error":
            _erred(state)
            if payload.outcome == "transient_error" and intent.effect == "once":
                # The tool certifies that nothing happened: one more try is as safe as the first.
                allow_retry(state, _retry(intent, event.seq, decided=False))
        case "unknown_outcome":
            _erred(state)
            spend.reserve(intent.reserved)
            state.unknowns[intent.seq] = _unknown(intent, event.at_us)
        case _:
            assert_never(payload.outcome)


def _reconciled(
    state: RunState, event: Event, payload: ToolReconciled, unknown: OpenUnknown
) -> None:
    state.spend.unreserve(unknown.reserved)
    match payload.verdict:
        case "done":
            if unknown.reserved.micros is not None:
                state.spend.unknown_costs += 1
                state.spend.assume(unknown.reserved)
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


def _may_have_cost(payload: ToolCompleted) -> bool:
    """Tell whether a call may have cost something: a tool that certifies otherwise did nothing."""
    if payload.outcome in {"not_dispatched", "unknown_outcome"}:
        return False
    return payload.outcome != "transient_error" or payload.cause != "declared"


def _forget_call(state: RunState, intent: ToolIntent) -> None:
    """Take the newest call like this one out of those that loops are looked for in."""
    recent = state.recent_calls
    if intent.attempt == 1 and intent.input_digest in recent:
        at = len(recent) - 1 - recent[::-1].index(intent.input_digest)
        state.recent_calls = recent[:at] + recent[at + 1 :]


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
        intent if isinstance(intent, OpenUnknown) else None,
    )


def _unknown(intent: ToolIntent, at_us: int) -> OpenUnknown:
    evidence, evidence_seq = intent.evidence, intent.evidence_seq
    earlier: tuple[int, ...] = ()
    before = intent.retry.unknown if intent.retry is not None else None
    if before is not None:
        earlier = (*before.earlier, before.intent_seq)[-_EARLIER:]
        if before.evidence == "done":
            evidence, evidence_seq = before.evidence, before.evidence_seq
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
        reserved=intent.reserved,
        evidence=evidence,
        evidence_seq=evidence_seq,
        earlier=earlier,
    )
