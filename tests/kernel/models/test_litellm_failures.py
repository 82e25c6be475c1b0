"""The LiteLLM provider over real HTTP: every way to fail has its error, and none leaks a secret."""

import asyncio
import json
import logging
import traceback

import pytest
from pydantic import SecretStr

from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
)
from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel, LiteLLMOptions
from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM
from quarterdeck_kernel.models.port import TextListener
from tests.kernel.models.conftest import SECRET
from tests.kernel.models.dialects import Anthropic, Dialect, OpenAI, Said
from tests.kernel.models.loopback import (
    RESET,
    SILENCE,
    Loopback,
    Reply,
    as_events,
    as_json,
    unused_url,
)
from tests.kernel.models.requests import request
from tests.kernel.models.test_litellm_answers import both_ways, deaf


async def failure(
    model: LiteLLMModel, dialect: Dialect, listener: TextListener | None = None
) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(request("my own words", model=dialect.model), listener=listener)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    # Nothing of LiteLLM's own error is kept: it holds conversations.
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "my own words" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


@both_ways
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ModelPermanentError),
        (401, ModelPermanentError),
        (403, ModelPermanentError),
        (404, ModelPermanentError),
        (408, ModelTimeoutError),
        (409, ModelTransientError),
        (422, ModelPermanentError),
        (429, ModelTransientError),
        (500, ModelTransientError),
        (502, ModelTransientError),
        (503, ModelTransientError),
        (504, ModelTimeoutError),
        (529, ModelTransientError),
    ],
)
async def test_the_status_says_what_kind_of_failure_it_is(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    listener: TextListener | None,
    status: int,
    kind: type[ModelError],
) -> None:
    body = dialect.error(status, f"the key {SECRET} will not do")
    provider.play(as_json(body, status=status, retry_after="7"))
    error = await failure(model, dialect, listener)
    assert type(error) is kind
    assert error.status == status
    assert error.retry_after_us == 7_000_000
    assert "the key [secret] will not do" in str(error)
    # It was asked once: retries are the engine's, so that every try is an event.
    assert len(provider.heard) == 1


@both_ways
@pytest.mark.parametrize(
    ("dialect", "status", "said", "kind"),
    [
        (
            OpenAI(),
            400,
            "This model's maximum context length is 128000 tokens. You sent 130000.",
            "context_length_exceeded",
        ),
        (OpenAI(), 400, "the request exceeds the available context size", "invalid_request_error"),
        (Anthropic(), 400, "prompt is too long: 210000 tokens > 200000", "invalid_request_error"),
        (Anthropic(), 413, "Request exceeds the maximum size", "request_too_large"),
    ],
)
async def test_a_request_beyond_the_window_is_an_overflow(
    litellm: LiteLLM,
    provider: Loopback,
    listener: TextListener | None,
    dialect: Dialect,
    status: int,
    said: str,
    kind: str,
) -> None:
    assert litellm is not None
    options = LiteLLMOptions(api_base=provider.url + dialect.path, api_key=SecretStr(SECRET))
    model = LiteLLMModel(options)
    provider.play(as_json(dialect.error(status, said, kind=kind), status=status))
    error = await failure(model, dialect, listener)
    await model.close()
    assert type(error) is ContextOverflowError
    assert error.status == status
    assert said[:20] in str(error)


@pytest.mark.parametrize(
    ("headers", "after_us"),
    [
        ({}, None),
        ({"retry_after": "1.5"}, 1_500_000),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "-3"}, 0),
        ({"retry_after": "2", "retry_after_ms": "250"}, 250_000),
        # The clock of the tests stands at the first second of 2026.
        ({"retry_after": "Thu, 01 Jan 2026 00:00:09 GMT"}, 9_000_000),
        ({"retry_after": "Wed, 31 Dec 2025 00:00:00 GMT"}, 0),
        (
            {
                "retry_after": "Mon, 02 Mar 2026 10:00:20 GMT",
                "date": "Mon, 02 Mar 2026 10:00:00 GMT",
            },
            20_000_000,
        ),
    ],
)
async def test_when_to_come_back_is_read_from_the_headers(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    headers: dict[str, str],
    after_us: int | None,
) -> None:
    provider.play(as_json(dialect.error(429), status=429, **headers))
    assert (await failure(model, dialect)).retry_after_us == after_us


@both_ways
@pytest.mark.parametrize(
    "reply",
    [
        RESET,
        Reply(pieces=(b'{"broken',)),
        Reply(pieces=(b"<html>hello</html>",), content_type="text/html"),
        Reply(pieces=(b'{"choices": [', b'{"x": '), end="dropped"),
        as_json({}),
        as_json([]),
        as_json({"choices": [], "content": []}),
        as_events([]),
    ],
    ids=["reset", "broken", "html", "dropped", "empty", "list", "no-choices", "nothing"],
)
async def test_an_answer_that_cannot_be_read_may_pass(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    listener: TextListener | None,
    reply: Reply,
) -> None:
    provider.play(reply)
    error = await failure(model, dialect, listener)
    assert type(error) is ModelTransientError
    assert error.status is None


