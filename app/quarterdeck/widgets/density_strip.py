"""The whole run as one line at the bottom, with marks and the place of the cursor below it."""

from itertools import groupby
from operator import itemgetter
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import (
    LiveWanted,
    PlaceWanted,
    PlayWanted,
    SpeedWanted,
    StepWanted,
    ZoomWanted,
)
from quarterdeck.views.lens import tail_cells
from quarterdeck.views.timeline import (
    MARK_KINDS,
    Column,
    Marks,
    Survey,
    Window,
    columns,
    moved_to,
    seq_at,
)
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

_PLAIN = Style()


class Shown(NamedTuple):
    """What the line is to show of a run.

    `tail` stands at its end and `note` below, in room that is kept for them while it is not over.
    """

    window: Window
    position: int
    marks: Marks
    over: bool = False
    tail: str = ""
    note: str = ""
    playing: bool = False


class DensityStrip(LineList, can_focus=True):
    """Two lines: how busy the run was, and what happened where."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "strip--bar", "strip--focused", "strip--here", "strip--hit", "strip--bookmark",
        "strip--mark_a", "strip--mark_b", "strip--tail",
    } | {f"strip--{kind}" for kind in MARK_KINDS}  # fmt: skip

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a run."""
        super().__init__(id=id)
        self._columns: list[Column] = []
        self._shown: Shown | None = None
        self._seen: object = None

    @property
    def _width(self) -> int:
        shown = self._shown
        said = shown is not None and (not shown.over or bool(shown.note))
        return self.size.width - tail_cells(self.size.width, said=said)

    def show_survey(self, survey: Survey, shown: Shown) -> None:
        """Show what is known of a run's line, and where the cursor is."""
        glyphs = deck(self).preferences.glyphs
        moved, self._shown = shown != self._shown, shown
        seen = (shown._replace(position=0), min(survey.known, shown.window.last), self.size.width)
        if (seen, glyphs) != self._seen:
            self._seen = (seen, glyphs)
            # All of a long run is looked through for it, and not for every step of the cursor.
            self._columns = columns(
                survey, shown.window, self._width, 0, marks=shown.marks, glyphs=glyphs
            )
            moved = True
        if moved:
            self._columns = moved_to(self._columns, shown.position)
            self.refresh()

    def on_focus(self) -> None:
        """Show that the arrows move here now."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do not any more."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the bars, or the marks."""
        base = self.base
        if y > 1:
            return self.blank()
        here_style = self.style_of("strip--here")
        bar_style = self.style_of("strip--focused" if self.has_focus else "strip--bar")
        pieces: list[tuple[str, Style]] = []
        for column in self._columns:
            if y == 0:
                pieces.append((column.bar, here_style if column.here else bar_style))
            elif column.here and column.begins and not column.mark.strip():
                pieces.append((self._here, self.style_of("strip--hit")))
            else:
                # A blank has no colour of its own: a mark is one cell, however wide its event is.
                blank = not column.mark.strip()
                style = _PLAIN if blank else self.style_of(f"strip--{column.tone}")
                pieces.append(
                    (column.mark, style + here_style if column.here and column.begins else style)
                )
        pieces = [
            ("".join(text for text, _ in run), style)
            for style, run in groupby(pieces, key=itemgetter(1))
        ]
        if self._shown is not None and (said := (self._shown.tail, self._shown.note)[y]):
            pieces.append((f"  {said}", self.style_of("strip--tail")))
        return self.strip(pieces or [("", _PLAIN)], base)

    @property
    def _here(self) -> str:
        return ">" if self._shown is not None and self._shown.playing else "^"

    def action_step(self, step: int) -> None:
        """Go on by an event."""
        self.post_message(StepWanted(step))

    def action_play(self) -> None:
        """Play from here, or stop."""
        self.post_message(PlayWanted())

    def action_zoom(self, step: int) -> None:
        """Show less of the run, larger; or more."""
        self.post_message(ZoomWanted(step))

    def action_speed(self, step: int) -> None:
        """Play faster, or slower."""
        self.post_message(SpeedWanted(step))

    def on_click(self, event: events.Click) -> None:
        """Go to the event that was clicked; behind the line is what came since."""
        shown, width = self._shown, self._width
        if shown is None:
            return
        if event.x >= width:
            self.post_message(LiveWanted())
        else:
            self.post_message(PlaceWanted(seq_at(shown.window, width, event.x)))
