"""Crashes at named points: the process dies where a test says.

`CrashAt` kills for real, so it belongs into a process that the test started. `RaiseAt` only
unwinds, for tests in one process; what a `finally` tidies up on the way is tidied up then.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn, Self

from quarterdeck_kernel import crash_point


class Crashed(BaseException):
    """Stands for the death of the process. No handler of ordinary errors may catch it."""


class CrashAt:
    """Kills this process with SIGKILL when the point `name` is reached for the `nth` time."""

    def __init__(self, name: str, nth: int = 1) -> None:
        """Choose the moment; nothing is installed before the context is entered."""
        assert nth >= 1, f"points are counted from 1, not from {nth}"
        self.name = name
        self.nth = nth
        self.reached = 0

    def __enter__(self) -> Self:
        """Begin to count."""
        crash_point.listen(self._count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop counting."""
        crash_point.listen(None)

    def _count(self, name: str) -> None:
        if name == self.name:
            self.reached += 1
            if self.reached == self.nth:
                self._die()

    def _die(self) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable: SIGKILL cannot be caught")


class RaiseAt(CrashAt):
    """Raises `Crashed` in place of killing the process."""

    def _die(self) -> NoReturn:
        raise Crashed(f"{self.name} reached for the {self.nth}. time")


@contextmanager
def recorded_points() -> Iterator[list[str]]:
    """Collect the names of the crash points reached, in order, repeats included."""
    names: list[str] = []
    crash_point.listen(names.append)
    try:
        yield names
    finally:
        crash_point.listen(None)
