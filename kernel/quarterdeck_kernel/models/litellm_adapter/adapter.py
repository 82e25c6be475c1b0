"""The provider: one attempt through LiteLLM, told honestly.

Owns when LiteLLM is loaded and when its connections are closed. Nothing of LiteLLM leaves it: not
its objects, not its errors, and not the retries and time limits that it would keep by itself.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from decimal import Decimal
from typing import ClassVar, TypeVar
from weakref import WeakSet

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.errors import ModelError
from quarterdeck_kernel.models.litellm_adapter import loading
from quarterdeck_kernel.models.litellm_adapter.answers import answer_from_whole
from quarterdeck_kernel.models.litellm_adapter.failures import failure_of
from quarterdeck_kernel.models.litellm_adapter.options import LiteLLMOptions
from quarterdeck_kernel.models.litellm_adapter.shapes import LiteLLM, Stream
from quarterdeck_kernel.models.litellm_adapter.streams import StreamReading
from quarterdeck_kernel.models.litellm_adapter.wire import arguments_of
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.models.request_check import check_request
from quarterdeck_kernel.vocabulary.price import Price

_MILLION = 1_000_000
_Result = TypeVar("_Result")


class LiteLLMModel:
    """Implements `port.ModelPort`. Models are named as LiteLLM does: `provider/model`."""

    # LiteLLM keeps one set of connections for the process: the last one here closes them.
    _in_use: ClassVar[WeakSet["LiteLLMModel"]] = WeakSet()

    def __init__(
        self, options: LiteLLMOptions | None = None, *, clock: Clock | None = None
    ) -> None:
        """Remember the options; nothing is loaded or opened yet."""
        self._options = options or LiteLLMOptions()
        self._clock = clock or SystemClock()

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Ask once; InvalidError for what cannot be asked, else the failures of the port."""
        check_request(request)
        arguments = arguments_of(request, self._options, streamed=listener is not None)
        await self.prepare()
        litellm = await loading.load()
        if listener is None:
            return await self._attempt(request, _whole(request, arguments, litellm))
        stream: Stream = await self._attempt(request, litellm.acompletion(**arguments))
        reading = StreamReading()
        try:
            while (text := await self._attempt(request, _next_text(stream, reading))) is not None:
                if text:
                    listener(text)
                # What has arrived is read without a pause, at 0.4 ms a piece: let others run.
                await asyncio.sleep(0)
            return await self._attempt(request, _ended(request, stream, reading, litellm))
        finally:
            await stream.aclose()

    async def prepare(self) -> None:
        """Load LiteLLM now, in a thread, rather than with the first call."""
        await self._attempt(None, loading.load())
        self._in_use.add(self)

    def window_tokens(self, model: str) -> int | None:
        """Return what the options say, else LiteLLM's own table once it is loaded."""
        if self._options.window_tokens is not None:
            return self._options.window_tokens
        window = _entry(model).get("max_input_tokens")
        return window if isinstance(window, int) and window > 0 else None

    def price(self, model: str) -> Price | None:
        """Return what LiteLLM's own table says, once it is loaded."""
        entry = _entry(model)
        each = [entry.get("input_cost_per_token"), entry.get("output_cost_per_token")]
        if not all(isinstance(cost, int | float) and cost >= 0 for cost in each):
            return None
        paid, got = (Decimal(str(cost)) * _MILLION for cost in each)
        return Price(input=paid, output=got)

    async def close(self) -> None:
        """Close the connections, unless another provider of this process still uses them."""
        self._in_use.discard(self)
        litellm = loading.loaded()
        if litellm is None or self._in_use:
            return
        await litellm.close_litellm_async_clients()
        cache = litellm.in_memory_llm_clients_cache
        for key, client in list(cache.cache_dict.items()):
            # It would go on using the clients of OpenAI's library, which never open again. Others
            # do; and some are kept elsewhere too, and are only closed as long as they stand here.
            is_closed = getattr(client, "is_closed", None)
            if callable(is_closed) and is_closed():
                cache.delete_cache(key)

    async def _attempt(self, request: ModelRequest | None, doing: Awaitable[_Result]) -> _Result:
        try:
            return await doing
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001 - LiteLLM raises anything; each has its place
            failure = failure_of(
                error,
                model=request.model if request is not None else "litellm",
                secrets=self._options.secret_texts(),
                clock=self._clock,
            )
        # Outside, so that LiteLLM's error, with the conversation and the key in it, is let go of.
        raise failure


def _entry(model: str) -> Mapping[str, object]:
    """Return what LiteLLM knows of a model, nothing before it is loaded."""
    litellm = loading.loaded()
    if litellm is None:
        return {}
    names = (model, model.partition("/")[2])
    return next((found for name in names if (found := litellm.model_cost.get(name))), {})


async def _whole(
    request: ModelRequest, arguments: dict[str, object], litellm: LiteLLM
) -> ModelAnswer:
    return answer_from_whole(request, await litellm.acompletion(**arguments))


async def _next_text(stream: Stream, reading: StreamReading) -> str | None:
    """Return what the next piece adds, perhaps nothing; None after the last."""
    piece = await anext(stream, None)
    return None if piece is None else reading.take(piece)


async def _ended(
    request: ModelRequest, stream: Stream, reading: StreamReading, litellm: LiteLLM
) -> ModelAnswer:
    return reading.answer(request, stream, litellm)
