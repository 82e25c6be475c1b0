"""Tools for a model that may know none: a request without them, whose answer fits a schema.

Small models write no calls of tools, but whatever a grammar lets them write. So what may be called
stands in the schema of the answer; whether the choice makes sense is the model's own affair. Pure.
"""

import json
from collections.abc import Iterable
from uuid import uuid4

from pydantic import JsonValue

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall, ToolSchema

_HOW = (
    'Answer with one JSON object: {"tool": NAME, "arguments": {...}} to use a tool, or '
    '{"say": TEXT} to speak. The tools are:'
)


def without_tools(request: ModelRequest) -> ModelRequest:
    """Return a request that asks the same in messages and a schema alone."""
    messages = list(request.messages)
    schema = request.answer_schema
    if request.tools:
        messages.insert(0, Message(role="system", text=_told(request.tools)))
        schema = _schema(request.tools)
    return request.model_copy(
        update={"messages": tuple(_merged(_plain(messages))), "tools": (), "answer_schema": schema}
    )


def with_calls(request: ModelRequest, answer: ModelAnswer) -> ModelAnswer:
    """Return an answer with the call that it means; what means none stays as it is."""
    if not request.tools:
        return answer
    try:
        said = json.loads(answer.message.text)
    except (ValueError, RecursionError):
        return answer
    match said:
        case {"say": str(text)}:
            message = Message(role="assistant", text=text)
            return answer.model_copy(update={"message": message})
        case {"tool": str(tool), "arguments": dict(arguments)}:
            call = ToolCall(call_id=f"call_{uuid4().hex}", tool=tool, arguments=encode(arguments))
            message = Message(role="assistant", tool_calls=(call,))
            return answer.model_copy(update={"message": message, "finish_reason": "tool_calls"})
        case _:
            return answer


def _told(tools: Iterable[ToolSchema]) -> str:
    return "\n".join([_HOW, *(f"- {tool.name}: {tool.description}" for tool in tools)])


def _schema(tools: Iterable[ToolSchema]) -> dict[str, JsonValue]:
    """Return what the answer has to fit: one of the tools, or something said."""
    choices: list[JsonValue] = []
    shared: dict[str, JsonValue] = {}
    for tool in tools:
        arguments: dict[str, JsonValue] = dict(tool.parameters)
        named = arguments.pop("$defs", {})
        if isinstance(named, dict):
            if any(shared.get(name, value) != value for name, value in named.items()):
                # Two tools mean different things by a name; the tool itself checks its arguments.
                arguments.clear()
                arguments["type"] = "object"
            else:
                shared.update(named)
        choices.append(_object(tool={"enum": [tool.name]}, arguments=arguments))
    choices.append(_object(say={"type": "string"}))
    schema: dict[str, JsonValue] = {"anyOf": choices}
    if shared:
        schema["$defs"] = shared
    return schema


def _object(**properties: JsonValue) -> JsonValue:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _plain(messages: Iterable[Message]) -> Iterable[Message]:
    """Yield messages as text: calls as the model writes them, results as somebody tells them."""
    names: dict[str, str] = {}
    for message in messages:
        match message.role:
            case "assistant" if message.tool_calls:
                names |= {call.call_id: call.tool for call in message.tool_calls}
                calls = [
                    f'{{"tool":{encode(call.tool)},"arguments":{call.arguments}}}'
                    for call in message.tool_calls
                ]
                text = "\n".join([*([message.text] if message.text else ()), *calls])
                yield Message(role="assistant", text=text)
            case "tool":
                tool = names.get(message.call_id or "", "a tool")
                yield Message(role="user", text=f"Result of {tool}: {message.text}")
            case _:
                yield message


def _merged(messages: Iterable[Message]) -> list[Message]:
    """Return messages of which no two in a row are of one role: templates refuse those."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            text = f"{merged[-1].text}\n\n{message.text}"
            merged[-1] = Message(role=message.role, text=text)
        else:
            merged.append(message)
    return merged
