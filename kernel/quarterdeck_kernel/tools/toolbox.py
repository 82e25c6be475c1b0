"""The tools of one kernel or agent, by name."""

import difflib
from collections.abc import Collection, Iterable

from quarterdeck_kernel.errors import InvalidError, UnknownToolError
from quarterdeck_kernel.tools.argument_problems import listed
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.messages import ToolSchema


class ToolBox:
    """Tools that are registered; in what order never matters."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        """Begin with these."""
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Register a tool. The same one twice is fine; two of one name are not."""
        there = self._tools.setdefault(tool.name, tool)
        if there is not tool and there != tool:
            message = f"there is another tool named {tool.name!r} already; give one of them name="
            raise InvalidError(message)

    def get(self, name: str) -> Tool:
        """Return the tool of that name, or raise `UnknownToolError` with the names there are."""
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownToolError(self._unknown(name))
        return tool

    def names(self) -> tuple[str, ...]:
        """Return all names, sorted."""
        return tuple(sorted(self._tools))

    def schemas(self, names: Collection[str] | None = None) -> tuple[ToolSchema, ...]:
        """Return what a model is told: of all tools, or of these; sorted by name."""
        chosen = self.names() if names is None else sorted(set(names))
        return tuple(self.get(name).schema for name in chosen)

    def _unknown(self, name: str) -> str:
        known = self.names()
        message = f"there is no tool {shown(name)}"
        # A name of any length may come from a model, and close matches cost its square.
        close = difflib.get_close_matches(name[:64], known, n=1)
        if close:
            message = f"{message}; did you mean {close[0]!r}?"
        return f"{message} (there are: {listed(known)})"
