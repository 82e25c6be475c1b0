"""The whole run as one line: how busy it was, and where something happened that one jumps to."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2
from statistics import median
from typing import Final, Literal, NamedTuple

from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.sought import is_trouble
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted

MarkKind = Literal["quiet", "model", "tool", "fork", "error", "pause", "unknown"]
Tone = MarkKind | Literal["mark_a", "mark_b", "bookmark", "hit"]

MARK_KINDS: Final[tuple[MarkKind, ...]] = (
    "quiet", "model", "tool", "fork", "error", "pause", "unknown"
)  # fmt: skip
"""By rank: where a column stands for many events it shows the greatest."""

OPENED: Final = frozenset({"tool_completed"})
"""Kinds whose facts decide what they are; of all others the kind is enough."""

READ_AT_ONCE: Final = 500
"""Events read for the line at once and unasked; more than that is work one sees and can stop."""

_PAUSES = frozenset({"pause_requested", "held"})
_BARS: Final[dict[Glyphs, str]] = {"rich": "▁▂▃▄▅▆▇█", "plain": "_.-:=+*#"}
_GLYPHS: Final[dict[MarkKind, tuple[str, str]]] = {
    "quiet": (" ", " "),
    "model": ("m", "m"),
    "tool": ("t", "t"),
    "fork": ("Y", "Y"),
    "error": ("×", "X"),  # noqa: RUF001 - the glyph of a failure
    "pause": ("◆", "!"),
    "unknown": ("?", "?"),
}
_IDLE_US = 5_000_000
"""A longer silence counts as this much: else one night would flatten everything else."""
_GRAIN_US = 50_000
_USUAL_BAR = 2
_PRESSING: Final = frozenset({"error", "pause", "unknown"})
_COMMON: Final = frozenset({"model", "tool"})
"""What nearly every event is: marked only where each has a column of its own."""
_STEP = 1.5


def rank_of(kind: str, event: Event | None = None) -> int:
    """Return what an event is on the line. `event` is needed for the kinds in `OPENED` only."""
    name: MarkKind = "quiet"
    if event is not None and isinstance(event.payload, ToolCompleted):
        outcome = event.payload.outcome
        name = "unknown" if outcome == "unknown_outcome" else "tool"
        if name == "tool" and is_trouble(event):
            name = "error"
    elif kind in _PAUSES:
        name = "pause"
    elif kind in {"model_failed", "guard_denied", "circuit_opened", "run_failed", "run_timed_out"}:
        name = "error"
    elif kind in {"run_forked", "fork_merged"}:
        name = "fork"
    elif kind.startswith("model_"):
        name = "model"
    elif kind.startswith(("tool_", "workflow_step")):
        name = "tool"
    return MARK_KINDS.index(name)


@dataclass(slots=True)
class Survey:
    """What is known of a run's line so far: of each event its rank, and how much time it took.

    `busy_us` sums the time up to each event, idle gaps capped. It grows with the run: nine bytes
    an event, so that a million of them is nothing to speak of.
    """

    ranks: bytearray = field(default_factory=bytearray)
    busy_us: "array[int]" = field(default_factory=lambda: array("q"))
    last_us: int = 0

    @property
    def known(self) -> int:
        """Return how many events were looked at."""
        return len(self.ranks)

    def add(self, at_us: int, rank: int) -> None:
        """Take in the next event."""
        gap = min(max(0, at_us - self.last_us), _IDLE_US) if self.ranks else 0
        self.ranks.append(rank)
        self.busy_us.append((self.busy_us[-1] if self.busy_us else 0) + gap)
        self.last_us = at_us


class Marks(NamedTuple):
    """What a person has put upon a run, by events in order: marks, bookmarks, hits of a search."""

    a: int | None = None
    b: int | None = None
    bookmarks: Sequence[int] = ()
    hits: Sequence[int] = ()


NO_MARKS = Marks()


class Column(NamedTuple):
    """One column of the line. `begins`: what it stands for is not that of the column before."""

    bar: str
    mark: str
    tone: Tone
    first: int
    last: int
    here: bool
    begins: bool


class Window(NamedTuple):
    """The events that a line is of, both ends included."""

    first: int
    last: int

    @property
    def events(self) -> int:
        """Return how many there are."""
        return max(0, self.last - self.first + 1)


def columns(
    survey: Survey,
    window: Window,
    width: int,
    position: int,
    *,
    marks: Marks = NO_MARKS,
    glyphs: Glyphs = "rich",
) -> list[Column]:
    """Return the line of some events in `width` columns; what was not read yet is dotted.

    Columns are of equal numbers of events, or an event is of several columns; a bar is the higher,
    the faster they came.
    """
    if window.events < 1 or width < 1:
        return []
    places = [_place(window, width, x) for x in range(width)]
    rates = {place: _rate(survey, place[0] - 1, place[1]) for place in places}
    usual = median([rate for rate in rates.values() if rate is not None] or [0.0])
    found, before = [], (0, 0)
    for place in places:
        first, last = place
        mark, tone = _mark(survey, place, marks, glyphs)
        column = Column(
            bar=_bar(rates[place], usual, glyphs),
            # An event that is wider than a column has its mark once.
            mark=mark if place != before else " ",
            tone=tone,
            first=first,
            last=last,
            here=first <= position <= last,
            begins=place != before,
        )
        found.append(column)
        before = place
    return found


def _mark(survey: Survey, place: tuple[int, int], marks: Marks, glyphs: Glyphs) -> tuple[str, Tone]:
    """Return what a column is marked with: what a person marked, trouble, notes, then the rest."""
    first, last = place
    if marks.a is not None and first <= marks.a <= last:
        return "A", "mark_a"
    if marks.b is not None and first <= marks.b <= last:
        return "B", "mark_b"
    kind = MARK_KINDS[max(survey.ranks[first - 1 : last], default=0)]
    if kind not in _PRESSING and _within(marks.bookmarks, place):
        return "b", "bookmark"
    if kind not in _PRESSING and _within(marks.hits, place):
        return "*", "hit"
    if kind in _COMMON and first != last:
        return " ", kind
    return _GLYPHS[kind][glyphs == "plain"], kind


def _within(seqs: Sequence[int], place: tuple[int, int]) -> bool:
    return bisect_right(seqs, place[1]) > bisect_right(seqs, place[0] - 1)


def moved_to(line: Sequence[Column], position: int) -> list[Column]:
    """Return the same line with the cursor at another event."""
    return [
        column
        if column.here == (column.first <= position <= column.last)
        else column._replace(here=not column.here)
        for column in line
    ]


def seq_at(window: Window, width: int, x: int) -> int:
    """Return the event that a column stands for, the last of many."""
    within = window.events and width
    return _place(window, width, max(0, min(x, width - 1)))[1] if within else 0


def _place(window: Window, width: int, x: int) -> tuple[int, int]:
    first = window.events * x // width + 1
    last = max(first, window.events * (x + 1) // width)
    return window.first - 1 + first, window.first - 1 + last


def _rate(survey: Survey, before: int, last: int) -> float | None:
    if last > survey.known:
        return None
    began = survey.busy_us[before - 1] if before else 0
    spent = survey.busy_us[last - 1] - began
    return (last - before) / (spent + _GRAIN_US)


def _bar(rate: float | None, usual: float, glyphs: Glyphs) -> str:
    if rate is None:
        return "·" if glyphs == "rich" else " "
    bars = _BARS[glyphs]
    # Each step is half as fast again: a run that is always the same is a low, even line.
    steps = log2(rate / usual) / log2(_STEP) if rate and usual else 0.0
    return bars[max(0, min(len(bars) - 1, round(_USUAL_BAR + steps)))]
