"""The LiteLLM provider over real HTTP: what is sent, and what comes of a good answer."""

import asyncio

import pytest

from quarterdeck_kernel.errors import InvalidError, ModelTransientError
from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel
from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM
from quarterdeck_kernel.models.port import ModelAnswer, TextListener
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from quarterdeck_kernel.vocabulary.usage import Usage
from tests.kernel.models.dialects import Anthropic, Dialect, OpenAI, Said, cut, streamed
from tests.kernel.models.loopback import End, Loopback, Reply, as_events
from tests.kernel.models.requests import WEATHER, after, followed, request

OSLO = '{"city": "Oslo"}'
CALLS = (("call_1", "get_weather", OSLO), ("call_2", "get_weather", '{"city": "Rome"}'))


def deaf(_text: str) -> None:
    """Has an answer streamed without caring what is heard."""


both_ways = pytest.mark.parametrize("listener", [None, deaf], ids=["whole", "streamed"])


def reply(dialect: Dialect, said: Said, listener: TextListener | None) -> Reply:
    return dialect.whole(said) if listener is None else streamed(dialect, said)


async def answer(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    said: Said,
    listener: TextListener | None = None,
) -> ModelAnswer:
    provider.play(reply(dialect, said, listener))
    asked = request("hi", model=dialect.model, tools=(WEATHER,))
    return await model.complete(asked, listener=listener)


