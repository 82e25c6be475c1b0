"""A function of somebody else's, and how it is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from quarterdeck_kernel.tools.call import Call
from quarterdeck_kernel.tools.context import ToolContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """The function, the names it takes, and the parameter that gets the context, if one does.

    `threaded`: it may block, so that it runs in a thread of its own.
    """

    function: Callable[..., object]
    names: tuple[str, ...]
    context_name: str | None = None
    threaded: bool = False

    def start(self, name: str, context: ToolContext | None, values: Mapping[str, object]) -> Call:
        """Call it with those of the values that it takes."""
        given = {name: values[name] for name in self.names if name in values}
        if self.context_name is not None:
            given[self.context_name] = context
        call = Call(name)
        call.start(partial(self.function, **given), threaded=self.threaded)
        return call
