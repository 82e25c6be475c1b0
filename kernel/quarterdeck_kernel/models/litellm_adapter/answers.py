"""What came back from LiteLLM, as the port promises it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Final
from uuid import uuid4

from quarterdeck_kernel.errors import ModelTransientError
from quarterdeck_kernel.models.counting import counted_usage
from quarterdeck_kernel.models.litellm_adapter.shapes import Response, Said
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from quarterdeck_kernel.vocabulary.usage import Usage

_MICROS: Final = 1_000_000
_WORDS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "max_tokens": "length",
    "model_length": "length",
    "refusal": "content_filter",
    "safety": "content_filter",
}
"""Words of providers that LiteLLM lets through, and what they mean."""


@dataclass(frozen=True)
class Called:
    """A call as it was read; an id may be missing."""

    call_id: str | None
    tool: str
    arguments: str


def answer_from_whole(request: ModelRequest, response: Response) -> ModelAnswer:
    """Return the answer that came in one piece."""
    if not response.choices:
        message = f"{request.model!r} answered without any choice in its answer; try again"
        raise ModelTransientError(message)
    choice = response.choices[0]
    said: Said = choice.message
    calls = [
        Called(call.id, call.function.name or "", call.function.arguments or "")
        for call in said.tool_calls or ()
    ]
    usage = usage_of(getattr(response, "usage", None))
    native = _native_reason(choice)
    return put_together(
        request,
        text=said.content or "",
        calls=calls,
        finish_reason=native if native and choice.finish_reason == "stop" else choice.finish_reason,
        usage=usage,
        cost=response._hidden_params.get("response_cost"),  # noqa: SLF001 - its documented place
        model=response.model,
    )


def put_together(
    request: ModelRequest,
    *,
    text: str,
    calls: Iterable[Called],
    finish_reason: str,
    usage: Usage | None,
    cost: object,
    model: str | None,
) -> ModelAnswer:
    """Return an answer; what a provider did not count is counted here, and its cost unknown."""
    message = Message(role="assistant", text=text, tool_calls=_with_ids(request, calls))
    reason = _WORDS.get(finish_reason.lower(), finish_reason)
    if message.tool_calls and reason == "stop":
        reason = "tool_calls"
    return ModelAnswer(
        message=message,
        finish_reason=reason,
        usage=usage or counted_usage(request.messages, message),
        cost_micros=None if usage is None else micros(cost),
        model=model or request.model,
    )


def usage_of(usage: object) -> Usage | None:
    """Return what a provider says was used; None where it says nothing, which LiteLLM calls 0."""
    read = Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=_count(
            getattr(usage, "completion_tokens_details", None), "reasoning_tokens"
        ),
    )
    return read if read.total_tokens else None


def micros(cost: object) -> int | None:
    """Return a cost in dollars as whole micro-dollars, rounded up; None if it is not known."""
    if not isinstance(cost, int | float | Decimal) or isinstance(cost, bool):
        return None
    try:
        exact = Decimal(str(cost)) * _MICROS
        return int(exact.to_integral_value(ROUND_CEILING)) if exact >= 0 else None
    except (InvalidOperation, OverflowError):
        return None


def _with_ids(request: ModelRequest, calls: Iterable[Called]) -> tuple[ToolCall, ...]:
    """Return calls whose ids differ, also from those that stand in the conversation.

    Small servers name the calls of every turn alike, or not at all.
    """
    taken = {call.call_id for message in request.messages for call in message.tool_calls}
    named = []
    for call in calls:
        free = call.call_id and call.call_id not in taken
        call_id = call.call_id if call.call_id and free else f"call_{uuid4().hex}"
        taken.add(call_id)
        named.append(ToolCall(call_id=call_id, tool=call.tool, arguments=call.arguments))
    return tuple(named)


def _native_reason(choice: object) -> str | None:
    """Return the provider's own word, which LiteLLM keeps aside where it replaced it by `stop`."""
    fields = getattr(choice, "provider_specific_fields", None)
    native = fields.get("native_finish_reason") if isinstance(fields, dict) else None
    return native if isinstance(native, str) else None


def _count(holder: object, name: str) -> int:
    value = getattr(holder, name, None)
    return max(value, 0) if isinstance(value, int) else 0
