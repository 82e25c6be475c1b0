"""What is relied on of LiteLLM, whose objects are typed loosely and change with versions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol


class Function(Protocol):
    """The name and the arguments of a call; in a stream, pieces of them."""

    name: str | None
    arguments: str | None


class Call(Protocol):
    """A call of a tool; in a stream, a piece of one."""

    id: str | None
    function: Function


class Said(Protocol):
    """A message of an answer, or what a piece of a stream adds to it."""

    content: str | None
    tool_calls: Sequence[Call] | None


class Choice(Protocol):
    """The first of these is the answer."""

    message: Said
    finish_reason: str


class Response(Protocol):
    """An answer that came whole."""

    choices: Sequence[Choice]
    model: str | None
    _hidden_params: Mapping[str, object]


class PieceChoice(Protocol):
    """What a piece of a stream adds to the first answer."""

    delta: Said


class Piece(Protocol):
    """A piece of a stream."""

    choices: Sequence[PieceChoice]


class Stream(Protocol):
    """A stream, which keeps all its pieces.

    `received_finish_reason` is what the provider itself said when it ended: None betrays a stream
    that broke off, while the pieces pretend a `stop`. The usage of the pieces in `chunks` is the
    provider's own; that of the last piece that is handed out may be invented.
    """

    received_finish_reason: str | None
    chunks: Sequence[Piece]

    def __aiter__(self) -> AsyncIterator[Piece]:
        """Return itself."""
        ...

    async def __anext__(self) -> Piece:
        """Return the next piece."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...


class Cache(Protocol):
    """LiteLLM's connections; it keeps even those that are closed."""

    cache_dict: Mapping[str, object]

    def delete_cache(self, key: str) -> None:
        """Forget one."""
        ...


class LiteLLM(Protocol):
    """The module."""

    model_cost: Mapping[str, Mapping[str, object]]
    in_memory_llm_clients_cache: Cache

    async def acompletion(self, **arguments: object) -> Any:  # noqa: ANN401 - a response or a stream
        """Ask a model."""
        ...

    def cost_per_token(self, *, model: str, usage_object: object) -> tuple[float, float]:
        """Return what input and output cost; raises for a model without a price."""
        ...

    async def close_litellm_async_clients(self) -> None:
        """Close all connections of the process."""
        ...
