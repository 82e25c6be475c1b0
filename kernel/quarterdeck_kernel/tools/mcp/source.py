"""The tools of all servers that are configured, as tools like any others.

What a server says of a tool becomes its effect and risk; its schema is its version, so that an
approval of one thing is none of another.
"""

import asyncio
import base64
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import JsonValue

from quarterdeck_kernel.canonical import digest
from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.errors import InvalidError, PermanentToolError
from quarterdeck_kernel.tools.callee import Callee
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.mcp.connection import Connection
from quarterdeck_kernel.tools.mcp.health import Health
from quarterdeck_kernel.tools.mcp.schema_arguments import ARGUMENTS, SchemaArguments
from quarterdeck_kernel.tools.mcp.server import McpServer
from quarterdeck_kernel.tools.mcp.transport import Secrets, secret_in_environment
from quarterdeck_kernel.tools.plain import plain, shown
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.messages import ToolSchema
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Effect, Risk

if TYPE_CHECKING:
    import mcp

_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS = 64
_HASH_CHARS = 8
_DESCRIPTION_CHARS = 4_000
_TEXT_CHARS = 100_000
_VERSION_CHARS = 16
_TRIES = 5
"""As long as a server takes to be started again."""


class McpSource:
    """Keeps the connections to servers up; `async with`, or `start` and `close`."""

    def __init__(
        self,
        servers: Iterable[McpServer],
        *,
        clock: Clock | None = None,
        secrets: Secrets = secret_in_environment,
        logs: Path | None = None,
    ) -> None:
        """Prepare; `logs` is the folder for what servers complain of."""
        self._connections: dict[str, Connection] = {}
        for server in servers:
            if server.name in self._connections:
                raise InvalidError(f"two MCP servers are called {server.name!r}; rename one")
            log = logs / f"mcp-{server.name}.log" if logs is not None else None
            self._connections[server.name] = Connection(
                server, clock=clock or SystemClock(), secrets=secrets, log=log
            )
        self._left_out: dict[str, tuple[str, ...]] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def start(self) -> tuple[Tool, ...]:
        """Connect to all servers at once; return the tools of those that are there."""
        await asyncio.gather(*[one.start() for one in self._connections.values()])
        return self.tools()

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*[one.close() for one in self._connections.values()])

    def health(self) -> tuple[Health, ...]:
        """Return how each server fares."""
        return tuple(
            Health(
                server=name,
                connected=one.health.connected,
                since_us=one.health.since_us,
                failures=one.health.failures,
                last_error=one.health.last_error,
                tools=one.health.tools,
                left_out=self._left_out.get(name, ()),
            )
            for name, one in self._connections.items()
        )

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools of all servers that were there at least once."""
        made: dict[str, Tool] = {}
        for name, connection in self._connections.items():
            left_out = []
            for told in sorted(connection.tools.values(), key=lambda tool: tool.name):
                try:
                    tool = _tool(connection, told)
                except InvalidError as error:
                    left_out.append(f"{shown(told.name)}: {error}")
                else:
                    made[tool.name] = tool
            self._left_out[name] = tuple(left_out)
        return tuple(made.values())


def tool_name(server: str, tool: str) -> str:
    """Return the name of a server's tool among all tools, as providers take names."""
    safe = f"{server}__{_UNSAFE.sub('_', tool)}"
    if safe == f"{server}__{tool}" and len(safe) <= _NAME_CHARS:
        return safe
    # Shortened or changed names might meet: what they were tells them apart.
    end = f"_{digest([server, tool])[:_HASH_CHARS]}"
    return safe[: _NAME_CHARS - len(end)] + end


def _tool(connection: Connection, told: "mcp.Tool") -> Tool:
    server = connection.server
    name = tool_name(server.name, told.name)
    arguments = SchemaArguments(name, told.input_schema)
    version = version_of(told)

    async def call(context: ToolContext, arguments: dict[str, JsonValue]) -> JsonValue:
        now = connection.tools.get(told.name)
        if now is None or version_of(now) != version:
            raise PermanentToolError(
                f"the MCP server {server.name!r} offers another {told.name!r} now, or none; the "
                "tools have to be read again"
            )
        result = await connection.call(
            told.name, arguments, key=context.idempotency_key, timeout_s=context.timeout_s
        )
        return _result(result)

    description = (told.description or told.title or told.name)[:_DESCRIPTION_CHARS]
    effect = _effect(server, told)
    return Tool(
        name=name,
        description=description,
        arguments=arguments,
        schema=ToolSchema(name=name, description=description, parameters=arguments.schema),
        effect=effect,
        capability=f"mcp:{server.name}",
        risk=_risk(server, told, effect),
        version=version,
        retry=RetryPolicy(tries=_TRIES, timeout_s=server.call_s),
        answered_by_caller=False,
        body=Callee(function=call, names=(ARGUMENTS,), context_name="context"),
        previewer=None,
        prober=None,
    )


def version_of(told: "mcp.Tool") -> str:
    """Return the version of a server's tool: what it takes, gives, and says of itself."""
    hints = told.annotations.model_dump(mode="json") if told.annotations is not None else None
    return digest([plain(told.input_schema), plain(told.output_schema), hints])[:_VERSION_CHARS]


def _effect(server: McpServer, told: "mcp.Tool") -> Effect:
    if told.name in server.effects:
        return server.effects[told.name]
    hints = told.annotations
    if hints is None or not server.trust_hints:
        return "once"
    if hints.read_only_hint:
        return "read"
    return "idempotent" if hints.idempotent_hint else "once"


def _risk(server: McpServer, told: "mcp.Tool", effect: Effect) -> Risk:
    if effect == "read":
        return "low"
    hints = told.annotations
    harmless = hints is not None and server.trust_hints and hints.destructive_hint is False
    return "medium" if harmless else "high"


def _result(result: "mcp.types.CallToolResult") -> JsonValue:
    """Return what a server gave, in bounded length; what it calls an error is one."""
    parts: list[str] = []
    for item in result.content:
        match item.type:
            case "text":
                parts.append(item.text)
            case "image" | "audio":
                size = len(base64.b64decode(item.data, validate=False))
                parts.append(f"({item.mime_type}, {size:,} bytes, not shown)")
            case kind:
                parts.append(f"({kind}, not shown)")
    text = "\n".join(parts)
    if len(text) > _TEXT_CHARS:
        text = f"{text[:_TEXT_CHARS]}… ({len(text):,} characters)"
    if result.is_error:
        raise PermanentToolError(text or "the server says that it failed, and not why")
    structured = result.structured_content
    if structured is not None and len(str(structured)) <= _TEXT_CHARS:
        return plain(structured)
    return text
