"""A real MCP server with odd tools, for tests: `python odd_server.py FOLDER [PORT]`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations

FOLDER = Path(sys.argv[1])
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else None

server = MCPServer("odd", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def look() -> str:
    """Look at something."""
    return "seen"


@server.tool(annotations=ToolAnnotations(idempotent_hint=True, destructive_hint=False))
async def put(name: str, value: int) -> dict[str, Any]:
    """Put a value under a name."""
    return {"name": name, "value": value}


@server.tool()
async def pay(amount: int) -> str:
    """Pay: says in a file that it began, and answers when another file lets it."""
    with (FOLDER / "payments").open("a") as file:
        file.write(f"{amount}\n")
    while not (FOLDER / "go").exists():  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(0.01)
    return f"paid {amount}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def wait() -> str:
    """Wait for ever."""
    with (FOLDER / "waits").open("a") as file:
        file.write("x\n")
    await asyncio.sleep(600)
    return "never"


@server.tool()
async def fail() -> CallToolResult:
    """Fail, and say so."""
    said = TextContent(type="text", text="the till is empty")
    return CallToolResult(content=[said], is_error=True)


@server.tool()
async def flood() -> str:
    """Say too much."""
    return "x" * 500_000


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def environment() -> list[str]:
    """Tell the names of all variables, and one value."""
    sys.stderr.write("a complaint\n")
    sys.stderr.flush()
    return [*sorted(os.environ), os.environ.get("ODD_TOKEN", "")]


@server.tool(name="odd name! " + "x" * 80)
async def oddly_named() -> str:
    """Have a name that no provider takes."""
    return "called"


(FOLDER / "pid").write_text(str(os.getpid()))
if PORT is None:
    server.run("stdio")
else:
    asyncio.run(server.run_streamable_http_async(port=PORT))
