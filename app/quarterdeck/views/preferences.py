"""How a person likes the screen: a value, and the file it is written in.

The file is a person's own: of what stands in it only the lines of settings that were chosen on the
screen are ever written anew. Keys are changed there, and not on the screen.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

from quarterdeck_kernel.settings.toml_lines import line_of, lines_of

Glyphs = Literal["rich", "plain"]
Notices = Literal["all", "urgent", "none"]
Times = Literal["relative", "local", "utc"]

GLYPHS: tuple[Glyphs, ...] = get_args(Glyphs)
NOTICES: tuple[Notices, ...] = get_args(Notices)
TIMES: tuple[Times, ...] = get_args(Times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Theme, glyphs, mouse, notices, times, hints and keys; a change makes another one.

    `notices`: of what arrives all, only the urgent (unknown, expiring), or none is announced.
    Errors always are; `bell` and `terminal` say whether the terminal is told, too. `keymap` has
    been judged by `keymap.keymap_problems`.
    """

    theme: str = "night"
    glyphs: Glyphs = "rich"
    mouse: bool = True
    notices: Notices = "all"
    bell: bool = True
    terminal: bool = True
    times: Times = "relative"
    hints: bool = True
    keymap: Mapping[str, object] = field(default_factory=dict)


_CHOICES: dict[str, tuple[object, ...]] = {
    "glyphs": GLYPHS,
    "mouse": (True, False),
    "notices": NOTICES,
    "bell": (True, False),
    "terminal": (True, False),
    "times": TIMES,
    "hints": (True, False),
}
NAMES = ("theme", *_CHOICES)


class Wrong(NamedTuple):
    """Something wrong with the file, and in which line."""

    line: int
    problem: str


def read_preferences(text: str) -> tuple[Preferences, list[Wrong]]:
    """Return what a file prefers, and what is wrong with it. Its keymap is not judged here."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        return Preferences(), [Wrong(int(at[1]) if at else 1, f"it is no TOML: {error}")]
    lines = lines_of(text)
    wrong = [Wrong(line_of(lines, (name,)), said) for name, said in _wrong(data)]
    if wrong:
        return Preferences(), wrong
    return replace(Preferences(), **data), []


def _wrong(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if name in _CHOICES:
            said = ", ".join(_toml(choice) for choice in _CHOICES[name])
            # True is 1, and 1 is no choice.
            if not any(value is c or (value == c and isinstance(c, str)) for c in _CHOICES[name]):
                yield name, f"{name} is {value!r}; it can be {said}"
        elif name == "theme":
            if not isinstance(value, str):
                yield name, f"theme is {value!r}; it is the name of a theme"
        elif name == "keymap":
            if not isinstance(value, dict):
                yield name, "keymap is a table: under [keymap], actions and their keys"
        else:
            near = get_close_matches(name, (*NAMES, "keymap"), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)}, keymap"
            yield name, f"there is no setting {name!r}; {hint}"


def keymap_line(text: str, action: str) -> int:
    """Return the line of an action's keys in a file that was read."""
    return line_of(lines_of(text), ("keymap", action))


def written(text: str, now: Preferences) -> str:
    """Return the file with what is preferred now; all else in it stays as it is."""
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    head, tail = lines[:end], lines[end:]
    for name in NAMES:
        value, default = getattr(now, name), getattr(Preferences(), name)
        places = [n for n, line in enumerate(head) if re.match(rf"\s*{name}\s*=", line)]
        if places:
            head[places[0]] = f"{name} = {_toml(value)}"
        elif value != default:
            while head and not head[-1].strip():
                head.pop()
            head.append(f"{name} = {_toml(value)}")
    if tail and head and head[-1].strip():
        head.append("")
    return "\n".join([*head, *tail]) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
