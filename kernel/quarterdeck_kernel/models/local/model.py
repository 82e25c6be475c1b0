"""The provider of a local model: its server is started when it is first asked, and is its own.

What it costs is nothing. A server that has died is started again with the next try.
"""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Final

from platformdirs import user_state_path

from quarterdeck_kernel.errors import ModelError, ModelPermanentError, ModelTransientError
from quarterdeck_kernel.models.litellm_adapter import LiteLLMModel
from quarterdeck_kernel.models.litellm_adapter.options import LiteLLMOptions
from quarterdeck_kernel.models.local.by_schema import with_calls, without_tools
from quarterdeck_kernel.models.local.server import START_S, LocalServer
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.models.request_check import check_request
from quarterdeck_kernel.vocabulary.price import Price

WINDOW_TOKENS: Final = 8_192
_ANSWER_SHARE: Final = 8
"""Of the window, for an answer that nobody bounds: small models may never come to an end."""


def log_file() -> Path:
    """Return where the servers of local models say what they do."""
    return user_state_path("quarterdeck", appauthor=False) / "local-model.log"


class LocalModel:
    """Implements `port.ModelPort` upon a GGUF file, through a server of our own."""

    def __init__(
        self,
        gguf: Path,
        *,
        window_tokens: int | None = None,
        log: Path | None = None,
        start_s: float = START_S,
    ) -> None:
        """Remember what is to be served; nothing is read or started yet."""
        self._gguf = gguf
        self._window = window_tokens or WINDOW_TOKENS
        self._log = log or log_file()
        self._start_s = start_s
        self._starting = asyncio.Lock()
        self._server: LocalServer | None = None
        self._port: LiteLLMModel | None = None

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Ask once. Where tools are offered nothing is told before it is known what it means."""
        check_request(request)
        server, port = await self._up()
        asked = without_tools(request).model_copy(update={"model": "openai/local"})
        try:
            answer = await port.complete(asked, listener=None if request.tools else listener)
        except ModelPermanentError:
            raise
        except ModelError as error:
            # Only the process itself knows at once that it has ended.
            if not await server.gone():
                raise
            raise ModelTransientError(
                f"the server of {request.model!r} has ended with {server.exit_code}, and is "
                f"started again with the next try; look into {str(self._log)!r}"
            ) from error
        free = answer.model_copy(update={"model": request.model, "cost_micros": 0})
        return with_calls(request, free)

    def window_tokens(self, model: str) -> int | None:  # noqa: ARG002 - it has one
        """Return the window that it is served with."""
        return self._window

    def price(self, model: str) -> Price | None:  # noqa: ARG002 - it has one
        """Return that it is free."""
        return Price(input=Decimal(0), output=Decimal(0))

    async def close(self) -> None:
        """End the server."""
        async with self._starting:
            await self._down()

    async def _up(self) -> tuple[LocalServer, LiteLLMModel]:
        """Return a server that runs, and the way to it."""
        async with self._starting:
            if self._server is not None and self._server.exit_code is not None:
                await self._down()
            if self._server is None or self._port is None:
                self._server = await LocalServer.start(
                    self._gguf,
                    window_tokens=self._window,
                    log=self._log,
                    start_s=self._start_s,
                )
                options = {
                    "api_base": f"{self._server.url}/v1",
                    "api_key": self._server.api_key,
                    "max_tokens": max(1, self._window // _ANSWER_SHARE),
                    "window_tokens": self._window,
                }
                self._port = LiteLLMModel(LiteLLMOptions.model_validate(options))
            return self._server, self._port

    async def _down(self) -> None:
        server, port = self._server, self._port
        self._server = self._port = None
        try:
            if port is not None:
                await port.close()
        finally:
            if server is not None:
                await server.close()
