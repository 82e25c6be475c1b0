"""The scripted model: the same request gets the same answer, here and after a restart."""

import asyncio
import json

import pytest

from quarterdeck_kernel.errors import (
    ContextOverflowError,
    InvalidError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
)
from quarterdeck_kernel.models.port import ModelPort
from quarterdeck_kernel.models.script import (
    Answer,
    Call,
    Failure,
    Rule,
    Script,
    When,
    load_script,
)
from quarterdeck_kernel.models.scripted import ScriptedModel
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.usage import Usage
from tests.kernel.models.requests import WEATHER, after, followed, request


def says(text: str, *, times: int | None = 1, **when: object) -> Rule:
    return Rule(when=When.model_validate(when), answer=Answer(text=text), times=times)


def calls(tool: str, *, times: int | None = 1, **when: object) -> Rule:
    answer = Answer(calls=(Call(tool=tool, arguments={"city": "Oslo"}),))
    return Rule(when=When.model_validate(when), answer=answer, times=times)


def fails(failure: Failure, *, times: int | None = 1) -> Rule:
    return Rule(failure=failure, times=times)


def playing(*rules: Rule, clock: FakeClock | None = None) -> ModelPort:
    return ScriptedModel(Script(rules=rules), clock=clock or FakeClock())


async def text_of(model: ModelPort, *said: str) -> str:
    return (await model.complete(request(*said))).message.text


async def test_rules_that_ask_for_nothing_are_the_turns_of_a_conversation() -> None:
    rules = (calls("get_weather"), calls("get_weather"), says("rain"))
    asked = request("and the weather?", tools=(WEATHER,))
    seen = []
    for _ in range(3):
        # A new model each time, as after a crash: what was used stands in the conversation.
        answer = await playing(*rules).complete(asked)
        seen.append(answer.finish_reason)
        asked = after(asked, answer, *("wet" for _ in answer.message.tool_calls))
    assert seen == ["tool_calls", "tool_calls", "stop"]
    with pytest.raises(ModelPermanentError, match="ran out"):
        await playing(*rules).complete(asked)


async def test_the_same_request_gets_the_same_answer_also_in_another_process() -> None:
    model = playing(calls("get_weather"))
    first = await model.complete(request("hello"))
    assert await model.complete(request("hello")) == first
    assert await playing(calls("get_weather")).complete(request("hello")) == first


async def test_ids_of_calls_differ_within_an_answer_and_between_requests() -> None:
    two = Answer(calls=(Call(tool="a"), Call(tool="a")))
    model = playing(Rule(answer=two), Rule(answer=two))
    asked = request("go")
    first = await model.complete(asked)
    second = await model.complete(after(asked, first, "1", "2"))
    ids = [call.call_id for answer in (first, second) for call in answer.message.tool_calls]
    assert len(set(ids)) == 4


async def test_a_rule_may_apply_as_often_as_it_says() -> None:
    asked = request("go")
    model = playing(says("again", times=2), says("enough", times=None))
    texts = []
    for _ in range(4):
        answer = await model.complete(asked)
        texts.append(answer.message.text)
        asked = followed(after(asked, answer), Message(role="user", text="go on"))
    assert texts == ["again", "again", "enough", "enough"]


async def test_a_use_is_counted_even_where_the_text_was_redacted_since() -> None:
    rules = (says("call 555-1234"), says("bye"))
    asked = followed(
        request("who?"),
        Message(role="assistant", text="call [phone]"),
        Message(role="user", text="thanks"),
    )
    assert (await playing(*rules).complete(asked)).message.text == "bye"


async def test_rules_with_one_shape_are_told_apart_by_their_text() -> None:
    # The structured answer is asked for after "rain", whose turn must not be charged to it.
    rules = (says('{"sky": 1}', schema_asked=True), says("rain"))
    asked = followed(request("weather?"), Message(role="assistant", text="rain"))
    extraction = asked.model_copy(update={"answer_schema": {"type": "object"}})
    assert (await playing(*rules).complete(extraction)).message.text == '{"sky": 1}'


