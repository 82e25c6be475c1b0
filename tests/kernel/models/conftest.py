"""LiteLLM, imported once for all its tests, before a provider on loopback."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel, LiteLLMOptions, loading
from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM
from quarterdeck_kernel.testing.fake_clock import FakeClock
from tests.kernel.models.dialects import Anthropic, Dialect, OpenAI
from tests.kernel.models.loopback import Loopback, loopback

SECRET = "sk-secret-of-ada"  # noqa: S105 - it opens nothing


Imported = tuple[LiteLLM, list[tuple[str, Any]]]
"""LiteLLM, and the patterns and classes of its own warnings that it asks not to be shown."""


@pytest.fixture(scope="session")
def imported() -> Imported:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = list(warnings.filters)
        module = asyncio.run(loading.load())
        return module, [
            (message.pattern if message is not None else "", category)
            for action, message, category, *rest in warnings.filters
            if action == "ignore" and (action, message, category, *rest) not in before
        ]


@pytest.fixture
def litellm(imported: Imported) -> LiteLLM:
    module, hushed = imported
    for message, category in hushed:
        warnings.filterwarnings("ignore", message, category)
    return module


@pytest.fixture
async def provider() -> AsyncIterator[Loopback]:
    async with loopback() as served:
        yield served


@pytest.fixture(params=[OpenAI, Anthropic], ids=["openai", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    made: Dialect = request.param()
    return made


@pytest.fixture
async def model(
    litellm: LiteLLM, provider: Loopback, dialect: Dialect
) -> AsyncIterator[LiteLLMModel]:
    assert litellm is not None
    options = LiteLLMOptions(api_base=provider.url + dialect.path, api_key=SecretStr(SECRET))
    made = LiteLLMModel(options, clock=FakeClock())
    yield made
    await made.close()
