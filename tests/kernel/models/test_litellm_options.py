"""The LiteLLM provider: what it is told once, how it comes to life, and how it goes."""

import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr

from quarterdeck_kernel.errors import InvalidError, ModelPermanentError
from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel, LiteLLMOptions
from quarterdeck_kernel.models.litellm_adapter.answers import micros
from quarterdeck_kernel.models.litellm_adapter.failures import failure_of
from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM
from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.testing.fake_clock import FakeClock
from tests.architecture.repository import ROOT
from tests.kernel.models.dialects import OpenAI, Said
from tests.kernel.models.loopback import Loopback
from tests.kernel.models.requests import request

OPENAI = OpenAI()


def asked(**parameters: JsonValue) -> ModelRequest:
    return request("hi", model=OPENAI.model).model_copy(update={"parameters": parameters})


async def test_options_and_parameters_are_sent_and_parameters_win(
    litellm: LiteLLM, provider: Loopback
) -> None:
    assert litellm is not None
    options = LiteLLMOptions(
        api_base=provider.url + OPENAI.path,
        api_key=SecretStr("sk-1"),
        headers={"x-pass": SecretStr("open sesame")},
        extra={"temperature": 0.5, "seed": 1},
        max_tokens=77,
    )
    model = LiteLLMModel(options)
    provider.play(OPENAI.whole(Said(text="hi")))
    await model.complete(asked(temperature=0))
    await model.complete(asked(max_completion_tokens=5))
    await model.close()
    first, second = provider.heard
    assert first.path == "/v1/chat/completions"
    assert first.headers["authorization"] == "Bearer sk-1"
    assert first.headers["x-pass"] == "open sesame"
    assert (first.body["temperature"], first.body["seed"]) == (0, 1)
    assert first.body["max_tokens"] == 77
    assert "max_tokens" not in second.body


@pytest.mark.parametrize("name", ["model", "messages", "stream", "api_key", "num_retries", "n"])
async def test_a_parameter_cannot_undo_what_the_port_promises(name: str) -> None:
    with pytest.raises(InvalidError, match=name):
        await LiteLLMModel().complete(asked(**{name: "x"}))


def test_no_secret_is_shown_with_the_options() -> None:
    options = LiteLLMOptions(
        api_key=SecretStr("hush-1"),
        headers={"x": SecretStr("hush-2")},
        secrets={"aws_secret_access_key": SecretStr("hush-3")},
    )
    shown = f"{options!r} {options} {options.model_dump_json()}"
    assert "hush" not in shown
    assert sorted(options.secret_texts()) == ["hush-1", "hush-2", "hush-3"]


def test_a_window_is_known_from_the_options_or_the_table(litellm: LiteLLM) -> None:
    assert litellm is not None
    model = LiteLLMModel()
    assert model.window_tokens("openai/gpt-4o-mini") == 128_000
    assert model.window_tokens("azure/gpt-4o") == 128_000
    assert model.window_tokens("openai/unheard-of") is None
    assert LiteLLMModel(LiteLLMOptions(window_tokens=9)).window_tokens("openai/gpt-4o") == 9


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (2.25e-05, 23),
        (0.000001, 1),
        (0.0000010000001, 2),
        (0, 0),
        (Decimal("1.5"), 1_500_000),
        (None, None),
        (-1.0, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("0.1", None),
    ],
)
def test_a_cost_is_whole_micro_dollars_rounded_up(cost: object, expected: int | None) -> None:
    assert micros(cost) == expected


def test_a_missing_module_stays_missing(litellm: LiteLLM) -> None:
    assert litellm is not None
    error = RuntimeError("litellm.APIConnectionError: no\nTraceback (most recent call last)")
    error.__context__ = ModuleNotFoundError("No module named 'boto3'")
    found = failure_of(error, model="bedrock/x", secrets=(), clock=FakeClock())
    assert isinstance(found, ModelPermanentError)
    assert "boto3" in str(found)


async def test_one_provider_closes_nothing_of_another_and_may_be_used_again(
    litellm: LiteLLM, provider: Loopback
) -> None:
    assert litellm is not None
    options = LiteLLMOptions(api_base=provider.url + OPENAI.path, api_key=SecretStr("sk-1"))
    first, second = LiteLLMModel(options), LiteLLMModel(options)
    provider.play(OPENAI.whole(Said(text="hi")))
    for model in (first, second):
        await model.complete(asked())
    await first.close()
    await second.complete(asked())
    await second.close()
    await first.complete(asked())
    await first.close()
    assert len(provider.heard) == 4


FRESH = """
    import asyncio, os, sys
    tried = []
    def watch(event, arguments):
        if event == "socket.getaddrinfo":
            tried.append(str(arguments[0]))
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            if isinstance(arguments[1], tuple):
                tried.append(f"{arguments[1][0]}:{arguments[1][1]}")
    sys.addaudithook(watch)
    os.environ["LITELLM_LOG"] = "DEBUG"
    before = dict(os.environ)
    from pydantic import SecretStr
    from quarterdeck_kernel.models import port, request_check, scripted
    from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel, LiteLLMOptions
    from tests.kernel.models.dialects import Anthropic, OpenAI, Said, streamed
    from tests.kernel.models.loopback import RESET, loopback
    from tests.kernel.models.requests import WEATHER, request
    early = {"litellm", "openai", "httpx"} & set(sys.modules)
    assert not early, early
    assert LiteLLMModel().window_tokens("openai/gpt-4o-mini") is None

    async def main():
        async with loopback() as provider:
            target = provider.url.removeprefix("http://")
            for dialect in (OpenAI(), Anthropic()):
                key = SecretStr("sk-1")
                options = LiteLLMOptions(api_base=provider.url + dialect.path, api_key=key)
                model = LiteLLMModel(options)
                asked = request("hi", model=dialect.model, tools=(WEATHER,))
                for usage in (True, False):
                    said = Said(text="hi", usage=usage)
                    provider.play(dialect.whole(said))
                    await model.complete(asked)
                    provider.play(streamed(dialect, said))
                    await model.complete(asked, listener=lambda text: None)
                # For a schema, LiteLLM looks up the headers that Anthropic wants.
                schema = {"tools": (), "answer_schema": {"type": "object", "properties": {}}}
                provider.play(dialect.whole(Said(text="{}")))
                await model.complete(asked.model_copy(update=schema))
                provider.play(RESET)
                try:
                    await model.complete(asked)
                except Exception as error:
                    assert type(error).__name__ == "ModelTransientError", error
                await model.close()
            strange = {place for place in tried if place not in {target, "127.0.0.1"}}
            assert not strange, strange
            assert target in tried
    asyncio.run(main())
    # LiteLLM points at the tables in its own folder when it reads them, for good.
    os.environ.pop("TIKTOKEN_CACHE_DIR", None)
    before.pop("TIKTOKEN_CACHE_DIR", None)
    changed = dict(set(os.environ.items()) ^ set(before.items()))
    assert not changed, changed
    """


def test_a_fresh_process_loads_litellm_late_prints_nothing_and_reaches_only_its_target(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("AMBUSH=1\n", encoding="utf-8")
    script = textwrap.dedent(FRESH)
    paths = [str(ROOT), *(str(ROOT / folder) for folder in ("kernel", "app", "themes"))]
    told = f"import sys; sys.path[:0] = {paths!r}\n{script}"
    ended = subprocess.run(
        [sys.executable, "-c", told], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert ended.stderr == ended.stdout == ""
    assert ended.returncode == 0