@pytest.mark.parametrize(
    ("when", "said", "fits"),
    [
        ({"said": "rain"}, ("is it raining?",), True),
        ({"said": "rain"}, ("is it raining?", "or not?"), False),
        ({"said_pattern": r"^is .*\?$"}, ("is it raining?",), True),
        ({"said_pattern": r"^it"}, ("is it raining?",), False),
        ({"anywhere": "rain"}, ("is it raining?", "or not?"), True),
        ({"anywhere_pattern": r"r..n"}, ("is it raining?", "or not?"), True),
        ({"anywhere": "snow"}, ("is it raining?", "or not?"), False),
        ({"turns": 0}, ("hello",), True),
        ({"turns": 1}, ("hello",), False),
        ({"results": 0}, ("hello",), True),
        ({"model": "scripted"}, ("hello",), True),
        ({"model": "other"}, ("hello",), False),
        ({"offered": ["get_weather"]}, ("hello",), False),
        ({"schema_asked": True}, ("hello",), False),
        ({"schema_asked": False}, ("hello",), True),
    ],
)
async def test_a_rule_applies_when_all_that_it_asks_for_holds(
    when: dict[str, object], said: tuple[str, ...], *, fits: bool
) -> None:
    model = playing(Rule(when=When.model_validate(when), answer=Answer(text="yes")), says("no"))
    assert await text_of(model, *said) == ("yes" if fits else "no")


async def test_a_rule_waits_for_the_tools_it_names() -> None:
    rules = (
        says("both", answered=["get_weather", "get_weather"]),
        says("one", results=1, answered=["get_weather"]),
        Rule(answer=Answer(calls=(Call(tool="get_weather"), Call(tool="get_weather")))),
    )
    asked = request("weather in Oslo and Rome?", tools=(WEATHER,))
    answer = await playing(*rules).complete(asked)
    whole = after(asked, answer, "rain", "sun")
    assert (await playing(*rules).complete(whole)).message.text == "both"
    half = whole.model_copy(update={"messages": whole.messages[:-1]})
    assert (await playing(*rules).complete(half)).message.text == "one"
    # What was answered before the last word of the user no longer counts.
    asked_anew = followed(whole, Message(role="user", text="and now?"))
    assert (await playing(*rules, says("fresh")).complete(asked_anew)).message.text == "fresh"


async def test_arguments_are_json_of_an_object_or_whatever_text_was_given() -> None:
    answer = Answer(
        text="calling",
        calls=(Call(tool="a", arguments={"b": [1, "ä"]}), Call(tool="a", arguments='{"b": ')),
    )
    message = (await playing(Rule(answer=answer)).complete(request("go"))).message
    assert message.text == "calling"
    assert json.loads(message.tool_calls[0].arguments) == {"b": [1, "ä"]}
    assert message.tool_calls[1].arguments == '{"b": '


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("transient", ModelTransientError),
        ("timeout", ModelTimeoutError),
        ("permanent", ModelPermanentError),
        ("overflow", ContextOverflowError),
    ],
)
async def test_a_failure_says_what_the_script_says(kind: str, error: type[ModelError]) -> None:
    failure = Failure.model_validate(
        {"kind": kind, "message": "too busy", "status": 429, "retry_after_us": 7}
    )
    with pytest.raises(ModelError, match="too busy") as caught:
        await playing(fails(failure)).complete(request("go"))
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.retry_after_us) == (429, 7)


async def test_a_failure_stands_for_the_first_tries_of_each_request() -> None:
    model = playing(fails(Failure(kind="transient"), times=2), says("ok", times=None))
    for said in ("one", "two"):
        for _ in range(2):
            with pytest.raises(ModelTransientError):
                await text_of(model, said)
        assert await text_of(model, said) == "ok"


async def test_a_failure_may_stand_for_ever() -> None:
    model = playing(fails(Failure(kind="transient"), times=None), says("ok"))
    for _ in range(3):
        with pytest.raises(ModelTransientError):
            await text_of(model, "go")


async def test_time_passes_on_the_clock_before_an_answer_and_within_a_stream() -> None:
    clock = FakeClock()
    rule = Rule(answer=Answer(text="abcdefg"), latency_us=100, piece_us=10, piece_chars=3)
    heard: list[str] = []
    task = asyncio.create_task(
        playing(rule, clock=clock).complete(request("go"), listener=heard.append)
    )
    seen = []
    for step_us in (0, 99, 1, 10, 10):
        clock.advance(step_us)
        for _ in range(5):
            await asyncio.sleep(0)
        seen.append((list(heard), task.done()))
    assert seen == [
        ([], False),
        ([], False),
        (["abc"], False),
        (["abc", "def"], False),
        (["abc", "def", "g"], True),
    ]
    assert (await task).message.text == "abcdefg"


