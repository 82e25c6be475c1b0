"""Named places at which a test may kill the process.

The production code says `crash_point("store.commit.before")`; the injector of
`quarterdeck_kernel.testing` decides whether this is the moment. Nothing else may hang on it.
"""

from collections.abc import Callable

_listener: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """Mark a place where the process may die; costs one comparison when nobody listens."""
    if _listener is not None:
        _listener(name)


def listen(listener: Callable[[str], None] | None) -> None:
    """Install what is told of every crash point reached, or remove it with `None`."""
    global _listener  # noqa: PLW0603 - one process dies once; a parameter through every layer would be worse
    _listener = listener
