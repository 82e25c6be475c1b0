"""Rows of steps: where a step was last asked for, and where it ended.

What replay looks a step up by. Besides model, tool and workflow steps it holds pauses (a rerun
finds the answer; a call that was allowed stands behind its pause), what a guard denied, and
recorded values.
"""

from collections.abc import Iterable

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.workflow_events import (
    ValueRecorded,
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.rows import StepRow


def step_rows(before: RunState, events: Iterable[Event]) -> tuple[StepRow, ...]:
    """Return the rows that `events`, which follow the state `before`, change: one an asking."""
    found = steps_in(before, events)
    return tuple([StepRow(*step, completed) for step, completed in found.items()])


def steps_in(before: RunState, events: Iterable[Event]) -> dict[tuple[str, int], int | None]:
    """Return where the steps that `events` change ended, by key and where they were asked for.

    A step may be asked for more than once (a pause and the call it allowed, a further try). An
    outcome that is unknown ends no step, and neither does one that is to be tried again.
    """
    found: dict[tuple[str, int], int | None] = {}
    asked: dict[int, str] = {}
    paused: dict[str, tuple[str, int]] = {}
    for event in events:
        payload, seq = event.payload, event.seq
        match payload:
            case ToolRequested() | ModelRequested() | WorkflowStepRequested():
                asked[seq] = payload.step_key
                found[payload.step_key, seq] = None
            case ModelCompleted():
                found[payload.step_key, payload.request_seq] = seq
            case ModelFailed():
                if payload.final:
                    found[payload.step_key, payload.request_seq] = seq
            case ToolCompleted() | WorkflowStepCompleted() | ToolReconciled():
                key = asked.get(payload.intent_seq) or _step_key(before, payload.intent_seq)
                if key is not None:
                    found[key, payload.intent_seq] = seq if _ends(payload) else None
            case PauseRequested():
                paused[payload.pause_id] = (payload.step_key, seq)
                found[payload.step_key, seq] = None
            case PauseResolved() | PauseExpired():
                pause = paused.get(payload.pause_id) or _pause(before, payload.pause_id)
                if pause is not None and not (
                    isinstance(payload, PauseResolved) and not payload.closes
                ):
                    found[pause] = seq
            case GuardDenied() if payload.step_key is not None:
                found[payload.step_key, seq] = seq
            case ValueRecorded():
                found[payload.step_key, seq] = seq
            case _:
                pass
    return found


def _ends(payload: ToolCompleted | WorkflowStepCompleted | ToolReconciled) -> bool:
    if isinstance(payload, ToolReconciled):
        return payload.verdict != "retry"
    return payload.outcome != "unknown_outcome"


def _step_key(state: RunState, intent_seq: int) -> str | None:
    item = (
        state.tool_intents.get(intent_seq)
        or state.workflow_intents.get(intent_seq)
        or state.unknowns.get(intent_seq)
    )
    return item.step_key if item is not None else None


def _pause(state: RunState, pause_id: str) -> tuple[str, int] | None:
    pause = state.pauses.get(pause_id)
    return (pause.step_key, pause.seq) if pause is not None else None