@both_ways
async def test_an_answer_is_what_the_provider_said(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    got = await answer(model, provider, dialect, Said(text="two words"), listener)
    assert got.message.role == "assistant"
    assert got.message.text.strip() == "two words"
    assert got.message.tool_calls == ()
    assert got.finish_reason == "stop"
    assert got.model == dialect.model.partition("/")[2]
    reasoned = 5 if isinstance(dialect, OpenAI) else 0
    assert got.usage == Usage(
        input_tokens=100, output_tokens=20, cached_tokens=60, reasoning_tokens=reasoned
    )
    # 22.5 micro-dollars are 23; both ways cost the same.
    assert got.cost_micros == (23 if isinstance(dialect, OpenAI) else 438)
    assert len(provider.heard) == 1


@both_ways
async def test_calls_keep_their_ids_and_text_beside_them_is_empty_rather_than_missing(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    got = await answer(model, provider, dialect, Said(calls=CALLS), listener)
    assert got.message.text.strip() == ""
    assert got.message.tool_calls == tuple(
        ToolCall(call_id=call_id, tool=tool, arguments=arguments)
        for call_id, tool, arguments in CALLS
    )
    assert got.finish_reason == "tool_calls"


@both_ways
async def test_calls_with_one_id_get_two(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    twice = Said(calls=(("same", "get_weather", OSLO), ("same", "get_weather", "{}")))
    calls = (await answer(model, provider, dialect, twice, listener)).message.tool_calls
    assert [call.arguments for call in calls] == [OSLO, "{}"]
    assert calls[0].call_id == "same"
    assert len({call.call_id for call in calls}) == 2


@both_ways
@pytest.mark.parametrize("missing", [None, ""])
async def test_calls_without_an_id_get_one(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    listener: TextListener | None,
    missing: str | None,
) -> None:
    if isinstance(dialect, Anthropic):
        missing = ""  # without the key LiteLLM itself fails: see the failures
    nameless = Said(calls=((missing, "get_weather", OSLO), (missing, "get_weather", "{}")))
    calls = (await answer(model, provider, dialect, nameless, listener)).message.tool_calls
    assert [call.arguments for call in calls] == [OSLO, "{}"]
    assert len({call.call_id for call in calls} - {""}) == 2


@both_ways
async def test_an_id_that_stands_in_the_conversation_is_not_used_again(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    provider.play(reply(dialect, Said(calls=(("0", "get_weather", OSLO),)), listener))
    asked = request("hi", model=dialect.model, tools=(WEATHER,))
    first = await model.complete(asked, listener=listener)
    second = await model.complete(after(asked, first, "rain"), listener=listener)
    assert first.message.tool_calls[0].call_id == "0"
    assert second.message.tool_calls[0].call_id != "0"


async def test_streamed_calls_that_share_an_index_are_told_apart_by_their_ids(
    model: LiteLLMModel, provider: Loopback
) -> None:
    dialect = OpenAI()
    events = "".join(dialect.events(Said(calls=CALLS))).replace('"index": 1', '"index": 0')
    provider.play(as_events([events]))
    got = await model.complete(request("hi", model=dialect.model), listener=deaf)
    assert [(call.call_id, call.arguments) for call in got.message.tool_calls] == [
        (call_id, arguments) for call_id, _, arguments in CALLS
    ]


async def test_broken_arguments_are_handed_on_as_they_are(
    model: LiteLLMModel, provider: Loopback
) -> None:
    broken = Said(calls=(("x", "get_weather", '{"city": "Os'),))
    for listener in (None, deaf):
        got = await answer(model, provider, OpenAI(), broken, listener)
        assert got.message.tool_calls[0].arguments == '{"city": "Os'


@both_ways
async def test_usage_that_nobody_counted_is_counted_and_its_cost_unknown(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    got = await answer(model, provider, dialect, Said(text="12345", usage=False), listener)
    assert got.usage.input_tokens == 1
    assert got.usage.output_tokens == 2
    assert got.cost_micros is None


@both_ways
async def test_the_cost_of_an_unheard_of_model_is_unknown(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    known = dialect.model.partition("/")[2].encode()
    told = reply(dialect, Said(text="hi"), listener)
    told.pieces = tuple(piece.replace(known, b"unheard-of") for piece in told.pieces)
    provider.play(told)
    name = f"{dialect.model.partition('/')[0]}/unheard-of"
    got = await model.complete(request("hi", model=name), listener=listener)
    assert got.usage.input_tokens == 100
    assert got.cost_micros is None


@both_ways
@pytest.mark.parametrize(
    ("openai", "anthropic", "reason"),
    [
        ("length", "max_tokens", "length"),
        ("content_filter", "refusal", "content_filter"),
        ("weary", "stop_sequence", None),
    ],
)
async def test_a_finish_reason_has_one_word_or_the_providers_own(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    listener: TextListener | None,
    openai: str,
    anthropic: str,
    reason: str | None,
) -> None:
    is_openai = isinstance(dialect, OpenAI)
    said = Said(text="hi", finish=openai if is_openai else anthropic)
    got = await answer(model, provider, dialect, said, listener)
    assert got.finish_reason == (reason or ("weary" if is_openai else "stop"))


async def test_a_listener_hears_the_text_as_it_comes(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    heard: list[str] = []
    got = await answer(
        model, provider, dialect, Said(text="one two three", calls=CALLS), heard.append
    )
    assert len(heard) >= 3
    assert "".join(heard) == got.message.text == "one two three "
    assert len(got.message.tool_calls) == 2


@pytest.mark.parametrize("end", ["clean", "dropped", "reset"])
async def test_a_stream_that_breaks_off_is_a_failure_wherever_it_does(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, end: End
) -> None:
    said = Said(text="two words", calls=CALLS)
    events = dialect.events(said)
    finished = next(place for place, event in enumerate(events) if dialect.ending in event)
    for place in range(finished):
        provider.play(cut(dialect, said, after=place, end=end))
        with pytest.raises(ModelTransientError) as caught:
            await model.complete(request("hi", model=dialect.model), listener=deaf)
        assert caught.value.status is None


async def test_what_a_stream_said_before_it_broke_was_heard(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    heard: list[str] = []
    provider.play(cut(dialect, Said(text="one two three"), after=4, end="clean"))
    with pytest.raises(ModelTransientError, match=r"broke off after \d+ characters"):
        await model.complete(request("hi", model=dialect.model), listener=heard.append)
    assert "one " in "".join(heard)


async def test_a_stream_may_say_the_same_again_and_again(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    got = await answer(model, provider, dialect, Said(text=" ".join(["----"] * 150)), deaf)
    assert got.message.text == "---- " * 150


async def test_others_run_while_a_stream_is_read(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    # All of it arrives at once, so that nothing in it has to be waited for.
    events = dialect.events(Said(text=" ".join(map(str, range(200)))))
    provider.play(as_events(["".join(events)]))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(take_turns())
    heard_at: list[int] = []
    await model.complete(
        request("hi", model=dialect.model), listener=lambda _text: heard_at.append(turns)
    )
    other.cancel()
    assert heard_at[-1] - heard_at[0] >= 190


@both_ways
async def test_a_schema_is_asked_for_and_its_answer_is_text(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    schema = {"type": "object", "properties": {"sky": {"type": "string"}}}
    asked = request("sky?", model=dialect.model).model_copy(update={"answer_schema": schema})
    provider.play(reply(dialect, Said(text='{"sky": "grey"}'), listener))
    got = await model.complete(asked, listener=listener)
    assert got.message.text.strip() == '{"sky": "grey"}'
    body = provider.heard[0].body
    if isinstance(dialect, OpenAI):
        assert body["response_format"]["json_schema"]["schema"] == schema
    else:
        assert body["output_format"]["schema"]["properties"] == schema["properties"]


async def test_tools_and_a_schema_exclude_each_other(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    asked = request("hi", model=dialect.model, tools=(WEATHER,)).model_copy(
        update={"answer_schema": {"type": "object"}}
    )
    with pytest.raises(InvalidError, match="get_weather"):
        await model.complete(asked)
    assert provider.heard == []


async def test_a_call_that_no_provider_takes_back_is_shown_in_a_form_that_it_takes(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    calls = tuple(
        ToolCall(call_id=f"c{index}", tool="get_weather", arguments=arguments)
        for index, arguments in enumerate(('{"city": "Os', "", "[1]", OSLO))
    )
    asked = followed(
        request("hi", model=dialect.model, tools=(WEATHER,)),
        Message(role="assistant", tool_calls=calls),
        *(Message(role="tool", call_id=call.call_id, text="no") for call in calls),
    )
    provider.play(dialect.whole(Said(text="sorry")))
    assert (await model.complete(asked)).message.text == "sorry"
    assert "unreadable" in str(provider.heard[0].body["messages"])


async def test_the_tools_of_an_answer_survive_without_a_network(litellm: LiteLLM) -> None:
    # A canary: without the package `mcp`, this very call fails inside of LiteLLM.
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    got = await litellm.acompletion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "user", "content": "hi"}],
        tools=[tool],
        mock_response="hello",
    )
    assert got.choices[0].message.content == "hello"
