"""Events of a workflow."""

from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.words import Effect


class WorkflowPayload(Payload):
    """What a workflow's code did, recorded so that a rerun finds it."""


class WorkflowStepRequested(WorkflowPayload):
    """The intent of a named step; `position` counts the steps in code order."""

    kind: Literal["workflow_step_requested"] = "workflow_step_requested"
    step_key: str
    name: str
    position: int
    effect: Effect = "idempotent"
    input: Erasable[JsonValue]


class WorkflowStepCompleted(WorkflowPayload):
    """The outcome of a named step."""

    kind: Literal["workflow_step_completed"] = "workflow_step_completed"
    intent_seq: int
    outcome: Literal["success", "error", "unknown_outcome"]
    result: Erasable[JsonValue]
    error: Erasable[str]


class TimerSet(WorkflowPayload):
    """The run sleeps until a time, whatever happens to its process."""

    kind: Literal["timer_set"] = "timer_set"
    timer_id: str
    fires_at_us: int


class TimerFired(WorkflowPayload):
    """The time has come."""

    kind: Literal["timer_fired"] = "timer_fired"
    timer_id: str


class SignalReceived(WorkflowPayload):
    """Something from outside arrived; the same key twice is one signal."""

    kind: Literal["signal_received"] = "signal_received"
    name: str
    key: str
    data: Erasable[JsonValue]


class ValueRecorded(WorkflowPayload):
    """A value that differs at each execution, kept so that a rerun sees the same."""

    kind: Literal["value_recorded"] = "value_recorded"
    step_key: str
    source: Literal["now", "random", "uuid"]
    value: JsonValue


class ExternalRecorded(WorkflowPayload):
    """A trusted caller put something into the log."""

    kind: Literal["external_recorded"] = "external_recorded"
    name: str
    source: str
    data: Erasable[JsonValue]


AnyWorkflowEvent = (
    WorkflowStepRequested
    | WorkflowStepCompleted
    | TimerSet
    | TimerFired
    | SignalReceived
    | ValueRecorded
    | ExternalRecorded
)
