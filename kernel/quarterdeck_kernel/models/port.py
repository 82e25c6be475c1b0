"""The port: what the engine asks of a model, and what every provider promises.

A provider makes one attempt and says honestly how it ended. It never retries, never waits between
tries and keeps no time limit: the engine does, so that every try is an event. It may be called
from many tasks at once and may be cancelled at any await.
"""

from collections.abc import Callable
from typing import Protocol

from pydantic import Field, JsonValue

from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.usage import Usage

TextListener = Callable[[str], None]
"""Told of each piece of text as it arrives. What it hears may be thrown away: only the returned
answer counts, and nothing is ever executed from what was merely heard."""


class ModelRequest(Value):
    """One call, whole: what is sent is exactly this.

    `tools` and `answer_schema` exclude each other: providers disagree about both at once.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    answer_schema: dict[str, JsonValue] | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class ModelAnswer(Value):
    """What a model said. An unknown cost is None, never 0.

    `message` has the role `assistant`; its text is empty, never missing, beside tool calls, and
    its calls have ids that differ. `finish_reason` is `stop`, `tool_calls`, `length` or
    `content_filter` where the provider's word means that, else the provider's word.
    """

    message: Message
    finish_reason: str
    usage: Usage
    cost_micros: int | None = None
    model: str


class ModelPort(Protocol):
    """A provider of models.

    Failures are raised as `errors.ModelTransientError`, `ModelTimeoutError`,
    `ModelPermanentError` or its `ContextOverflowError`; nothing else leaves `complete`.
    """

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Make one attempt. With a listener the answer is streamed, and told as it comes.

        A stream that did not end properly is a `ModelTransientError`, whatever it brought.
        """
        ...

    def window_tokens(self, model: str) -> int | None:
        """Return how much a model takes in, where that is known without asking anybody."""
        ...

    def price(self, model: str) -> Price | None:
        """Return what a model charges, where that is known without asking anybody."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
