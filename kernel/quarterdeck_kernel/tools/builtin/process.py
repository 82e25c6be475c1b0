"""One command, run in a process group of its own, that never outlives whoever waits for it.

Whatever the command has started in its group is killed when the command ends, runs out of time or
is given up, so that nothing of it goes on unseen. Its output is read to the end and kept in part.
"""

import asyncio
import fcntl
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import IO

from quarterdeck_kernel.tools.builtin.bounds import OUTPUT_CHARS

_CHUNK_BYTES = 64 * 1024
_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended: its exit code, minus the signal that ended it, or None out of time."""

    exit_code: int | None
    stdout: str
    stderr: str


class Kept:
    """The output of one stream: its beginning, its end, and how much there was between."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._dropped = 0

    def feed(self, stream: IO[bytes]) -> None:
        """Read a stream to its end."""
        with suppress(OSError, ValueError), stream:
            while piece := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
                self._take(piece)

    def _take(self, piece: bytes) -> None:
        room = OUTPUT_CHARS // 2 - len(self._head)
        self._head += piece[:room]
        rest = piece[room:]
        if rest:
            self._tail.append(rest)
            self._tail_bytes += len(rest)
        while self._tail and self._tail_bytes - len(self._tail[0]) >= OUTPUT_CHARS // 2:
            gone = len(self._tail.popleft())
            self._tail_bytes -= gone
            self._dropped += gone

    @property
    def text(self) -> str:
        """What is kept."""
        tail = b"".join(self._tail)
        dropped = self._dropped + max(0, len(tail) - OUTPUT_CHARS // 2)
        if not dropped:
            return (bytes(self._head) + tail).decode(errors="replace")
        end = tail[-(OUTPUT_CHARS // 2) :].decode(errors="replace")
        return f"{self._head.decode(errors='replace')}\n… ({dropped} bytes left out) …\n{end}"


class Command:
    """A command under way. `run` is called once."""

    def __init__(
        self, arguments: Sequence[str], *, folder_fd: int, environment: Mapping[str, str]
    ) -> None:
        """Start it in an open folder. OSError if it cannot be: then nothing has happened."""
        self._process = subprocess.Popen(  # noqa: S603 - what is run was approved, or is allowed
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd=_path_of(folder_fd),
            start_new_session=True,
        )
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._reaped = False

    async def run(self, *, timeout_s: float) -> Finished:
        """Wait for its end; whoever is cancelled while waiting has killed it."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[Finished] = loop.create_future()

        def tell(finished: Finished) -> None:
            if not over.done():
                over.set_result(finished)

        def watch() -> None:
            finished = self._watched(timeout_s)
            with suppress(RuntimeError):  # the loop is gone, and nobody is left to be told
                loop.call_soon_threadsafe(partial(tell, finished))

        threading.Thread(target=watch, name="command", daemon=True).start()
        try:
            return await over
        except asyncio.CancelledError:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill all of its group, if that can still be meant by its number."""
        with self._lock:
            if not self._reaped:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _watched(self, timeout_s: float) -> Finished:
        process, out, err = self._process, Kept(), Kept()
        readers = [
            threading.Thread(target=kept.feed, args=(stream,), daemon=True)
            for kept, stream in ((out, process.stdout), (err, process.stderr))
        ]
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            self.kill()

        clock = threading.Timer(timeout_s, give_up)
        clock.daemon = True
        for thread in (*readers, clock):
            thread.start()
        if hasattr(os, "waitid"):
            # Not reaped yet: so long as it is not, its number is nobody else's.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        clock.cancel()
        self.kill()
        with self._lock:
            self._reaped = True
            code = process.wait()
        for reader in readers:
            # What left the group may hold the pipe open for ever; it is not waited for.
            reader.join(_LAST_WORDS_S)
        exit_code = None if timed_out.is_set() else code
        return Finished(exit_code=exit_code, stdout=out.text, stderr=err.text)


def _path_of(folder_fd: int) -> str:
    """Return a path to an open folder: by its descriptor no link in its place leads elsewhere."""
    get_path = getattr(fcntl, "F_GETPATH", None)
    if get_path is not None:  # macOS, whose descriptors have no paths to go to
        return os.fsdecode(fcntl.fcntl(folder_fd, get_path, b"\0" * 1024).rstrip(b"\0"))
    return f"/proc/self/fd/{folder_fd}"
