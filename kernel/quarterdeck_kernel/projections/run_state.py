"""The one fold: events in, the state of the run out. No I/O, no clock.

Owns the order of things and what happens to events that cannot be read. `fold` never refuses an
event that stands in the log; what may be written is for `legality` to say, before.
"""

from collections.abc import Iterable
from typing import assert_never

from quarterdeck_kernel.errors import IntegrityError
from quarterdeck_kernel.events.agent_events import AgentPayload
from quarterdeck_kernel.events.control_events import ControlPayload
from quarterdeck_kernel.events.envelope import Event, Unreadable
from quarterdeck_kernel.events.guard_events import GuardPayload
from quarterdeck_kernel.events.model_events import ModelPayload
from quarterdeck_kernel.events.people_events import PeoplePayload
from quarterdeck_kernel.events.run_events import RunPayload
from quarterdeck_kernel.events.tool_events import ToolPayload
from quarterdeck_kernel.events.turn_events import TurnPayload
from quarterdeck_kernel.events.workflow_events import WorkflowPayload
from quarterdeck_kernel.projections.fold_agent import fold_agent
from quarterdeck_kernel.projections.fold_control import fold_control
from quarterdeck_kernel.projections.fold_guard import fold_guard
from quarterdeck_kernel.projections.fold_model import fold_model
from quarterdeck_kernel.projections.fold_people import fold_people
from quarterdeck_kernel.projections.fold_run import fold_run
from quarterdeck_kernel.projections.fold_tool import fold_tool
from quarterdeck_kernel.projections.fold_turn import fold_turn
from quarterdeck_kernel.projections.fold_workflow import fold_workflow
from quarterdeck_kernel.projections.state import RunState

__all__ = ["CONTENT_KINDS", "FOLD_VERSION", "RunState", "empty", "fold", "fold_on"]

FOLD_VERSION = 8
"""Raised whenever the same events would give another state: older snapshots are then ignored."""

CONTENT_KINDS = frozenset({"run_queued", "run_forked", "pause_requested", "held"})
"""Kinds of whose content the state keeps the beginning (objective, title, reason). A reader that
folds facts only reads these whole, or its state shows None there and differs in nothing else."""


def empty() -> RunState:
    """Return the state before the first event."""
    return RunState()


def fold(state: RunState, events: Iterable[Event]) -> RunState:
    """Return the state behind `events`; `state` itself is left as it was."""
    private = state.copy()
    fold_on(private, events)
    return private


def fold_on(state: RunState, events: Iterable[Event]) -> None:
    """Fold `events` into a state that its caller has made and shown to nobody yet."""
    for event in events:
        _apply(state, event)


def _apply(state: RunState, event: Event) -> None:
    if event.seq != state.head_seq + 1:
        message = (
            f"event #{event.seq} of run {event.run_id!r} does not follow #{state.head_seq}; "
            "`verify` tells what is missing"
        )
        raise IntegrityError(message)
    state.head_seq = event.seq
    state.head_hash = event.hash
    state.changed_us = event.at_us
    if state.read_only is not None:
        return
    payload = event.payload
    # The most frequent groups first: a test for a class costs a tenth of a microsecond.
    match payload:
        case ToolPayload():
            fold_tool(state, event, payload)
        case ModelPayload():
            fold_model(state, event, payload)
        case TurnPayload():
            fold_turn(state, payload)
        case WorkflowPayload():
            fold_workflow(state, event, payload)
        case AgentPayload():
            fold_agent(state, event, payload)
        case GuardPayload():
            fold_guard(state, payload)
        case PeoplePayload():
            fold_people(state, event, payload)
        case ControlPayload():
            fold_control(state, event, payload)
        case RunPayload():
            fold_run(state, event, payload)
        case Unreadable():
            state.read_only = (
                f"event #{event.seq} ({payload.kind}, schema {payload.schema}) was written by a "
                "newer version of Quarterdeck; update this one to change the run"
            )
        case _:
            assert_never(payload)
