"""Helpers: MCP servers as real processes, and kernels that use their tools."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quarterdeck_kernel import Kernel, Tenant, Tool
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.tools.mcp.health import Health
from quarterdeck_kernel.tools.mcp.server import HttpServer, StdioServer
from quarterdeck_kernel.tools.mcp.source import McpSource
from tests.kernel.tools.builtin.hands import until

ODD = str(Path(__file__).with_name("odd_server.py"))


def odd(folder: Path, **more: Any) -> StdioServer:  # noqa: ANN401 - fields of the settings
    return StdioServer(name="odd", command=sys.executable, args=(ODD, str(folder)), **more)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@asynccontextmanager
async def odd_over_http(folder: Path, port: int) -> AsyncIterator[HttpServer]:
    """Run the odd server on loopback."""
    process = await asyncio.create_subprocess_exec(sys.executable, ODD, str(folder), str(port))
    try:
        yield HttpServer(name="odd", url=f"http://127.0.0.1:{port}/mcp", call_s=20)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def kill(folder: Path) -> None:
    """Kill the odd server that said last that it is there."""
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


async def health_of(source: McpSource, *, connected: bool) -> Health:
    """Wait until the one server is, or is not, connected."""
    await until(lambda: source.health()[0].connected is connected)
    return source.health()[0]


def named(tools: tuple[Tool, ...]) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools}


@asynccontextmanager
async def deck(*tools: Tool) -> AsyncIterator[Kernel]:
    """A kernel in memory whose tenant may use all tools."""
    capabilities = frozenset(tool.capability for tool in tools if tool.capability)
    tenant = Tenant(tenant_id="local", capabilities=capabilities, budget_micros=1)
    async with Kernel(await open_store(":memory:"), tools=tools, tenants=[tenant]) as kernel:
        yield kernel
