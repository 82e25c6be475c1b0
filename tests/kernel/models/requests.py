"""Requests for the tests of models, put together as an engine would."""

from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema

WEATHER = ToolSchema(
    name="get_weather",
    description="Tell the weather.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


def request(
    *said: str, tools: tuple[ToolSchema, ...] = (), model: str = "scripted"
) -> ModelRequest:
    messages = tuple(Message(role="user", text=text) for text in said)
    return ModelRequest(model=model, messages=messages, tools=tools)


def after(asked: ModelRequest, answer: ModelAnswer, *results: str) -> ModelRequest:
    """The next request: the answer stands, and each of its calls has a result."""
    answered = tuple(
        Message(role="tool", call_id=call.call_id, text=text)
        for call, text in zip(answer.message.tool_calls, results, strict=True)
    )
    return followed(asked, answer.message, *answered)


def followed(asked: ModelRequest, *messages: Message) -> ModelRequest:
    return asked.model_copy(update={"messages": asked.messages + messages})
