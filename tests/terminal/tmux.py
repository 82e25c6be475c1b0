"""A terminal that a test sits at: tmux, with a server, a home and settings of its own."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_LOOK_S = 0.1
_HAND_S = 0.7
"""Nobody types faster who means what they decide; the screen does not believe those who do."""
_SLOW_S = 2.0
"""So long a busy machine may take to paint what a key did, before another key is pressed."""


class Terminal:
    """One window. What is on it is read as text; whatever does not come in time fails by it."""

    def __init__(self, tmux: Sequence[str], patience_s: float) -> None:
        self._tmux = tuple(tmux)
        self._patience_s = patience_s

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], check=True, capture_output=True, text=True, timeout=20
        )
        return done.stdout

    def screen(self) -> str:
        """Return what is on the screen."""
        return self._run("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, as slowly as a person who means each."""
        for key in keys:
            time.sleep(_HAND_S)
            self._run("send-keys", key)

    def type(self, text: str) -> None:
        """Type text into a field."""
        time.sleep(_HAND_S)
        self._run("send-keys", "-l", text)

    def until(self, *words: str) -> str:
        """Wait until all words are on the screen, and return it."""
        end = time.monotonic() + self._patience_s
        while True:
            screen = self.screen()
            missing = [word for word in words if word not in screen]
            if not missing:
                return screen
            assert time.monotonic() < end, f"{missing} did not come; there is:\n{screen}"
            time.sleep(_LOOK_S)

    def press_until(self, key: str, word: str, times: int = 12) -> str:
        """Press a key again and again, until a word is there; each press may take its time."""
        for _ in range(times):
            end = time.monotonic() + _SLOW_S
            while time.monotonic() < end:
                screen = self.screen()
                if word in screen:
                    return screen
                time.sleep(_LOOK_S)
            self.press(key)
        return self.until(word)


_NUMBERS = count(1)


def tmux_program() -> str:
    """Return tmux; where there is none, say what to do."""
    program = shutil.which("tmux")
    assert program is not None, "this drives the app in tmux: install it (apt install tmux)"
    return program


@contextmanager
def opened(
    command: Sequence[str],
    *,
    home: Path,
    cwd: Path,
    environment: dict[str, str],
    size: tuple[int, int],
    patience_s: float,
) -> Iterator[Terminal]:
    """Run a command in a new terminal, and end it and its server afterwards."""
    # A socket of its own: the server of the terminal before may still be on its way out.
    socket = home / f"tmux-{next(_NUMBERS)}"
    tmux = (tmux_program(), "-S", str(socket), "-f", "/dev/null")
    places = {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "STATE", "DATA", "CACHE")}
    inherited = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ
    }
    env = {"LC_ALL": "C.UTF-8", **inherited, "HOME": str(home), **places, **environment}
    columns, lines = map(str, size)
    start = (*tmux, "-u", "new-session", "-d", "-x", columns, "-y", lines, "-c", str(cwd))
    # What it ended with stays on the screen for a while.
    shell = f"{shlex.join(command)}; echo EXIT $?; sleep {patience_s}"
    subprocess.run([*start, shell], check=True, env=env, timeout=20)
    try:
        yield Terminal(tmux, patience_s)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True, timeout=20)
