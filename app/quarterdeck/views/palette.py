"""The colours of a theme, read from its data file."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Palette:
    """Named colours: those every interface has, and those of our states."""

    name: str
    dark: bool
    colours: dict[str, str]
    variables: dict[str, str]


@cache
def read_palette(name: str) -> Palette:
    """Return a palette that ships with Quarterdeck."""
    text = files("quarterdeck_themes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Palette(
        name=str(data["name"]),
        dark=bool(data["dark"]),
        colours={key: str(value) for key, value in data["colours"].items()},
        variables={key: str(value) for key, value in data["variables"].items()},
    )
