"""Helpers: calling a built-in tool as the engine does, without an engine."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Tool, ToolContext
from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.root import Root
from tests.kernel.tools.calls import CONTEXT


def context(**given: Any) -> ToolContext:  # noqa: ANN401 - fields of the context
    return replace(CONTEXT, **given)


async def call(tool: Tool, **arguments: object) -> dict[str, Any]:
    """Show what the tool would do, and call it upon that."""
    data = tool.parse(arguments)
    return await shown_call(tool, await tool.preview(data), data)


async def shown_call(
    tool: Tool,
    preview: JsonValue,
    data: dict[str, JsonValue],
    **given: Any,  # noqa: ANN401 - as above
) -> dict[str, Any]:
    result = await tool.call(context(preview=preview, **given), data)
    assert isinstance(result, dict)
    return result


async def refusal(tool: Tool, **arguments: object) -> str:
    """Return what the tool says instead of doing it."""
    with pytest.raises(PermanentToolError) as caught:
        await call(tool, **arguments)
    return str(caught.value)


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return all that is in a folder, and what is in it."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def rooted(folder: Path, **files: str) -> Root:
    """Return a root with these files in it; a double underscore stands for a dot."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return Root(folder)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another process, which tells nobody what it does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
