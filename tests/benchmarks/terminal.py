"""An app in a terminal of its own: what it draws, and how long after a key."""

import asyncio
import fcntl
import os
import re
import struct
import sys
import termios
from contextlib import suppress
from pathlib import Path
from time import perf_counter

_ROOT = Path(__file__).resolve().parents[2]
_COLUMNS, _LINES = 120, 40
_KEPT_BYTES = 400_000


class Terminal:
    """A process that draws into a pseudo-terminal."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self._seen = b""
        self._drawn = asyncio.Event()
        self.drawn_s = 0.0
        self.matched = b""
        os.set_blocking(master, False)
        asyncio.get_running_loop().add_reader(master, self._read)

    @classmethod
    async def start(cls, *arguments: str) -> "Terminal":
        """Start one of `screen_apps`, 120 by 40."""
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {"COLUMNS": str(_COLUMNS), "LINES": str(_LINES)}
        # Whoever starts a screen is in the repository, which stands in for the script's folder.
        command = (sys.executable, "-P", "-m", "tests.benchmarks.screen_apps", *arguments)
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        )
        process = await asyncio.create_subprocess_exec(
            *command, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=_ROOT,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        return cls(process, master)

    def _read(self) -> None:
        with suppress(BlockingIOError, OSError):
            self._seen = (self._seen + os.read(self._master, 65_536))[-_KEPT_BYTES:]
            self.drawn_s = perf_counter()
            self._drawn.set()

    async def until(self, pattern: bytes, timeout_s: float = 60) -> float:
        """Return the time at which something was drawn; what was drawn before is forgotten.

        `matched` is what stood where the pattern has a group.
        """
        wanted = re.compile(pattern)
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := wanted.search(self._seen)):
                    self._drawn.clear()
                    await self._drawn.wait()
        except TimeoutError:
            message = f"never drawn: {pattern!r}; last {self._seen[-300:]!r}"
            raise AssertionError(message) from None
        self._seen = b""
        self.matched = found[1] if found.re.groups else found[0]
        return self.drawn_s

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing was drawn for a while."""
        with suppress(TimeoutError):
            while True:
                self._drawn.clear()
                await asyncio.wait_for(self._drawn.wait(), seconds)
        self._seen = b""

    def press(self, key: bytes) -> float:
        """Press a key; return when."""
        os.write(self._master, key)
        return perf_counter()

    async def key_to_paint_ms(self, key: bytes) -> float:
        """Return how long after a key the first of what it changes is drawn."""
        await self.quiet(0.03)
        start = self.press(key)
        return (await self.until(b"[^\\0]", timeout_s=10) - start) * 1e3

    async def end(self, key: bytes = b"\x11") -> None:
        """Quit, and wait until it is gone."""
        self.press(key)
        try:
            async with asyncio.timeout(20):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError("the app does not quit") from None
        finally:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
