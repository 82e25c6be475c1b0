"""Reading a stream piece by piece, and telling one that ended from one that broke off.

The pieces are put together here rather than by LiteLLM, which drops calls that have no id.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from quarterdeck_kernel.errors import ModelTransientError
from quarterdeck_kernel.models.litellm_adapter.answers import Called, put_together, usage_of
from quarterdeck_kernel.models.litellm_adapter.shapes import Call, LiteLLM, Piece, Stream
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest


@dataclass
class _Growing:
    """A call that is still coming."""

    call_id: str | None
    tool: str = ""
    arguments: list[str] = field(default_factory=list)


class StreamReading:
    """What has come of one stream."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._texts: list[str] = []
        self._calls: list[_Growing] = []
        self._by_index: dict[object, _Growing] = {}
        self._last: Piece | None = None

    def take(self, piece: Piece) -> str:
        """Take in the next piece and return the text that it adds."""
        self._last = piece
        if not piece.choices:
            return ""
        delta = piece.choices[0].delta
        for call in delta.tool_calls or ():
            self._take_call(call)
        text = delta.content or ""
        if text:
            self._texts.append(text)
        return text

    def answer(self, request: ModelRequest, stream: Stream, litellm: LiteLLM) -> ModelAnswer:
        """Return the whole, if the provider itself said that it is one."""
        reason = stream.received_finish_reason
        if reason is None:
            text_chars = sum(map(len, self._texts))
            message = (
                f"the stream of {request.model!r} broke off after {text_chars} characters and "
                f"{len(self._calls)} tool calls, without a finish reason; nothing of it is used"
            )
            raise ModelTransientError(message)
        last = getattr(self._last, "usage", None)
        reported = any(usage_of(getattr(piece, "usage", None)) for piece in stream.chunks)
        return put_together(
            request,
            text="".join(self._texts),
            calls=[
                Called(call.call_id, call.tool, "".join(call.arguments)) for call in self._calls
            ],
            finish_reason=reason,
            usage=usage_of(last) if reported else None,
            cost=_cost(request.model, last, litellm) if reported else None,
            model=getattr(self._last, "model", None),
        )

    def _take_call(self, piece: Call) -> None:
        index = getattr(piece, "index", None)
        growing = self._by_index.get(index)
        # Some servers give every call the index 0: another id with a name is another call.
        if growing is None or (
            piece.id and piece.function.name and piece.id != growing.call_id and growing.tool
        ):
            growing = _Growing(call_id=piece.id)
            self._by_index[index] = growing
            self._calls.append(growing)
        growing.call_id = growing.call_id or piece.id
        growing.tool = growing.tool or piece.function.name or ""
        if piece.function.arguments:
            growing.arguments.append(piece.function.arguments)


def _cost(model: str, usage: object, litellm: LiteLLM) -> object:
    """Return what LiteLLM says a stream cost; it says so only where that is more than nothing."""
    stated = getattr(usage, "cost", None)
    if stated is not None:
        return stated
    with suppress(Exception):  # it raises whatever comes to hand for a model without a price
        return sum(litellm.cost_per_token(model=model, usage_object=usage))
    return None
