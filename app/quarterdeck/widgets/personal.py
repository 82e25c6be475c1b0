"""What is a person's own: how they like the screen, and what they have done and seen already.

The first stands in their configuration folder and is theirs to edit; the second is ours, and may
be lost.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from quarterdeck.keymap import keymap_problems
from quarterdeck.views.habits import Habits, habits_text, read_habits
from quarterdeck.views.preferences import (
    Preferences,
    keymap_line,
    read_preferences,
    written,
)
from quarterdeck_kernel.errors import SettingsError

SCREEN_FILE = "screen.toml"
HABITS_FILE = "habits.json"


@dataclass(frozen=True, slots=True)
class Personal:
    """What was read, and how it is written."""

    preferences: Preferences
    habits: Habits
    file: Path
    keep: Callable[[Preferences], Awaitable[None]]
    keep_habits: Callable[[Habits], None]


def personal(configuration: Path, state: Path) -> Personal:
    """Read a person's files. What they wrote wrong is told with its line, all of it at once."""
    file = configuration / SCREEN_FILE
    return Personal(
        _preferences(file),
        read_habits(_text(state / HABITS_FILE)),
        file,
        partial(_keep, file),
        partial(_keep_habits, state / HABITS_FILE),
    )


def _preferences(file: Path) -> Preferences:
    text = _text(file)
    preferences, wrong = read_preferences(text)
    problems = [f"{file}:{one.line}: {one.problem}" for one in wrong]
    if not wrong:
        for problem in keymap_problems(preferences.keymap):
            named = (name for name in preferences.keymap if name in problem)
            problems.append(f"{file}:{keymap_line(text, next(named, ''))}: {problem}")
    if problems:
        raise SettingsError("\n".join(problems), problems=tuple(problems))
    return preferences


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


async def _keep(file: Path, preferences: Preferences) -> None:
    await asyncio.to_thread(lambda: _write(file, written(_text(file), preferences)))


def _keep_habits(file: Path, habits: Habits) -> None:
    _write(file, habits_text(habits))


def _write(file: Path, text: str) -> None:
    """Put a text in the place of another at once: a crash leaves the one or the other."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
