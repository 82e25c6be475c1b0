"""The fleet: one row a run, by need."""

from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import NewRunWanted, RunOpened, RunPicked
from quarterdeck.views.fleet_rows import GAP, placed, row_cells
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.keyed import bindings
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PLAIN = Style()


class FleetList(IdList[str, FleetRow], can_focus=True):
    """Shows the rows of a glimpse."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("fleet", "list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"fleet--cursor"} | {f"state--{need}" for need in MARKS}

    _now_us = 0

    def apply(self, glimpse: Glimpse, now_us: int) -> None:
        """Show a glimpse."""
        self._now_us = now_us
        self.show_rows({row.run_id: row for row in glimpse.rows}, [r.run_id for r in glimpse.rows])

    def picked(self, name: str) -> None:
        """Show the log of the run the cursor came to."""
        self.post_message(RunPicked(name))

    def opened(self, name: str) -> None:
        """Open the log of a run."""
        self.post_message(RunOpened(name))

    def action_new_run(self) -> None:
        """Start a run."""
        self.post_message(NewRunWanted())

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        name = self.at(y)
        if name is None:
            return self.blank()
        row = self.rows[name]
        mark = MARKS[row.need]
        at_cursor = name == self.cursor
        base = self.rich_style
        if at_cursor:
            base += self.style_of("fleet--cursor")
        state = self.style_of(f"state--{row.need}")
        word, *cells = row_cells(row, placed(self.line_width), self._now_us)
        gap = " " * GAP
        pieces = [
            (">" if at_cursor else " ", _PLAIN),
            (f"{mark.drawn(deck(self).preferences.glyphs)} {word}", state),
            (gap + gap.join(cells), _PLAIN),
        ]
        return self.strip(pieces, base)
