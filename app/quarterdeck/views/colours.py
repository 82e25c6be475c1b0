"""Colours as numbers: whether a text can be read on its background (WCAG 2, relative luminance)."""

import re
from typing import NamedTuple

READABLE = 4.5
"""The least contrast of a text (WCAG 2, level AA)."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_LINEAR_BELOW = 0.04045
ANSI_NAMES = frozenset(
    f"ansi_{bright}{name}"
    for bright in ("", "bright_")
    for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
) | {"ansi_default"}


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def luminance(self) -> float:
        """Return how bright it looks, from 0 to 1."""
        red, green, blue = (_linear(channel / 255) for channel in self)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def read_colour(text: str) -> Colour | None:
    """Return a colour written as `#rrggbb`; None: it is none."""
    if not _HEX.fullmatch(text):
        return None
    return Colour(*(int(text[start : start + 2], 16) for start in (1, 3, 5)))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)


def _linear(channel: float) -> float:
    if channel <= _LINEAR_BELOW:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
