"""Processes that a test talks with: no word is waited for for ever, and none outlives its test."""

import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Self

PATIENCE_S = 60
"""No process of ours is silent for as long; it turns a hang into a failure."""


class Lines:
    """What a process says on one stream, line by line."""

    def __init__(self, stream: IO[str]) -> None:
        self._heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._heard.put(line)
        self._heard.put(None)

    def __iter__(self) -> Iterator[str]:
        """Yield the lines until the stream ends."""
        while line := self.next():
            yield line

    def next(self) -> str:
        """Return the next line; nothing at the end."""
        try:
            line = self._heard.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"the process said nothing for {PATIENCE_S} s") from None
        if line is None:
            # For whoever asks again.
            self._heard.put(None)
        return line or ""

    def close(self) -> None:
        self._thread.join(PATIENCE_S)


class Talking:
    """A process under way; it is killed at the end of the block, if it is still there."""

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> int:
        """Return its exit code, once it has ended."""
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.out.close()
        self.err.close()
