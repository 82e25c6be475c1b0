"""Events of a tool step."""

from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.words import Effect, Risk


class ToolPayload(Payload):
    """What happens to one tool call."""


class ToolRequested(ToolPayload):
    """The intent: durable before anything is dispatched, and dispatched at most once.

    `attempt` above 1 is a further try under the same key; `decision_seq` names the recorded
    decision that allowed it, `pause_id` the pause whose answer allowed the call. What is set aside
    for it until it ends stands in `estimate_micros`, on `accounts`, for the day `day` (None: in
    UTC). `input_digest` is the same for calls that ask for the same; `note` is told to the model
    with the outcome.
    """

    kind: Literal["tool_requested"] = "tool_requested"
    step_key: str
    tool: str
    version: str
    effect: Effect
    idempotency_key: str
    digest: str
    call_id: str | None = None
    model_seq: int | None = None
    turn: int | None = None
    attempt: int = 1
    capability: str | None = None
    risk: Risk = "low"
    timeout_us: int | None = None
    pause_id: str | None = None
    grant_id: str | None = None
    decision_seq: int | None = None
    estimate_micros: int | None = None
    accounts: tuple[str, ...] = ()
    day: str | None = None
    input_digest: str | None = None
    note: str | None = None
    arguments: Erasable[dict[str, JsonValue]]
    preview: Erasable[JsonValue]
    preconditions: Erasable[JsonValue] = None


class ToolCompleted(ToolPayload):
    """The outcome of the intent in event `intent_seq`, or that it is not known.

    `call_id` and `note` repeat the intent's, so that the message to the model stands in this event
    whole.
    """

    kind: Literal["tool_completed"] = "tool_completed"
    intent_seq: int
    call_id: str | None = None
    outcome: Literal[
        "success", "transient_error", "permanent_error", "unknown_outcome", "not_dispatched"
    ]
    cause: str | None = None
    readable: bool = True
    duration_us: int | None = None
    cost_micros: int | None = None
    note: str | None = None
    message_digest: str | None = None
    result: Erasable[JsonValue]
    error: Erasable[str]
    printed: Erasable[str] = None


class ToolEvidence(ToolPayload):
    """Something learnt about an unknown outcome that does not settle it.

    `driver`: who was to dispatch the call says whether it did.
    """

    kind: Literal["tool_evidence"] = "tool_evidence"
    intent_seq: int
    source: Literal["late_result", "driver", "probe", "operator"]
    verdict: Literal["done", "not_done", "cannot_tell"] | None = None
    detail: Erasable[JsonValue]


class ToolReconciled(ToolPayload):
    """An unknown outcome was settled: done, failed, or to be tried again under the same key."""

    kind: Literal["tool_reconciled"] = "tool_reconciled"
    intent_seq: int
    call_id: str | None = None
    verdict: Literal["done", "failed", "retry"]
    by: Literal["probe", "operator"]
    message_digest: str | None = None
    result: Erasable[JsonValue]
    reason: Erasable[str]


AnyToolEvent = ToolRequested | ToolCompleted | ToolEvidence | ToolReconciled
