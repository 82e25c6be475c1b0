"""The whole run as one line at the bottom, with marks and the place of the cursor below it."""

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import PlaceWanted, StepWanted
from quarterdeck.views.timeline import MARK_KINDS, Column, Survey, columns, moved_to, seq_at
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

_PLAIN = Style()


class DensityStrip(LineList, can_focus=True):
    """Two lines: how busy the run was, and what happened where."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "strip--bar", "strip--focused", "strip--here", "strip--hit"
    } | {f"strip--{kind}" for kind in MARK_KINDS}  # fmt: skip

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a run."""
        super().__init__(id=id)
        self._columns: list[Column] = []
        self._head = self._position = 0
        self._shown: object = None

    def show_survey(
        self, run_id: str, survey: Survey, head: int, position: int, hits: tuple[int, ...]
    ) -> None:
        """Show what is known of a run's line, and where the cursor is."""
        width = self.size.width
        glyphs = deck(self).preferences.glyphs
        seen = (run_id, survey.known, head, width, hits, glyphs)
        if seen != self._shown:
            self._shown, self._head, self._position = seen, head, 0
            # All of a long run is looked through for it, and not for every step of the cursor.
            self._columns = columns(survey, head, width, 0, hits=hits, glyphs=glyphs)
        if position != self._position:
            self._position = position
            self._columns = moved_to(self._columns, position)
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
                pieces.append(("^", self.style_of("strip--hit")))
            else:
                name = "hit" if column.mark == "*" else column.kind
                style = self.style_of(f"strip--{name}")
                pieces.append(
                    (column.mark, style + here_style if column.here and column.begins else style)
                )
        return self.strip(pieces or [("", _PLAIN)], base)

    def action_step(self, step: int) -> None:
        """Go on by an event."""
        self.post_message(StepWanted(step))

    def on_click(self, event: events.Click) -> None:
        """Go to the event that was clicked."""
        if self._head:
            self.post_message(PlaceWanted(seq_at(self._head, self.size.width, event.x)))
