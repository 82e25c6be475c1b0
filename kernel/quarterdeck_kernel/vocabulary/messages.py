"""Conversation: messages, tool calls, tool schemas, and how a request points at them."""

from typing import Literal

from pydantic import Field, JsonValue

from quarterdeck_kernel.canonical import digest
from quarterdeck_kernel.vocabulary.model import Value


class ToolCall(Value):
    """What a model asks a tool to do. `arguments` is the model's text, unchecked."""

    call_id: str
    tool: str
    arguments: str


class Message(Value):
    """One message of a conversation, as a provider sees it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None

    def digest(self) -> str:
        """Return the hash by which a rebuilt conversation is checked."""
        return digest(self.model_dump(exclude_defaults=True, mode="json") | {"role": self.role})


class ToolSchema(Value):
    """A tool as a model is told of it."""

    name: str
    description: str = ""
    parameters: dict[str, JsonValue]

    def digest(self) -> str:
        """Return the hash by which a list of tools is told from another."""
        return digest(self.model_dump(mode="json"))


class Segment(Value):
    """A piece of a request's list of messages (or of tools) that is not stored again.

    `base`: items [start, stop) of the list of the request named as base.
    `new`: items [start, stop) of what this event itself brings.
    `event`: the message that event `start` holds (a model's answer, a tool's result, what an
    operator said, a summary); `stop` is `start + 1`.
    """

    source: Literal["base", "new", "event"]
    start: int = Field(ge=0)
    stop: int = Field(gt=0)


class Context(Value):
    """How the list of messages of a request is put together, and the proof of the rebuild.

    `base` is the seq of the request (or compaction) whose list the `base` segments cut from.
    `digest` is taken over the list of the messages' digests; `length` counts them. `digests` are
    those of the items that come from no base, in order, so that facts alone place every message.

    `thread` and `shared` say where the list is found again (projections.conversation): its first
    `shared` messages are those of the thread that event `thread` began, the others stand in the
    thread of this very event. `shared == length` means that the thread itself was extended.
    """

    base: int | None = None
    segments: tuple[Segment, ...]
    length: int = Field(ge=0)
    digest: str
    digests: tuple[str, ...] = ()
    thread: int | None = None
    shared: int = Field(default=0, ge=0)


def context_digest(message_digests: list[str]) -> str:
    """Return the hash over a list of message hashes."""
    return digest(message_digests)
