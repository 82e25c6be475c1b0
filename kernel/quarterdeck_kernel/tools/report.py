"""What a call reports besides its result: the files it changes, and how far its plan has come.

A file's old content is kept before the file is replaced, so that no crash can lose it. What was
changed is reported by whoever changed it, in one breath with the change: a call that was given up
changes nothing any more, and what it changed until then is known.
"""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quarterdeck_kernel.errors import InvalidError, ToolAbortedError, TransientToolError

_PATIENCE_S = 60.0

Operation = Literal["written", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file, and the SHA-256 of what it held before and holds now; None where there was none.

    `size` is that of what it holds now, in bytes.
    """

    path: str
    operation: Operation
    before: str | None
    after: str | None
    size: int = 0


class Progress(NamedTuple):
    """How many items of a plan are done, and how many there are."""

    done: int
    total: int


def sha256_of(content: bytes) -> str:
    """Return the name of content in reports and preconditions."""
    return hashlib.sha256(content).hexdigest()


class Report:
    """What one call reports. Where nobody keeps content, as in a test of a tool, it is only named.

    `keep` and `change` are for functions in threads of their own; both may block.
    """

    def __init__(self, put: Callable[[bytes], Awaitable[str | None]] | None = None) -> None:
        """Keep content by `put`, which is awaited in the loop that is running now.

        It returns the name under which the content is kept, or None where it must not be.
        """
        self._put = put
        self._loop = asyncio.get_running_loop() if put is not None else None
        self._loop_thread = threading.get_ident()
        self._lock = threading.Lock()
        self._closed = False
        self.kept: dict[str, str] = {}
        self.changes: list[FileChange] = []
        self.progress: Progress | None = None

    def keep(self, content: bytes) -> str:
        """Keep content for good, on disk when this returns; return its SHA-256."""
        name = sha256_of(content)
        if self._put is None or self._loop is None or name in self.kept:
            return name
        if threading.get_ident() == self._loop_thread:
            raise InvalidError("content is kept from a thread; make the tool a plain function")
        self._check_open()
        waiting = asyncio.run_coroutine_threadsafe(_awaited(self._put(content)), self._loop)
        try:
            kept = waiting.result(_PATIENCE_S)
        except TimeoutError as error:
            waiting.cancel()
            text = f"the old content could not be kept within {_PATIENCE_S:g} s; nothing was done"
            raise TransientToolError(text) from error
        if kept is not None:
            self.kept[name] = kept
        return name

    def change(self, change: FileChange, act: Callable[[], None]) -> None:
        """Change a file by `act`, unless nobody waits for this call any more."""
        with self._lock:
            self._check_open()
            act()
            self.changes.append(change)

    def found(self, change: FileChange) -> None:
        """Report a change that an earlier try of this call has made."""
        self.change(change, lambda: None)

    def close(self) -> None:
        """Let nothing more be changed; what was changed is known from here on."""
        with self._lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ToolAbortedError("nobody waits for this call any more; nothing was changed")


async def _awaited(work: Awaitable[str | None]) -> str | None:
    return await work
