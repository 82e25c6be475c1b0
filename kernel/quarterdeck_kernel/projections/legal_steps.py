"""Legality of steps: intents, their outcomes, and what an agent does around them.

Here stand invariants 3 and 4: a further try needs a permission that is on record, and while a
run waits, no new intent is written but the one that a recorded decision allows.
"""

from collections.abc import Sized
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
from quarterdeck_kernel.events.model_events import (
    AnyModelEvent,
    ModelCompleted,
    ModelFailed,
    ModelRequested,
)
from quarterdeck_kernel.events.tool_events import (
    AnyToolEvent,
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.events.workflow_events import (
    AnyWorkflowEvent,
    ExternalRecorded,
    SignalReceived,
    TimerFired,
    TimerSet,
    ValueRecorded,
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.open_items import TERMINAL
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.threads import extends, prefix_length
from quarterdeck_kernel.vocabulary.limits import OPEN_ITEMS
from quarterdeck_kernel.vocabulary.messages import Context


def tool_refusal(state: RunState, payload: AnyToolEvent) -> str | None:
    """Return why this cannot happen to a tool call now."""
    match payload:
        case ToolRequested():
            return _request_refusal(state, payload)
        case ToolCompleted():
            if payload.intent_seq in state.tool_intents:
                return None
            if payload.intent_seq in state.unknowns:
                return (
                    f"the outcome of #{payload.intent_seq} is unknown by now; record what came "
                    "late as evidence"
                )
            return f"#{payload.intent_seq} is not an open tool call"
        case ToolEvidence():
            if payload.intent_seq <= state.head_seq:
                return None
            return f"#{payload.intent_seq} is not in this run yet"
        case ToolReconciled():
            unknown = state.unknowns.get(payload.intent_seq)
            if unknown is None:
                return f"#{payload.intent_seq} is not an unknown outcome; nothing is to be settled"
            if payload.verdict == "retry" and unknown.inherited:
                return (
                    f"#{payload.intent_seq} was begun before the fork and cannot be tried again "
                    "in it; settle it as done or failed"
                )
            if payload.verdict == "retry" and state.cancel is not None:
                return (
                    f"#{payload.intent_seq} cannot be tried again, because the run is to be "
                    "cancelled; settle it as done or failed"
                )
            return None
        case _:
            assert_never(payload)


def model_refusal(state: RunState, payload: AnyModelEvent) -> str | None:
    """Return why this cannot pass between the run and a model now."""
    match payload:
        case ModelRequested():
            if state.pauses or state.unknowns or state.holds or state.cancel is not None:
                return _why_blocked(state)
            if payload.context.base is not None and payload.context.base > state.head_seq:
                return f"the base #{payload.context.base} is not in this run yet"
            return _full(state.model_intents, "model requests") or context_refusal(
                state, payload.context
            )
        case ModelCompleted() | ModelFailed():
            if payload.request_seq in state.model_intents:
                return None
            return f"#{payload.request_seq} is not an open model request"
        case _:
            assert_never(payload)


def workflow_refusal(state: RunState, payload: AnyWorkflowEvent) -> str | None:
    """Return why a workflow cannot do this now."""
    match payload:
        case WorkflowStepRequested():
            return _workflow_request_refusal(state, payload)
        case WorkflowStepCompleted():
            if payload.intent_seq in state.workflow_intents:
                return None
            return f"#{payload.intent_seq} is not an open workflow step"
        case TimerSet():
            if payload.timer_id in state.timers:
                return f"timer {payload.timer_id!r} is set already"
            return _full(state.timers, "timers")
        case TimerFired():
            return None if payload.timer_id in state.timers else f"no timer {payload.timer_id!r}"
        case SignalReceived() | ValueRecorded() | ExternalRecorded():
            return None
        case _:
            assert_never(payload)


def agent_refusal(state: RunState, payload: AnyAgentEvent) -> str | None:
    """Return why an agent's household cannot change so."""
    match payload:
        case ContextCompacted():
            return context_refusal(state, payload.context)
        case ChildStarted():
            if payload.child_run_id in state.children:
                return f"child {payload.child_run_id!r} is at work already"
            return _full(state.children, "children") or _allotment_refusal(state, payload)
        case ChildFinished():
            if payload.child_run_id not in state.children:
                return f"{payload.child_run_id!r} is not a child at work"
            if payload.status not in TERMINAL:
                return f"child {payload.child_run_id!r} is {payload.status}, which is not an end"
            if payload.spent_micros < 0:
                return f"child {payload.child_run_id!r} cannot have spent {payload.spent_micros}"
            return None
        case ArtifactWritten():
            if state.terminal and payload.operation != "restored":
                return f"the run is {state.status}: files can be restored, not written"
            return None
        case MemoryChanged() | SkillLoaded():
            return None
        case _:
            assert_never(payload)


def _allotment_refusal(state: RunState, payload: ChildStarted) -> str | None:
    """A child spends what its parent has set aside for it, and no more than the parent has."""
    allotment, child = payload.allotment_micros, payload.child_run_id
    if allotment is not None and allotment < 0:
        return f"an allotment of {allotment} is below zero"
    left = state.budgets_left.get("micros")
    if left is None:
        return None
    if allotment is None:
        return f"the run has a budget, so its child {child!r} needs an allotment out of it"
    if allotment > left:
        return (
            f"the run has {left} micro-dollars left, and its child {child!r} is to have {allotment}"
        )
    return None


def context_refusal(state: RunState, context: Context) -> str | None:
    """Return why the list of a request cannot stand where it says; see `threads`."""
    prefix, length, thread = prefix_length(context), context.length, context.thread
    cut = sum([s.stop - s.start for s in context.segments if s.source == "base"])
    total = sum([s.stop - s.start for s in context.segments])
    if total != length or len(context.digests) != total - cut:
        return (
            f"the context counts {length} messages and {len(context.digests)} new digests, but its "
            f"segments hold {total}, of which {total - cut} new"
        )
    if cut and context.base is None:
        return "the context cuts from a base without naming one"
    if thread is None:
        return None if context.shared == 0 else "a list in no thread shares nothing"
    if context.base is None or thread > context.base or cut != prefix:
        return f"a list cannot stand in thread #{thread} unless it begins as its base does"
    if extends(context):
        if state.conversation.threads.get(thread) != prefix:
            return f"thread #{thread} cannot be extended behind message {prefix}; branch from it"
    elif context.shared > prefix:
        return f"the list shares {prefix} messages with its base, not {context.shared}"
    return None


def _request_refusal(state: RunState, payload: ToolRequested) -> str | None:
    call = None
    if payload.pause_id is not None:
        call = state.allowed_calls.get(payload.pause_id)
        if call is None:
            return f"pause {payload.pause_id!r} allows no call (any more); ask again"
        if (call.step_key, call.tool, call.digest) != (
            payload.step_key,
            payload.tool,
            payload.digest,
        ):
            return (
                f"pause {payload.pause_id!r} allowed something else than what would run; ask again"
            )
    if payload.grant_id is not None:
        grant = state.conditions.grants.get(payload.grant_id)
        if grant is None or grant.tool != payload.tool:
            return f"grant {payload.grant_id!r} does not cover {payload.tool!r}"
    decided = payload.decision_seq is not None
    if payload.attempt > 1 or decided or state.allowed_retries:
        reason = _retry_refusal(state, payload)
        if reason is not None:
            return reason
    if state.blocked or state.cancel is not None:
        if not (decided or call is not None):
            return _why_blocked(state)
        # An answer or a verdict does not lift a hold, and nothing is begun to be stopped at once.
        if state.holds or (state.cancel is not None and state.cancel.now):
            return _why_stopped(state)
    for seq, unknown in state.unknowns.items():
        # A person's yes to the call is no verdict on the one before it.
        if unknown.step_key == payload.step_key:
            return f"the outcome of #{seq} ({unknown.name}) is unknown: settle it first"
    intents = state.tool_intents
    if intents:
        for intent in intents.values():
            if intent.step_key == payload.step_key:
                return f"step {payload.step_key!r} is under way as #{intent.seq}"
        return _full(intents, "tool calls")
    return None


def _retry_refusal(state: RunState, payload: ToolRequested) -> str | None:
    permission = next(
        (r for r in state.allowed_retries.values() if r.step_key == payload.step_key), None
    )
    if permission is None:
        if payload.decision_seq is not None:
            return f"#{payload.decision_seq} allows no further try of {payload.step_key!r}"
        if payload.attempt > 1 and payload.effect == "once":
            return (
                f"{payload.tool!r} may have happened once: a further try of {payload.step_key!r} "
                "needs a recorded decision"
            )
        return None
    named = permission.decision_seq if permission.decided else None
    if payload.decision_seq != named:
        return (
            f"a further try of {payload.step_key!r} names the decision that allows it: "
            f"{named}, not {payload.decision_seq}"
        )
    expected = (permission.idempotency_key, permission.attempt)
    if (payload.idempotency_key, payload.attempt) != expected:
        return f"a further try of {payload.step_key!r} keeps its key and is try {expected[1]}"
    return None


def _workflow_request_refusal(state: RunState, payload: WorkflowStepRequested) -> str | None:
    for intent in state.workflow_intents.values():
        if intent.step_key == payload.step_key:
            return f"step {payload.step_key!r} is under way as #{intent.seq}"
    if state.blocked or state.cancel is not None:
        retried = any(r.step_key == payload.step_key for r in state.allowed_retries.values())
        if state.holds or state.cancel is not None or not retried:
            return _why_blocked(state)
    return _full(state.workflow_intents, "workflow steps")


def _why_blocked(state: RunState) -> str:
    """Name what stands in the way of a new intent, the gravest first."""
    for seq, unknown in state.unknowns.items():
        return f"the outcome of #{seq} ({unknown.name}) is unknown: settle it first"
    for pause in state.pauses.values():
        return f"pause {pause.pause_id!r} is open: no new step until it is answered"
    return _why_stopped(state)


def _why_stopped(state: RunState) -> str:
    hold = state.hold
    if hold is not None:
        return f"the run is held by {hold.by} since #{hold.seq}: release it first"
    return "the run is to be cancelled: no new step"


def _full(items: Sized, what: str) -> str | None:
    if len(items) < OPEN_ITEMS:
        return None
    return f"{OPEN_ITEMS:,} {what} are open, which is the limit; wait until some are closed"