async def test_a_stream_may_be_cut_off_after_some_text() -> None:
    failure = Failure(kind="transient", after_text="Half of it is")
    heard: list[str] = []
    with pytest.raises(ModelTransientError):
        await playing(fails(failure)).complete(request("go"), listener=heard.append)
    assert "".join(heard) == "Half of it is"


async def test_a_silent_model_can_be_cancelled_and_answers_the_next_try() -> None:
    clock = FakeClock()
    model = playing(fails(Failure(kind="silence")), says("ok"), clock=clock)
    task = asyncio.create_task(model.complete(request("go")))
    await asyncio.sleep(0)
    clock.advance(10**12)
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await text_of(model, "go") == "ok"


async def test_a_cancelled_wait_leaves_no_alarm() -> None:
    clock = FakeClock()
    rule = Rule(answer=Answer(text="late"), latency_us=1_000)
    task = asyncio.create_task(playing(rule, clock=clock).complete(request("go")))
    await asyncio.sleep(0)
    assert clock.next_alarm_us == 1_000
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_alarm_us is None


async def test_usage_is_counted_and_costs_nothing_unless_the_script_says() -> None:
    counted = await playing(says("12345")).complete(request("12345678"))
    assert counted.usage == Usage(input_tokens=2, output_tokens=2)
    assert counted.cost_micros == 0
    usage = Usage(input_tokens=900, output_tokens=80, cached_tokens=700, reasoning_tokens=5)
    given = Answer(text="hi", usage=usage, cost_micros=None, finish_reason="length")
    answer = await playing(Rule(answer=given)).complete(request("12345678"))
    assert (answer.usage, answer.cost_micros, answer.finish_reason) == (usage, None, "length")


async def test_a_request_beyond_the_window_overflows() -> None:
    model = ScriptedModel(Script(rules=(says("ok", times=None),), window_tokens=4))
    assert model.window_tokens("any") == 4
    assert await text_of(model, "x" * 16) == "ok"
    with pytest.raises(ContextOverflowError, match="4 tokens and was sent 5"):
        await text_of(model, "x" * 17)


async def test_a_script_that_ran_out_shows_what_was_asked() -> None:
    model = playing(says("never", said="snow"))
    asked = request("is it raining " + "x" * 999, tools=(WEATHER,))
    with pytest.raises(ModelPermanentError) as caught:
        await model.complete(asked)
    message = str(caught.value)
    for word in ("ran out", "1 rules", "'scripted'", "is it raining", "get_weather", "0 turns"):
        assert word in message
    assert len(message) < 700


async def test_a_request_that_breaks_the_terms_is_refused() -> None:
    model = playing(says("ok"))
    with pytest.raises(InvalidError, match="no messages"):
        await model.complete(request())
    both = request("go", tools=(WEATHER,)).model_copy(update={"answer_schema": {"type": "object"}})
    with pytest.raises(InvalidError, match="get_weather"):
        await model.complete(both)


async def test_the_last_requests_can_be_looked_at() -> None:
    model = ScriptedModel(Script(rules=(says("ok", times=None),)), remember=2)
    for said in ("one", "two", "three"):
        await text_of(model, said)
    assert [asked.messages[-1].text for asked in model.asked] == ["two", "three"]
    await model.close()


def test_a_script_is_data() -> None:
    text = """
    {
      "window_tokens": 8000,
      "rules": [
        {"when": {"said": "weather", "results": 0},
         "answer": {"calls": [{"tool": "get_weather", "arguments": {"city": "Oslo"}},
                              {"tool": "get_weather", "arguments": "{broken"}]}},
        {"failure": {"kind": "transient", "status": 503, "retry_after_us": 2000000}},
        {"answer": {"text": "rain", "cost_micros": null}, "times": null, "latency_us": 5}
      ]
    }
    """
    script = load_script(text)
    assert script == load_script(json.loads(text)) == load_script(script.model_dump_json())
    assert script.rules[2].times is None


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{", "script: "),
        ('{"rules": [{}]}', "rules.0: .*either an answer or a failure"),
        (
            '{"rules": [{"answer": {}, "failure": {"kind": "timeout"}}]}',
            "either an answer or a failure",
        ),
        ('{"rules": [{"answer": {}, "when": {"said_pattern": "("}}]}', "no regular expression"),
        ('{"rules": [{"answer": {}, "when": {"sayd": "x"}}]}', "rules.0.when.sayd"),
        ('{"rules": [{"failure": {"kind": "sulk"}}]}', "rules.0.failure.kind"),
    ],
)
def test_a_script_that_cannot_be_used_says_where(source: str, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        load_script(source)
