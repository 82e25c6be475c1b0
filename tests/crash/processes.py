"""Processes that a test starts, talks with and kills.

Forked, not spawned: a process is there in milliseconds, with everything imported. So a test that
forks has no event loop of its own running and no store open.
"""

import asyncio
import multiprocessing
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 60
"""No process of ours is silent for as long; it turns a hang into a failure."""

Work = Callable[[Connection], Coroutine[Any, Any, None]]


class ChildFailedError(AssertionError):
    """The process ended with an error; this is its traceback."""


class Child:
    """A process that runs a coroutine, with a pipe between it and the test."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, far_end = context.Pipe()
        self._process = context.Process(target=_main, args=(work, far_end, self.pipe), daemon=True)
        with warnings.catch_warnings():
            # Newer Pythons warn of any thread, also of one that has nothing to do with this.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        far_end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.is_alive() and error is not None:
            self.kill()
        self._process.join(PATIENCE_S)
        code = self._process.exitcode
        self._process.close()
        self.pipe.close()
        assert code is not None or error is not None, "the process does not end"

    def say(self, word: object) -> None:
        self.pipe.send(word)

    def hear(self) -> Any:  # noqa: ANN401 - whatever was said
        """Return what the process says next; raise EOFError if it is dead."""
        assert self.pipe.poll(PATIENCE_S), "the process is silent"
        word = self.pipe.recv()
        if isinstance(word, _Failure):
            raise ChildFailedError(word.text)
        return word

    def hear_all(self) -> list[Any]:
        """Return everything the process says until it ends."""
        words = []
        try:
            while True:
                words.append(self.hear())
        except (EOFError, ConnectionResetError):
            return words

    def kill(self) -> None:
        """Kill it, whatever it is at."""
        self._process.kill()
        self._process.join(PATIENCE_S)

    @property
    def was_killed(self) -> bool:
        self._process.join(PATIENCE_S)
        return self._process.exitcode == -signal.SIGKILL


class _Failure:
    def __init__(self, text: str) -> None:
        self.text = text


def _main(work: Work, pipe: Connection, near_end: Connection) -> None:
    near_end.close()
    try:
        asyncio.run(work(pipe))
    except BaseException:  # noqa: BLE001 - told to the test, which raises it
        pipe.send(_Failure(traceback.format_exc()))
    finally:
        pipe.close()
        # Nothing of the test's own tidying up is this process's business.
        os._exit(0)
