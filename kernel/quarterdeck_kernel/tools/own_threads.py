"""Threads for synchronous tools: one of its own for each call.

Never the loop's shared pool: a call that nobody waits for any more would keep a place in it, and
the interpreter would wait for it at exit. These threads are daemons: they end with the process.
"""

import threading
from collections.abc import Callable

from quarterdeck_kernel.errors import ToolNotStartedError
from quarterdeck_kernel.vocabulary.limits import TOOL_THREADS


class OwnThreads:
    """Starts threads, up to a number that are alive at once."""

    def __init__(self, limit: int) -> None:
        """Allow so many."""
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit)

    def start(self, body: Callable[[], Callable[[], None]], name: str) -> None:
        """Run `body` in a thread, or raise `ToolNotStartedError`: then nothing has happened.

        What `body` returns is called last, when the place is free again: it tells of the end, and
        whoever is told may begin the next call.
        """
        if not self._free.acquire(blocking=False):
            message = (
                f"{name} was not called: {self._limit} calls of synchronous tools are running "
                "or hanging; wait for some to end, or give the hanging tools a timeout of theirs"
            )
            raise ToolNotStartedError(message)

        def run() -> None:
            try:
                tell = body()
            finally:
                self._free.release()
            tell()

        try:
            threading.Thread(target=run, name=name, daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            message = f"{name} was not called: the system gives no thread for it ({error})"
            raise ToolNotStartedError(message) from error


TOOL_CALLS = OwnThreads(TOOL_THREADS)
"""The threads of this process's tool calls."""
