"""A request as LiteLLM takes it."""

import json
from collections.abc import Mapping
from typing import Final

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.models.litellm_adapter.options import LiteLLMOptions
from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall

NO_TIMEOUT_S: Final = 86_400.0
"""The engine keeps the time; without a value LiteLLM would, at ten minutes."""

_KEPT: Final = frozenset(
    {
        *("model", "messages", "tools", "functions", "response_format", "n", "timeout"),
        *("stream", "stream_options", "max_retries", "num_retries", "fallbacks"),
        *("api_base", "base_url", "api_key", "extra_headers", "headers", "_skip_mcp_handler"),
    }
)
"""Arguments that a request's parameters must not set: the port or the options do."""

_TOKEN_LIMITS: Final = ("max_tokens", "max_completion_tokens")


def arguments_of(
    request: ModelRequest, options: LiteLLMOptions, *, streamed: bool
) -> dict[str, object]:
    """Return the arguments of `acompletion`."""
    arguments: dict[str, object] = {
        **options.extra,
        **{name: secret.get_secret_value() for name, secret in options.secrets.items()},
        **_parameters(request, options),
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "timeout": NO_TIMEOUT_S,
        "max_retries": 0,
        "num_retries": 0,
        # Looking for tools of MCP servers takes 0.7 s at the first call, and finds none.
        "_skip_mcp_handler": True,
    }
    if streamed:
        arguments["stream"] = True
        # Without the provider's own count LiteLLM counts for itself, and holds up the loop.
        arguments["stream_options"] = {"include_usage": True}
    if request.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    if request.answer_schema is not None:
        arguments["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.answer_schema},
        }
    if options.api_base is not None:
        arguments["api_base"] = options.api_base
    if options.api_key is not None:
        arguments["api_key"] = options.api_key.get_secret_value()
    if options.headers:
        arguments["extra_headers"] = {
            name: secret.get_secret_value() for name, secret in options.headers.items()
        }
    return arguments


def _parameters(request: ModelRequest, options: LiteLLMOptions) -> Mapping[str, object]:
    forbidden = sorted(_KEPT & request.parameters.keys())
    if forbidden:
        message = (
            f"the parameters of a request to {request.model!r} must not set {forbidden!r}; these "
            "follow from the request, or stand in the provider's options"
        )
        raise InvalidError(message)
    given = {**options.extra, **request.parameters}
    if options.max_tokens is None or any(name in given for name in _TOKEN_LIMITS):
        return request.parameters
    return {"max_tokens": options.max_tokens, **request.parameters}


def _message(message: Message) -> dict[str, object]:
    # An empty text is sent as such: servers differ about content that is null or missing.
    sent: dict[str, object] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        sent["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.call_id is not None:
        sent["tool_call_id"] = message.call_id
    return sent


def _call(call: ToolCall) -> dict[str, object]:
    function = {"name": call.tool, "arguments": _sendable(call.arguments)}
    return {"id": call.call_id, "type": "function", "function": function}


def _sendable(arguments: str) -> str:
    """Return arguments that a provider takes back.

    A call whose arguments are no JSON object stays in the conversation, and several providers
    refuse every later request because of it. They are shown their text inside of an object.
    """
    try:
        parsed: object = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        parsed = None
    return (arguments or "{}") if isinstance(parsed, dict) else encode({"unreadable": arguments})
