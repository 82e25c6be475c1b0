"""The streams to a server, and noticing at once that they have ended."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import anyio

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.mcp.server import HttpServer, McpServer, StdioServer

if TYPE_CHECKING:
    from mcp.client._transport import ReadStream, TransportStreams
    from mcp.shared.message import SessionMessage

_LOG_BYTES = 1024 * 1024

Secrets = Callable[[str], str | None]
"""Returns the secret of a name, if there is one."""


def secret_in_environment(name: str) -> str | None:
    """Return a secret that is a variable of this process's environment."""
    return os.environ.get(name)


class Watched:
    """A stream of messages that tells when it has ended."""

    def __init__(
        self, stream: "ReadStream[SessionMessage | Exception]", over: asyncio.Event
    ) -> None:
        self._stream = stream
        self._over = over

    async def receive(self) -> "SessionMessage | Exception":
        """Return the next message."""
        try:
            return await self._stream.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._over.set()
            raise

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "SessionMessage | Exception":
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(exc_type, exc_val, exc_tb)


@asynccontextmanager
async def streams_to(
    server: McpServer, secrets: Secrets, log: TextIO, over: asyncio.Event
) -> AsyncIterator["TransportStreams"]:
    """Open the streams to a server; `over` is set when what comes from it has ended."""
    async with (
        _stdio(server, secrets, log)
        if isinstance(server, StdioServer)
        else _http(server, secrets) as (read, write)
    ):
        yield Watched(read, over), write


@asynccontextmanager
async def _stdio(
    server: StdioServer, secrets: Secrets, log: TextIO
) -> AsyncIterator["TransportStreams"]:
    from mcp import StdioServerParameters, stdio_client  # noqa: PLC0415 - half a second

    parameters = StdioServerParameters(
        command=server.command,
        args=[*server.args],
        env={**server.environment, **_told(server.secrets, secrets)},
        cwd=server.folder,
    )
    async with stdio_client(parameters, errlog=log) as streams:
        yield streams


@asynccontextmanager
async def _http(server: HttpServer, secrets: Secrets) -> AsyncIterator["TransportStreams"]:
    import httpx2  # noqa: PLC0415 - as above; what mcp itself speaks HTTP with
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - as above

    headers = {**server.headers, **_told(server.secrets, secrets)}
    timeout = httpx2.Timeout(server.connect_s, read=server.call_s)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout) as client,
        streamable_http_client(server.url, http_client=client) as streams,
    ):
        yield streams


def _told(named: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """Return the secrets that are named, at the moment they are needed."""
    told = {}
    for place, name in named.items():
        secret = secrets(name)
        if secret is None:
            raise InvalidError(f"there is no secret called {name!r}; set it, or take it out")
        told[place] = secret
    return told


def open_log(path: Path | None) -> TextIO:
    """Open the file that a server's complaints go to; a long one is begun anew."""
    if path is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.unlink()
    return path.open("a", encoding="utf-8", errors="replace")
