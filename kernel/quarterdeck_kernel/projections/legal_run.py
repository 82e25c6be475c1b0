"""Legality of what happens to a run as a whole."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Stamp
from quarterdeck_kernel.events.run_events import (
    Acknowledged,
    AnyRunEvent,
    ForkMerged,
    ResumeRequested,
    RunCancelled,
    RunFailed,
    RunForked,
    RunQueued,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.projections.state import RunState


def run_refusal(state: RunState, payload: AnyRunEvent, stamp: Stamp | None) -> str | None:
    """Return why the run's life cannot go on so."""
    match payload:
        case RunQueued():
            return f"run {state.identity.run_id!r} was queued already; use another id"
        case RunForked():
            return _fork_refusal(state, payload, stamp)
        case RunStarted():
            return None if state.status == "queued" else "the run was started already"
        case RunCancelled():
            asked = state.cancel.seq if state.cancel is not None else None
            if payload.request_seq not in {None, asked}:
                return f"event #{payload.request_seq} is not the open request to cancel"
            return _end_refusal(state)
        case RunSucceeded() | RunFailed() | RunTimedOut():
            return _end_refusal(state)
        case Acknowledged():
            failure = state.failure
            if failure is None or failure.seq != payload.seq:
                return f"event #{payload.seq} is not a failure that ended this run"
            return "the failure was acknowledged already" if failure.acknowledged else None
        case ForkMerged() | ResumeRequested():
            return None
        case _:
            assert_never(payload)


def _fork_refusal(state: RunState, payload: RunForked, stamp: Stamp | None) -> str | None:
    """A fork's first own event stands upon the state of its parent at the event it names."""
    parent = state.identity.run_id
    if payload.parent_run_id != parent:
        return f"a fork of {payload.parent_run_id!r} cannot stand upon the state of {parent!r}"
    if payload.parent_seq != state.head_seq or payload.parent_hash != state.head_hash:
        return (
            f"the fork names event #{payload.parent_seq} of {parent!r}, but stands upon "
            f"#{state.head_seq}"
        )
    told = payload.tool_result_seq
    if told is not None and told not in state.tool_intents:
        return (
            f"#{told} is not an open tool call at #{payload.parent_seq}: no result can be changed"
        )
    if stamp is not None and stamp.run_id == parent:
        return f"run {parent!r} cannot be a fork of itself; give the fork an id of its own"
    if stamp is not None and stamp.tenant != state.identity.tenant:
        return f"a fork belongs to its parent's tenant, {state.identity.tenant!r}"
    return None


def _end_refusal(state: RunState) -> str | None:
    """A run ends only when nothing of it is under way and nothing is unknown."""
    decided = [r.intent_seq for r in state.allowed_retries.values() if r.unknown is not None]
    for what, seqs in (
        ("unknown outcome", state.unknowns),
        ("further try that was decided on and not made", decided),
        ("tool call", state.tool_intents),
        ("model request", state.model_intents),
        ("workflow step", state.workflow_intents),
    ):
        if seqs:
            named = ", ".join(f"#{seq}" for seq in sorted(seqs)[:3])
            return f"the run cannot end with an open {what} ({named}); settle it first"
    return None
