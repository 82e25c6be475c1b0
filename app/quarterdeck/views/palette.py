"""The colours of themes, read from data files: ours and a person's own.

A theme names every colour itself: nothing on the screen may fall back to a shade that nobody has
looked at. A file that cannot be read well is told about and left out.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from quarterdeck.views.colours import ANSI_NAMES, READABLE, contrast, read_colour
from quarterdeck.views.states import MARKS

SHIPPED = ("night", "dusk", "day", "contrast", "clear", "ansi")
"""Two dark, one light, high contrast, colour-blind safe, and the sixteen colours of a terminal."""

COLOURS = (
    "primary", "secondary", "accent", "warning", "error", "success",
    "foreground", "background", "surface", "panel",
)  # fmt: skip
STATES = tuple(f"state-{need.replace('_', '-')}" for need in MARKS)
TEXTS = (*STATES, "past", "mark-a", "mark-b", "text-quiet")
VARIABLES = (*TEXTS, "rule")
GROUNDS = ("background", "surface", "panel")
_LARGEST_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class Palette:
    """Named colours: those every interface has, and those of our states."""

    name: str
    label: str
    dark: bool
    ansi: bool
    colours: dict[str, str]
    variables: dict[str, str]

    def texts(self) -> dict[str, str]:
        """Return the colours that text is written in."""
        foreground = {"foreground": self.colours["foreground"], "primary": self.colours["primary"]}
        return foreground | {name: self.variables[name] for name in TEXTS}


@dataclass(frozen=True, slots=True)
class Themes:
    """The palettes there are, and what was wrong with those that are not."""

    palettes: dict[str, Palette]
    problems: tuple[str, ...] = ()


@cache
def read_palette(name: str) -> Palette:
    """Return a palette that ships with Quarterdeck."""
    text = files("quarterdeck_themes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return _palette(name, tomllib.loads(text))


def read_themes(folder: Path | None = None) -> Themes:
    """Return our palettes and those of a person's folder; a bad one is told about and left out."""
    palettes = {name: read_palette(name) for name in SHIPPED}
    problems = []
    paths = sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else []
    for path in paths:
        found, wrong = _read_own(path)
        problems += [f"theme {path.name}: {problem}" for problem in wrong]
        if found is not None:
            palettes[found.name] = found
    return Themes(palettes, tuple(problems))


def _read_own(path: Path) -> tuple[Palette | None, list[str]]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None, [f"is larger than {_LARGEST_BYTES:,} bytes; a theme is a short list"]
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return None, [f"cannot be read: {error}"]
    if path.stem in SHIPPED:
        return None, [f"{path.stem!r} is one of ours; give the file another name"]
    problems = palette_problems(data)
    return (None, problems) if problems else (_palette(path.stem, data), [])


def palette_problems(data: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a theme: names, colours, and texts that cannot be read."""
    colours, variables = data.get("colours"), data.get("variables")
    if not isinstance(colours, dict) or not isinstance(variables, dict):
        return ["needs the tables [colours] and [variables]"]
    ansi = data.get("ansi", False)
    problems = [
        f"{key} must be true or false, not {data.get(key)!r}"
        for key in ("dark", "ansi")
        if not isinstance(data.get(key, False), bool)
    ]
    for table, wanted in ((colours, COLOURS), (variables, VARIABLES)):
        problems += [f"has no {name!r}" for name in wanted if name not in table]
    legal = ANSI_NAMES if ansi else frozenset[str]()
    problems += [
        f"{name} = {value!r} is no colour; write {'an ansi_ name' if ansi else 'it as #rrggbb'}"
        for name, value in (colours | variables).items()
        if not isinstance(value, str) or (value not in legal and (ansi or not read_colour(value)))
    ]
    return problems or _unreadable(_palette("", data))


def _unreadable(palette: Palette) -> list[str]:
    """Return which texts cannot be read on which backgrounds."""
    problems = []
    for text, colour in palette.texts().items():
        for ground in GROUNDS:
            behind = palette.colours[ground]
            one, other = read_colour(colour), read_colour(behind)
            if one is None or other is None:
                # What a terminal's sixteen colours look like only the terminal knows.
                if colour == behind != "ansi_default":
                    problems.append(f"{text} and {ground} are both {colour}")
            elif (ratio := contrast(one, other)) < READABLE:
                problems.append(
                    f"{text} {colour} on {ground} {behind} has a contrast of {ratio:.1f}; "
                    f"text needs {READABLE}"
                )
    return problems


def _palette(name: str, data: Mapping[str, object]) -> Palette:
    colours, variables = data["colours"], data["variables"]
    assert isinstance(colours, dict)
    assert isinstance(variables, dict)
    return Palette(
        name=name,
        label=str(data.get("label", name)),
        dark=bool(data.get("dark", True)),
        ansi=bool(data.get("ansi", False)),
        colours={key: str(value) for key, value in colours.items()},
        variables={key: str(value) for key, value in variables.items()},
    )
