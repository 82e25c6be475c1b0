"""Events of a model step."""

from typing import Literal

from pydantic import Field, JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.messages import Context, Message, ToolSchema
from quarterdeck_kernel.vocabulary.usage import Usage


class ModelPayload(Payload):
    """What passes between the run and a model."""


class ModelRequested(ModelPayload):
    """The intent to ask a model, with what is sent: by reference, plus what is new.

    `fingerprint` is the hash of the whole request, by which a replay is recognised. `tools`
    builds the list of tool schemas as `context` builds the list of messages; None means those of
    the context's base, unchanged, or none where there is no base. `window_tokens` is what the
    model can take in, where it is known. `routed` is why it goes to this model and not to the
    first of the run's own tier. What is set aside for it until it ends stands in the two
    estimates, on `accounts`, for the day `day` (None: in UTC).
    """

    kind: Literal["model_requested"] = "model_requested"
    step_key: str
    fingerprint: str
    model: str
    tier: str | None = None
    routed: str | None = None
    purpose: Literal["turn", "extraction", "compaction", "repair", "other"] = "turn"
    attempt: int = 1
    context: Context
    tools: Context | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    window_tokens: int | None = None
    estimate_micros: int | None = None
    estimate_tokens: int = 0
    accounts: tuple[str, ...] = ()
    day: str | None = None
    new_messages: Erasable[tuple[Message, ...]]
    new_tools: Erasable[tuple[ToolSchema, ...]]
    answer_schema: Erasable[dict[str, JsonValue]] = None


class ModelCompleted(ModelPayload):
    """The model's answer, as it was used. An unknown cost is None, never 0."""

    kind: Literal["model_completed"] = "model_completed"
    request_seq: int
    step_key: str
    model: str
    finish_reason: str
    usage: Usage
    cost_micros: int | None = None
    duration_us: int
    tool_calls: int = 0
    message_digest: str
    message: Erasable[Message]


class ModelFailed(ModelPayload):
    """One try failed, or was interrupted; the request may be tried again.

    `asked` is False where the request was closed before it was tried again.
    """

    kind: Literal["model_failed"] = "model_failed"
    request_seq: int
    step_key: str
    error: Literal[
        "transient",
        "timeout",
        "permanent",
        "overflow",
        "interrupted",
        "invalid_output",
        "cancelled",
    ]
    status: int | None = None
    final: bool
    asked: bool = True
    retry_after_us: int | None = None
    usage: Usage | None = None
    cost_micros: int | None = None
    message: Erasable[str]


AnyModelEvent = ModelRequested | ModelCompleted | ModelFailed
