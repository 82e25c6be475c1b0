"""Tools for a model that knows none: a schema goes out, a call comes back."""

import json

import pytest
from pydantic import JsonValue

from quarterdeck_kernel.models.local.by_schema import with_calls, without_tools
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall, ToolSchema
from quarterdeck_kernel.vocabulary.usage import Usage


def tool(name: str, **parameters: JsonValue) -> ToolSchema:
    return ToolSchema(
        name=name, description=f"It can {name}.", parameters={"type": "object", **parameters}
    )


def request(*messages: Message, tools: tuple[ToolSchema, ...] = ()) -> ModelRequest:
    return ModelRequest(model="local", messages=messages, tools=tools)


def answer(text: str) -> ModelAnswer:
    return ModelAnswer(
        message=Message(role="assistant", text=text),
        finish_reason="stop",
        usage=Usage(input_tokens=1, output_tokens=1),
        model="local",
    )


HELLO = Message(role="user", text="Hello.")
ASKED = request(HELLO, tools=(tool("row"), tool("sail")))


def test_what_may_be_called_stands_in_the_schema_and_is_told_to_the_model() -> None:
    sent = without_tools(ASKED)
    assert sent.tools == ()
    assert sent.answer_schema is not None
    choices = sent.answer_schema["anyOf"]
    assert isinstance(choices, list)
    assert [json.dumps(choice).count("enum") for choice in choices] == [1, 1, 0]
    assert "- row: It can row." in sent.messages[0].text
    assert sent.messages[-1] == HELLO


def test_a_conversation_is_plain_text_in_turns() -> None:
    calls = (ToolCall(call_id="1", tool="row", arguments='{"far":3}'),)
    sent = without_tools(
        request(
            Message(role="system", text="You row."),
            HELLO,
            Message(role="assistant", text="", tool_calls=calls),
            Message(role="tool", text="rowed", call_id="1"),
            Message(role="user", text="And back."),
            tools=(tool("row"),),
        )
    )
    assert [message.role for message in sent.messages] == ["system", "user", "assistant", "user"]
    assert sent.messages[0].text.endswith("You row.")
    assert json.loads(sent.messages[2].text) == {"tool": "row", "arguments": {"far": 3}}
    assert sent.messages[3].text == "Result of row: rowed\n\nAnd back."


def test_names_that_two_tools_mean_alike_are_shared_and_others_given_up() -> None:
    one: JsonValue = {"Far": {"type": "integer"}}
    two: JsonValue = {"Far": {"type": "string"}}
    tools = (tool("row", **{"$defs": one}), tool("sail", **{"$defs": two}))
    schema = without_tools(request(HELLO, tools=tools)).answer_schema
    assert schema is not None
    assert schema["$defs"] == one
    choices = schema["anyOf"]
    assert isinstance(choices, list)
    assert '"arguments": {"type": "object"}' in json.dumps(choices[1])


def test_an_answer_that_calls_a_tool_is_a_call() -> None:
    called = with_calls(ASKED, answer('{"tool": "row", "arguments": {"far": 3}}'))
    (call,) = called.message.tool_calls
    assert (call.tool, call.arguments, called.message.text) == ("row", '{"far":3}', "")
    assert called.finish_reason == "tool_calls"
    assert with_calls(ASKED, answer('{"say": "Aye."}')).message.text == "Aye."


@pytest.mark.parametrize("text", ["", "Aye.", '{"tool": "row"', "[]", '{"tool": 3}', "[" * 9_999])
def test_what_means_no_call_stays_as_it_is(text: str) -> None:
    assert with_calls(ASKED, answer(text)) == answer(text)
    assert with_calls(request(HELLO), answer('{"say": "x"}')) == answer('{"say": "x"}')
