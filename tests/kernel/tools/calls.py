"""Helpers: a context, and tools made from functions without ceremony."""

from collections.abc import Callable

from pydantic import JsonValue

from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

CONTEXT = ToolContext(
    run_id="run-1",
    tenant="default",
    step_key="pay-1",
    tool="pay",
    call_id=None,
    idempotency_key="key-1",
    attempt=1,
    timeout_s=5.0,
)


def one_argument(annotation: object, default: object = ...) -> Tool:
    """A tool with one parameter `x`, that returns what it was given."""

    def give(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return x

    give.__annotations__["x"] = annotation
    if default is not ...:
        give.__defaults__ = (default,)
    return tool_of(give)


def value_of(tool: Tool, arguments: str | dict[str, object]) -> object:
    """What the function would get as `x`."""
    return tool.arguments.values(tool.parse(arguments))["x"]


async def returned(function: Callable[..., object], **arguments: JsonValue) -> object:
    """What a call returns."""
    tool = tool_of(function)
    return await tool.call(CONTEXT, tool.parse(arguments))
