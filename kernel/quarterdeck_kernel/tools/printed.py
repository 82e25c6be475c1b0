"""What tools print, kept off the screen.

While the kernel is open, `sys.stdout` and `sys.stderr` ask who writes: a tool's text goes to the
printout of its call, everybody else's passes through. A tool is known by its context, which its
tasks and its thread carry; threads it starts by itself, and child processes, write as ever.
"""

import io
import sys
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TextIO, cast

from quarterdeck_kernel.vocabulary.limits import PRINTED_CHARS


class Printout:
    """What one call printed, up to a bound; safe to write to from several threads."""

    def __init__(self) -> None:
        """Begin with nothing printed."""
        self._lock = threading.Lock()
        self._pieces: list[str] = []
        self._kept = 0
        self._dropped = 0

    def write(self, text: str) -> None:
        """Keep what there is room for, and count the rest."""
        with self._lock:
            room = PRINTED_CHARS - self._kept
            piece = text[:room]
            if piece:
                self._pieces.append(piece)
                self._kept += len(piece)
            self._dropped += len(text) - len(piece)

    @property
    def text(self) -> str:
        """What was printed so far, and how much of it was not kept."""
        with self._lock:
            text = "".join(self._pieces)
            self._pieces = [text] if text else []
            dropped = self._dropped
        return f"{text}\n({dropped} more characters were printed)" if dropped else text


current_printout: ContextVar[Printout | None] = ContextVar("current_printout", default=None)
"""The printout of the call that this code runs in, if any."""


class _Bytes(io.RawIOBase):
    """The binary side of a printout, for those who write to `sys.stdout.buffer`."""

    def __init__(self, printout: Printout) -> None:
        self._printout = printout

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        written = bytes(cast("bytes", data))
        self._printout.write(written.decode(errors="replace"))
        return len(written)


class _Stream:
    """Stands for `sys.stdout` or `sys.stderr`; whatever it does not know, the original does."""

    def __init__(self, original: TextIO) -> None:
        self.original = original

    def write(self, text: str) -> int:
        printout = current_printout.get()
        if printout is None:
            return self.original.write(text)
        printout.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_printout.get() is None:
            self.original.flush()

    def isatty(self) -> bool:
        return current_printout.get() is None and self.original.isatty()

    def fileno(self) -> int:
        if current_printout.get() is None:
            return self.original.fileno()
        message = "a tool's output has no file descriptor; capture what a child process prints"
        raise io.UnsupportedOperation(message)

    @property
    def buffer(self) -> object:
        printout = current_printout.get()
        return self.original.buffer if printout is None else _Bytes(printout)

    def __getattr__(self, name: str) -> object:
        return getattr(self.original, name)


_lock = threading.Lock()
_users = 0


def install() -> None:
    """Begin to take aside what tools print. To be undone by `uninstall` as often as called."""
    global _users  # noqa: PLW0603 - sys.stdout is one for the process, and so is this
    with _lock:
        _users += 1
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            # Somebody may have covered a stream of ours since, or put it back.
            if stream is not None and not isinstance(stream, _Stream):
                setattr(sys, name, _Stream(stream))


def uninstall() -> None:
    """Give the streams back, unless somebody else has replaced them since."""
    global _users  # noqa: PLW0603 - see install
    with _lock:
        _users -= 1
        if _users == 0:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _Stream):
                    setattr(sys, name, stream.original)
