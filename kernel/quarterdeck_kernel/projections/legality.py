"""Illegal moves: why an event does not fit the state of a run.

`refusal` is asked by the journal for every event before it is sealed, in the order of the batch
and each upon the state behind the one before. It only reads the state; a sentence says what is
wrong, None that nothing is. What needs an index over the whole run (was this step done before?)
is for the engine, which has one.
"""

from typing import assert_never

from quarterdeck_kernel.events.agent_events import AgentPayload
from quarterdeck_kernel.events.control_events import ControlPayload
from quarterdeck_kernel.events.envelope import Stamp
from quarterdeck_kernel.events.guard_events import (
    AnyGuardEvent,
    CircuitClosed,
    CircuitOpened,
    GuardDenied,
    GuardPayload,
    GuardRedacted,
    GuardWarned,
)
from quarterdeck_kernel.events.model_events import ModelPayload
from quarterdeck_kernel.events.people_events import PeoplePayload
from quarterdeck_kernel.events.run_events import RunPayload
from quarterdeck_kernel.events.tool_events import ToolPayload
from quarterdeck_kernel.events.turn_events import AnyTurnEvent, TurnPayload
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import WorkflowPayload
from quarterdeck_kernel.projections.legal_control import control_refusal
from quarterdeck_kernel.projections.legal_people import people_refusal
from quarterdeck_kernel.projections.legal_run import run_refusal
from quarterdeck_kernel.projections.legal_steps import (
    agent_refusal,
    model_refusal,
    tool_refusal,
    workflow_refusal,
)
from quarterdeck_kernel.projections.state import RunState

BEFORE_START = frozenset(
    {
        "acknowledged",
        "agent_changed",
        "artifact_written",
        "budget_changed",
        "cancel_requested",
        "external_recorded",
        "fork_merged",
        "grant_revoked",
        "guard_redacted",
        "held",
        "model_swapped",
        "operator_message",
        "released",
        "resume_requested",
        "run_cancelled",
        "run_failed",
        "run_forked",
        "run_queued",
        "run_started",
        "run_timed_out",
        "signal_received",
        "tool_completed",
        "tool_evidence",
        "tool_reconciled",
        "tool_scope_changed",
    }
)
"""Kinds that a run may hold before a driver took it up."""

AFTER_END = frozenset(
    {
        "acknowledged",
        "artifact_written",
        "fork_merged",
        "guard_redacted",
        "run_forked",
        "tool_evidence",
    }
)
"""Kinds that a run may hold behind its end: they change nothing about it. A fork of an ended run
begins behind its end, too."""


def refusal(state: RunState, payload: AnyEvent, stamp: Stamp | None = None) -> str | None:
    """Return why `payload` must not be the next event of the run, or None if it may.

    `stamp` is what the event will be sealed with. Without it, what depends on who, when and in
    which run is not checked: two people, late answers, a run forked from itself.
    """
    if state.read_only is not None:
        return state.read_only
    kind = payload.kind
    if state.head_seq == 0:
        if kind == "run_queued":
            return None
        return f"a run begins with run_queued, or as a fork of another; {kind} cannot be first"
    if state.status == "queued":
        if kind not in BEFORE_START:
            return f"{kind} needs a run that was started; this one is queued"
    elif state.status != "running" and kind not in AFTER_END:
        return f"the run is {state.status}, which is final; go on in a fork instead of {kind}"
    return _group_refusal(state, payload, stamp)


def _group_refusal(state: RunState, payload: AnyEvent, stamp: Stamp | None) -> str | None:
    match payload:
        case ToolPayload():
            return tool_refusal(state, payload)
        case ModelPayload():
            return model_refusal(state, payload)
        case TurnPayload():
            return _turn_refusal(state, payload)
        case WorkflowPayload():
            return workflow_refusal(state, payload)
        case AgentPayload():
            return agent_refusal(state, payload)
        case GuardPayload():
            return _guard_refusal(state, payload)
        case PeoplePayload():
            return people_refusal(state, payload, stamp)
        case ControlPayload():
            return control_refusal(state, payload)
        case RunPayload():
            return run_refusal(state, payload, stamp)
        case _:
            assert_never(payload)


def _turn_refusal(state: RunState, payload: AnyTurnEvent) -> str | None:
    if payload.turn < state.turn:
        return f"turn {payload.turn} is over; the run is in turn {state.turn}"
    if payload.turn == state.turn and payload.phase == state.phase:
        return f"the run is in phase {payload.phase} of turn {payload.turn} already"
    return None


def _guard_refusal(state: RunState, payload: AnyGuardEvent) -> str | None:
    match payload:
        case CircuitOpened():
            return "the circuit is open already" if state.circuit_open else None
        case CircuitClosed():
            return None if state.circuit_open else "the circuit is not open"
        case GuardWarned() | GuardDenied() | GuardRedacted():
            return None
        case _:
            assert_never(payload)
