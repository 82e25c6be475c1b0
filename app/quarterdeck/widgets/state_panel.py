"""The state of a run at the cursor's position: a panel, or one line where there is no room."""

from collections.abc import Sequence
from typing import ClassVar, get_args

from rich.style import Style
from textual.strip import Strip

from quarterdeck.views.moment import StateRow, StateTone, wrapped_rows
from quarterdeck.views.plain import fitted
from quarterdeck.widgets.lines import LineList

_LABEL_CELLS = 13
_PLAIN = Style()


class StatePanel(LineList, can_focus=False):
    """Shows the rows of a state. It only shows: what changes a run is in the actions menu."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"panel--label"} | {
        f"panel--{tone}" for tone in get_args(StateTone)
    }

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._rows: Sequence[StateRow] = ()
        self._lines: list[StateRow] = []

    def show_rows(self, rows: Sequence[StateRow]) -> None:
        """Show other rows."""
        if rows != self._rows:
            self._rows = rows
            self._lay_out()

    def on_resize(self) -> None:
        """Wrap anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.line_width - 1
        before = self._lines
        self._lines = list(wrapped_rows(list(self._rows), width, _LABEL_CELLS))
        self.set_line_count(len(self._lines))
        self.refresh_changed(before, self._lines)

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        number = y + self.scroll_offset.y
        if number >= len(self._lines):
            return self.blank()
        row, base = self._lines[number], self.base
        tone = self.style_of(f"panel--{row.tone}")
        if row.tone == "title":
            return self.strip([(f" {row.label}", tone)], base)
        label = fitted(f" {row.label}", _LABEL_CELLS)
        value = fitted(row.value, max(0, self.line_width - _LABEL_CELLS))
        return self.strip([(label, self.style_of("panel--label")), (value, tone)], base)
