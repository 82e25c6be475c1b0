"""Branches: where in a workflow's code something stands, when parts of it run side by side.

What runs side by side comes by in another order each time, so one count over all of it would give
a step the record of another. `Flow.gather` makes each of its parts a branch, numbered as they are
given; so is the body of a step. A branch counts for itself, and its path is part of the keys of
what stands in it. A task that the code starts by itself is no branch, because nobody knows in which
order such tasks were started: what it does is known by its name alone, which nobody else may use.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from quarterdeck_kernel.errors import InvalidError

_BODY = "s"

Task = asyncio.Task[object]


class Branch:
    """One line of code, in which one thing follows the other."""

    def __init__(self, path: str, task: Task | None) -> None:
        self.path = path
        self.task = task
        self._position = 0
        self._children = 0
        self._counts: Counter[str] = Counter()
        self._users: dict[str, Task | None] = {}
        self._unplaced: Branch | None = None

    def position(self) -> int:
        """Return the place of the next step; 0 in a task of its own, where none has a place."""
        if not self._is_here():
            return 0
        self._position += 1
        return self._position

    def key(self, kind: str, name: str | None = None) -> str:
        """Return the key of the next thing of a name: the second of the same is told apart."""
        place = f"[{self.path}]" if self.path else ""
        key = f"{kind}{place}" if name is None else f"{kind}{place}:{name}"
        self._check_alone(key, f"{kind} {name!r}" if name is not None else f"a {kind}", name)
        self._counts[key] += 1
        count = self._counts[key]
        return key if count == 1 else f"{key}#{count}"

    def child(self) -> "Branch":
        """Return a branch that begins here, for a task that is about to start."""
        if not self._is_here():
            raise _not_told_apart("flow.gather")
        self._children += 1
        return Branch(self._below(str(self._children)), None)

    def body(self, position: int) -> "Branch":
        """Return the branch of what a step does: on a rerun it may not be there at all."""
        if position:
            return Branch(self._below(f"{_BODY}{position}"), asyncio.current_task())
        # The steps that have no place share what stands in them: names tell it apart there, too.
        self._unplaced = self._unplaced or Branch(self._below(f"{_BODY}0"), None)
        return self._unplaced

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _is_here(self) -> bool:
        return self.task is asyncio.current_task()

    def _check_alone(self, key: str, what: str, name: str | None) -> None:
        """Refuse what only its order could tell apart, where there is none."""
        here = self._is_here()
        if not here and name is None:
            raise _not_told_apart(what)
        task = asyncio.current_task()
        if self._users.setdefault(key, task) is not task:
            raise _not_told_apart(what)


def _not_told_apart(what: str) -> InvalidError:
    return InvalidError(
        f"{what} is asked for by tasks that run side by side, and nothing tells them apart when "
        "the workflow is run again; start them with flow.gather, or give each step a name of its "
        "own"
    )


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
    """Return the branch that the code which asks stands on, or was started from."""
    branch = (_branches.get() or {}).get(owner)
    if branch is None:
        raise InvalidError("a flow is used outside of the workflow that it was made for")
    return branch


def path_of(step_key: str) -> str:
    """Return the branch that a step's key names."""
    place, _, _ = step_key.partition(":")
    _, found, path = place.partition("[")
    return path.removesuffix("]") if found else ""


def in_a_body(path: str) -> bool:
    """Tell whether a branch is a part of a step: asked for only while that step runs."""
    return any(name.startswith(_BODY) for name in path.split("."))
