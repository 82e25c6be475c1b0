"""Tools by which an agent speaks of its own work: think, note, plan. Nothing outside changes."""

from typing import Annotated

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from quarterdeck_kernel.tools.builtin.bounds import PLAN_ITEMS
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.report import Progress
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of


@dataclass(frozen=True, kw_only=True)
class PlanItem:
    """One thing to do, and whether it is done."""

    text: Annotated[str, Field(min_length=1)]
    done: bool = False


async def think(thought: str) -> str:  # noqa: ARG001 - it stands in the log
    """Think something through before going on. Nothing happens.

    Args:
        thought: the thought
    """
    return "go on"


async def note(text: str) -> str:  # noqa: ARG001 - as above
    """Note something for whoever follows this run: a finding, a doubt, a reason.

    Args:
        text: the note
    """
    return "noted"


async def plan(
    context: ToolContext, items: Annotated[list[PlanItem], Field(max_length=PLAN_ITEMS)]
) -> dict[str, JsonValue]:
    """Say what is to be done, and what of it is done. Call it again with the whole plan when that
    changes: progress is told by it.

    Args:
        items: all that is to be done, in order
    """  # noqa: D205 - a model reads it as one paragraph
    done = sum(item.done for item in items)
    context.report.progress = Progress(done, len(items))
    return {"done": done, "total": len(items)}


def thinking_tools() -> tuple[Tool, ...]:
    """Return the tools."""
    return tuple(tool_of(one, effect="read", version="1") for one in (think, note, plan))
