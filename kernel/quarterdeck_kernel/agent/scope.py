"""Which tools an agent sees: every filter has to let a tool through."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from quarterdeck_kernel.projections.conditions import Conditions


class ToolScope(NamedTuple):
    """One filter: everything, only these, or all but these."""

    mode: Literal["all", "allow", "deny"] = "all"
    tools: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Tell whether this filter lets a tool through."""
        match self.mode:
            case "all":
                return True
            case "allow":
                return name in self.tools
            case "deny":
                return name not in self.tools


def in_force(conditions: Conditions) -> tuple[ToolScope, ...]:
    """Return what people have set: for the run, and for the turn that comes."""
    filters = [ToolScope(conditions.scope, conditions.scope_tools)]
    overlay = conditions.overlay
    if overlay is not None:
        filters.append(ToolScope(overlay.scope, overlay.tools))
    return tuple(filters)


def visible(names: Iterable[str], conditions: Conditions) -> frozenset[str]:
    """Return those of the tools that the next request may offer."""
    filters = in_force(conditions)
    return frozenset(name for name in names if all(each.allows(name) for each in filters))
