"""The connection to one server: entered and left in one task, made again whenever it has ended.

Calls come from any task. None of them waits for a connection: where there is none the call was not
made, and says so; where it ends under a call, what became of that call is not known here.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import PermanentToolError, ToolError, TransientToolError
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.tools.mcp.health import Health
from quarterdeck_kernel.tools.mcp.server import McpServer
from quarterdeck_kernel.tools.mcp.transport import Secrets, open_log, streams_to
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

if TYPE_CHECKING:
    import mcp

_AGAIN = RetryPolicy(tries=100, first_delay_s=0.5, longest_delay_s=30.0, jitter=0.0)
_CLOSE_S = 10.0
_TOOLS = 500
_PAGES = 50
_REFUSED = frozenset({-32700, -32600, -32601, -32602, -32020, -32021, -32022, -32042})
"""Codes by which a server says that it has not begun."""


class LostError(ToolError):
    """The connection ended under a call: it may or may not have been carried out."""


class Connection:
    """One server. Begun by `start`, and to be closed."""

    def __init__(
        self, server: McpServer, *, clock: Clock, secrets: Secrets, log: Path | None = None
    ) -> None:
        self.server = server
        self.tools: dict[str, mcp.Tool] = {}
        self.health = Health(server=server.name)
        self._clock = clock
        self._secrets = secrets
        self._log = log
        self._client: mcp.Client | None = None
        self._owner: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._lost = asyncio.Event()
        self._tried = asyncio.Event()
        self._was_up = False

    async def start(self) -> Health:
        """Begin to keep the connection up; return how the first attempt went."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._own(), name=f"mcp {self.server.name}")
        await self._tried.wait()
        return self.health

    async def close(self) -> None:
        """End the connection, and the server if it was started for it."""
        self._closing.set()
        self._lost.set()
        if self._owner is not None:
            _, left = await asyncio.wait([self._owner], timeout=_CLOSE_S)
            for task in left:
                task.cancel()
                await asyncio.wait([task])
            self._owner = None

    async def call(
        self, tool: str, arguments: dict[str, JsonValue], *, key: str, timeout_s: float
    ) -> "mcp.types.CallToolResult":
        """Call a tool of the server."""
        client, lost = self._client, self._lost
        if client is None:
            reason = self.health.last_error or "it is not connected yet"
            raise TransientToolError(
                f"the MCP server {self.server.name!r} is not there ({reason}); nothing was called"
            )
        from mcp import MCPError  # noqa: PLC0415 - loaded with the connection

        meta: Any = {"quarterdeck.dev/idempotency-key": key}
        calling = client.call_tool(tool, arguments, read_timeout_seconds=timeout_s, meta=meta)
        try:
            return await self._unless_lost(calling, lost)
        except MCPError as error:
            if error.code in _REFUSED:
                raise PermanentToolError(f"{self.server.name}: {error_text(error)}") from error
            if error.code == -32000:  # noqa: PLR2004 - MCP's "connection closed"
                lost.set()
            raise LostError(f"{self.server.name} broke off: {error_text(error)}") from error
        except OSError as error:
            lost.set()
            raise LostError(f"{self.server.name} broke off: {error_text(error)}") from error

    async def _unless_lost(
        self, calling: Awaitable["mcp.types.CallToolResult"], lost: asyncio.Event
    ) -> "mcp.types.CallToolResult":
        """Wait for an answer no longer than the connection lasts."""
        call = asyncio.ensure_future(calling)
        over = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({call, over}, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                return call.result()
            raise LostError(f"the connection to {self.server.name} ended under the call")
        finally:
            over.cancel()
            if not call.done():
                call.cancel()
                await asyncio.wait([call])

    # -- the owner

    async def _own(self) -> None:
        """Connect, stay, and connect again, until told to close."""
        while not self._closing.is_set():
            self._lost = asyncio.Event()
            self._was_up = False
            try:
                await self._stay()
            except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the health
                # What goes wrong while a lost connection is tidied up is no news.
                if not self._was_up:
                    self._down(_reason(error))
            self._tried.set()
            await self._wait(_AGAIN.delay_us(self.health.failures, 0.5))
        self._tried.set()

    async def _stay(self) -> None:
        from mcp import Client  # noqa: PLC0415 - half a second, and only where a server is used

        with open_log(self._log) as log:
            async with AsyncExitStack() as stack:
                lost = self._lost
                async with asyncio.timeout(self.server.connect_s):
                    streams = streams_to(self.server, self._secrets, log, lost)
                    client = await stack.enter_async_context(
                        Client(streams, read_timeout_seconds=self.server.call_s, cache=None)
                    )
                    self.tools = await _all_tools(client)
                self._client = client
                self._up()
                try:
                    await lost.wait()
                finally:
                    # Told before the server is tidied away, which may take seconds.
                    self._client = None
                    self._down("the connection ended")

    def _up(self) -> None:
        self._was_up = True
        self.health = Health(
            server=self.server.name,
            connected=True,
            since_us=self._clock.now_us(),
            tools=len(self.tools),
        )
        self._tried.set()

    def _down(self, reason: str) -> None:
        first = self.health.connected or self.health.since_us is None
        self.health = Health(
            server=self.server.name,
            since_us=self._clock.now_us() if first else self.health.since_us,
            failures=1 if first else self.health.failures + 1,
            last_error=reason,
            tools=len(self.tools),
        )

    async def _wait(self, us: int) -> None:
        """Wait before another attempt, unless the connection is to be closed."""
        over = asyncio.Event()
        timer = self._clock.call_later(us, over.set)
        waits = [asyncio.ensure_future(event.wait()) for event in (over, self._closing)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            for wait in waits:
                wait.cancel()
                with suppress(asyncio.CancelledError):
                    await wait


async def _all_tools(client: "mcp.Client") -> "dict[str, mcp.Tool]":
    found: dict[str, mcp.Tool] = {}
    cursor = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        found.update((tool.name, tool) for tool in page.tools[: _TOOLS - len(found)])
        cursor = page.next_cursor
        if not cursor or len(found) >= _TOOLS:
            break
    return found


def _reason(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ModuleNotFoundError) and error.name == "mcp":
        return "MCP is not installed; run `pip install 'quarterdeck[mcp]'`"
    if isinstance(error, FileNotFoundError):
        return f"there is no program {shown(error.filename)}; install it, or mend the command"
    return f"{type(error).__name__}: {error_text(error)}"
