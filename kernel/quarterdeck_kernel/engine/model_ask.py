"""A model step as the engine carries it: what is asked, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.guards.personal_data.category import Found
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall, ToolSchema
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.usage import Usage

Purpose = Literal["turn", "extraction", "compaction", "repair", "other"]

Listener = Callable[[str | None], None]
"""Hears an answer as it comes, in pieces. None: what was heard so far is void, it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedModel:
    """What code asks of a model. `model` and `parameters` are those it insists on.

    Where it insists on nothing the run's own conditions apply: they may be changed by an operator
    between two executions of the same code, which is no drift. `taken_out` tells, by the object,
    of what there was in a message before it was looked through; `refused` why none of it may pass.
    """

    step_key: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    answer_schema: dict[str, JsonValue] | None = None
    model: str | None = None
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    purpose: Purpose = "turn"
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    listener: Listener | None = None
    taken_out: Mapping[int, Mapping[Found, int]] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """What a model step gave. An unknown cost is None. `value` is the typed answer, if asked for.

    `seq` is the event of the answer, `request_seq` that of the request.
    """

    step_key: str
    message: Message
    finish_reason: str
    usage: Usage
    cost_micros: int | None
    model: str
    seq: int
    request_seq: int
    replayed: bool
    duration_us: int
    value: object = None

    @property
    def text(self) -> str:
        """Return what the model said."""
        return self.message.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return what the model wants to be called, in order."""
        return self.message.tool_calls


def as_stored(message: Message) -> Message:
    """Return a message as it will be read back; nearly always it is that already.

    What is sent, what is stored and what is hashed are thus the same.
    """
    if message.text.isascii() and not message.tool_calls and message.call_id is None:
        return message
    texts = [message.text, message.call_id or ""]
    for call in message.tool_calls:
        texts += call.call_id, call.tool, call.arguments
    if all(text.isascii() or canonical.visible(text) == text for text in texts):
        return message
    return Message.model_validate(canonical.storable(message.model_dump()))


def fingerprint(asked: AskedModel, messages_digest: str, tools_digest: str) -> str:
    """Return the hash over everything that code asked for: a replay is known by it."""
    return canonical.digest(
        {
            "answer_schema": asked.answer_schema,
            "messages": messages_digest,
            "model": asked.model,
            "parameters": asked.parameters,
            "purpose": asked.purpose,
            "tools": tools_digest,
        }
    )


def check_asked(asked: AskedModel) -> None:
    """Refuse what no provider can be asked, before anything is written."""
    if not any(message.text.strip() or message.tool_calls for message in asked.messages):
        raise InvalidError(f"step {asked.step_key!r} asks a model nothing; give it a prompt")
    if asked.model is not None and not (asked.model and asked.model.isprintable()):
        raise InvalidError(f"{asked.model[:100]!r} is no name of a model")
    if asked.tools and asked.answer_schema is not None:
        raise InvalidError(
            f"step {asked.step_key!r} asks for tools and for a typed answer at once; providers "
            "disagree about both together: ask for one, then for the other"
        )