@both_ways
async def test_nobody_there_may_pass(
    litellm: LiteLLM, dialect: Dialect, listener: TextListener | None
) -> None:
    assert litellm is not None
    options = LiteLLMOptions(api_base=unused_url() + dialect.path, api_key=SecretStr(SECRET))
    model = LiteLLMModel(options)
    error = await failure(model, dialect, listener)
    await model.close()
    assert type(error) is ModelTransientError
    assert "refused" in str(error).lower()


@both_ways
async def test_a_page_of_a_gateway_is_shown_on_one_line(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    page = "<html>\n\x1b[31m Bad   gateway\n" + "x" * 5_000
    provider.play(Reply(pieces=(page.encode(),), status=502, content_type="text/html"))
    message = str(await failure(model, dialect, listener))
    assert "<html> [31m Bad gateway x" in message


@pytest.mark.parametrize("before", [0, 1, 3])
async def test_an_error_in_the_middle_of_a_stream_may_pass(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, before: int
) -> None:
    error = json.dumps(dialect.error(529, "all ships are out", kind="overloaded_error"))
    name = "" if isinstance(dialect, OpenAI) else "event: error\n"
    events = dialect.events(Said(text="a b c"))[:before]
    provider.play(as_events([*events, f"{name}data: {error}\n\n"]))
    raised = await failure(model, dialect, deaf)
    assert type(raised) is ModelTransientError
    assert "all ships are out" in str(raised)


@pytest.mark.parametrize("place", [1, 3])
async def test_a_piece_that_cannot_be_read_spoils_the_stream(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, place: int
) -> None:
    events = dialect.events(Said(text="a b c d"))
    events[place] = events[place][: len(events[place]) // 2] + "\n\n"
    provider.play(as_events(events))
    assert type(await failure(model, dialect, deaf)) is ModelTransientError


async def test_a_call_without_an_id_that_litellm_cannot_read_may_pass(
    model: LiteLLMModel, provider: Loopback
) -> None:
    dialect = Anthropic()
    provider.play(dialect.whole(Said(calls=((None, "get_weather", "{}"),))))
    error = await failure(model, dialect)
    assert type(error) is ModelTransientError
    assert "KeyError: 'id'" in str(error)


async def test_a_provider_that_nobody_knows_is_refused_for_good(model: LiteLLMModel) -> None:
    with pytest.raises(ModelPermanentError, match="nobody/x"):
        await model.complete(request("hi", model="nobody/x"))
    with pytest.raises(ModelPermanentError, match="name it as PROVIDER/MODEL, or describe it"):
        await model.complete(request("hi", model="nobody"))


@both_ways
async def test_a_slow_provider_can_be_cancelled(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect, listener: TextListener | None
) -> None:
    provider.play(SILENCE)
    asking = asyncio.create_task(
        model.complete(request("hi", model=dialect.model), listener=listener)
    )
    await provider.asked.wait()
    asking.cancel()
    started_s = asyncio.get_running_loop().time()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # A millisecond, measured; the margin is for a busy machine.
    assert asyncio.get_running_loop().time() - started_s < 0.1


async def test_a_stream_can_be_cancelled_in_the_middle(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    first = "".join(dialect.events(Said(text="one two three"))[:4]).encode()
    provider.play(Reply(pieces=(first,), content_type="text/event-stream", end="silent"))
    begun = asyncio.Event()
    asking = asyncio.create_task(
        model.complete(request("hi", model=dialect.model), listener=lambda _text: begun.set())
    )
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_an_error_of_the_listener_is_its_own(
    model: LiteLLMModel, provider: Loopback, dialect: Dialect
) -> None:
    provider.play(as_events(dialect.events(Said(text="a b c"))))

    def hear(_text: str) -> None:
        message = "no ears"
        raise LookupError(message)

    with pytest.raises(LookupError, match="no ears"):
        await model.complete(request("hi", model=dialect.model), listener=hear)


async def test_nothing_is_printed_or_logged(
    model: LiteLLMModel,
    provider: Loopback,
    dialect: Dialect,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in (as_json(dialect.error(500), status=500), RESET, Reply(pieces=(b"{",))):
        for listener in (None, deaf):
            provider.play(reply)
            await failure(model, dialect, listener)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("LiteLLM")] == []
    assert SECRET not in caplog.text
    assert "my own words" not in caplog.text
