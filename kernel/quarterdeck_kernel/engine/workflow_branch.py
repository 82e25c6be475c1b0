"""Branches: where in a workflow's code something stands, when parts of it run side by side.

What runs side by side comes by in another order each time, so one count over all of it would give
a step the record of another. A task that the code starts is a branch, numbered within the branch
it came from by the order in which they first do something durable; so is the body of a step. Each
counts for itself, and its path is part of the keys of what stands in it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_BODY = "s"


class Branch:
    """One line of code, in which one thing follows the other."""

    def __init__(self, path: str, task: asyncio.Task[object] | None) -> None:
        self.path = path
        self.task = task
        self.position = 0
        self._children = 0
        self._counts: Counter[str] = Counter()

    def key(self, kind: str, name: str | None = None) -> str:
        """Return the key of the next thing of a name: the second of the same is told apart."""
        place = f"[{self.path}]" if self.path else ""
        key = f"{kind}{place}" if name is None else f"{kind}{place}:{name}"
        self._counts[key] += 1
        count = self._counts[key]
        return key if count == 1 else f"{key}#{count}"

    def child(self, task: asyncio.Task[object] | None) -> "Branch":
        """Return the branch of a task that was started from this one."""
        self._children += 1
        return Branch(self._below(str(self._children)), task)

    def body(self, position: int) -> "Branch":
        """Return the branch of what a step does: on a rerun it may not be there at all."""
        return Branch(self._below(f"{_BODY}{position}"), self.task)

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


_branches: ContextVar[dict[object, Branch] | None] = ContextVar("branches", default=None)
"""By whose they are: a workflow may run another one."""


@contextmanager
def on(owner: object, branch: Branch) -> Iterator[None]:
    """Let the code that is run here stand on a branch."""
    token = _branches.set({**(_branches.get() or {}), owner: branch})
    try:
        yield
    finally:
        _branches.reset(token)


def root() -> Branch:
    """Return the branch that a workflow begins on."""
    return Branch("", asyncio.current_task())


def branch_of(owner: object) -> Branch:
    """Return the branch that the code which asks stands on."""
    known = _branches.get() or {}
    branch, task = known.get(owner), asyncio.current_task()
    if branch is None:
        # Called from a context that the workflow did not start: a branch nobody else is on.
        branch = Branch("", task)
    elif branch.task is task:
        return branch
    else:
        branch = branch.child(task)
    _branches.set({**known, owner: branch})
    return branch


def path_of(step_key: str) -> str:
    """Return the branch that a step's key names."""
    place, _, _ = step_key.partition(":")
    _, found, path = place.partition("[")
    return path.removesuffix("]") if found else ""


def in_a_body(path: str) -> bool:
    """Tell whether a branch is a part of a step: asked for only while that step runs."""
    return any(name.startswith(_BODY) for name in path.split("."))
