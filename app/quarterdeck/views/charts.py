"""Bars and columns of block characters: how a share and a course of days are drawn in a terminal.

Pure text. `plain` glyphs are for fonts that draw blocks two cells wide.
"""

from collections.abc import Sequence
from typing import Final

from quarterdeck.views.preferences import Glyphs

_ACROSS: Final = " ▏▎▍▌▋▊▉█"
_STEPS: Final[dict[Glyphs, str]] = {"rich": " ▁▂▃▄▅▆▇█", "plain": " ...:::##"}
_EIGHTHS: Final = 8


def bar(part: int, whole: int, cells: int, glyphs: Glyphs = "rich") -> str:
    """Return a bar of `cells`; what is anything at all is seen, and what is too much fills it."""
    if cells <= 0:
        return ""
    eighths = _share(part, whole, cells * _EIGHTHS)
    full, rest = divmod(eighths, _EIGHTHS)
    if glyphs == "plain":
        return ("#" * (full + (1 if rest else 0))).ljust(cells)
    return ("█" * full + (_ACROSS[rest] if rest else "")).ljust(cells)


def gauge(part: int, whole: int, cells: int, glyphs: Glyphs = "rich") -> tuple[str, str]:
    """Return a bar and the track behind it, which show together how much of what is used."""
    full = bar(part, whole, cells, glyphs).rstrip()
    return full, ("." if glyphs == "plain" else "·") * (cells - len(full))


def columns(values: Sequence[int], height: int, glyphs: Glyphs = "rich") -> list[str]:
    """Return a line for each row of a chart, the top one first; a column for each value."""
    most = max(values, default=0)
    tall = [_share(value, most, height * _EIGHTHS) for value in values]
    steps = _STEPS[glyphs]
    return [
        "".join(steps[min(max(eighths - row * _EIGHTHS, 0), _EIGHTHS)] for eighths in tall)
        for row in range(height - 1, -1, -1)
    ]


def _share(part: int, whole: int, most: int) -> int:
    if part <= 0:
        return 0
    if whole <= 0:
        return most
    return max(1, min(most, (part * most + whole // 2) // whole))
