"""A line of a run's log: one event, as plain text.

Of events it knows nothing: what draws lines is there before the kernel was imported.
"""

from datetime import tzinfo
from typing import Literal, NamedTuple

from quarterdeck.views.plain import fitted
from quarterdeck.views.quantities import clock_time, duration

Tone = Literal["intent", "good", "trouble", "people", "quiet"]

_SEQ_CELLS = 6
_WORD_CELLS = 12
_TOOK_CELLS = 5


class LogLine(NamedTuple):
    """One event as the log shows it, and the title it has when it is looked at alone."""

    seq: int
    at_us: int
    word: str
    tone: Tone
    took_us: int | None
    text: str
    title: str


def place_cells(seq: int) -> str:
    """Return the number of an event, as every line begins with it."""
    return f"{f'#{seq}':>{_SEQ_CELLS}}  "


def line_cells(line: LogLine, width: int, zone: tzinfo | None) -> tuple[str, str, str]:
    """Return a line in three pieces that fill `width` cells: place and time, word, the rest."""
    place = f"{place_cells(line.seq)}{clock_time(line.at_us, zone)}  "
    word = fitted(line.word, _WORD_CELLS)
    took = duration(line.took_us) if line.took_us is not None else ""
    rest = f"{took:>{_TOOK_CELLS}}  {line.text}"
    return place, word, fitted(rest, max(0, width - len(place) - _WORD_CELLS))
