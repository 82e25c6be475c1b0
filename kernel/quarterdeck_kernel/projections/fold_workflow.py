"""Folding what a workflow's code did."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Event
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
from quarterdeck_kernel.projections.open_items import OpenUnknown, Timer, WorkflowIntent
from quarterdeck_kernel.projections.state import RunState


def fold_workflow(state: RunState, event: Event, payload: AnyWorkflowEvent) -> None:
    """Open and close steps and timers; what is only looked up later leaves no trace here."""
    match payload:
        case WorkflowStepRequested():
            _requested(state, event, payload)
        case WorkflowStepCompleted():
            _completed(state, event, payload)
        case TimerSet():
            state.timers[payload.timer_id] = Timer(event.seq, payload.fires_at_us)
        case TimerFired():
            state.timers.pop(payload.timer_id, None)
        case SignalReceived() | ValueRecorded() | ExternalRecorded():
            pass
        case _:
            assert_never(payload)


def _requested(state: RunState, event: Event, payload: WorkflowStepRequested) -> None:
    state.workflow_intents[event.seq] = WorkflowIntent(
        event.seq, payload.step_key, payload.name, payload.position, payload.effect, event.at_us
    )
    used = [r.intent_seq for r in state.allowed_retries.values() if r.step_key == payload.step_key]
    for intent_seq in used:
        del state.allowed_retries[intent_seq]


def _completed(state: RunState, event: Event, payload: WorkflowStepCompleted) -> None:
    intent = state.workflow_intents.pop(payload.intent_seq, None)
    if intent is None:
        return
    vitals = state.vitals
    match payload.outcome:
        case "success":
            vitals.tool_streak = 0
            vitals.succeeded()
            if intent.effect == "read":
                vitals.read()
            elif intent.effect == "once":
                # An idempotent step only calls durable steps, which count for themselves.
                vitals.wrote()
        case "error":
            vitals.tool_streak += 1
            vitals.failed()
        case "unknown_outcome":
            vitals.tool_streak += 1
            vitals.failed()
            state.unknowns[intent.seq] = OpenUnknown(
                intent_seq=intent.seq,
                kind="workflow",
                step_key=intent.step_key,
                name=intent.name,
                idempotency_key=intent.step_key,
                attempt=1,
                since_us=event.at_us,
            )
        case _:
            assert_never(payload.outcome)
