"""The fleet: one row a run, by need. Cursor and scroll follow run ids, never row numbers."""

import time
from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import RunOpened, RunPicked
from quarterdeck.views.fleet_rows import GAP, placed, row_cells
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.order import HOLD_S, held_order, would_move
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PLAIN = Style()


class FleetList(LineList, can_focus=True):
    """Shows the rows of a glimpse and holds the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("fleet", "list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"fleet--cursor"} | {f"state--{need}" for need in MARKS}

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self.cursor: str | None = None
        self.moves = 0
        self._rows: dict[str, FleetRow] = {}
        self._shown: list[str] = []
        self._now_us = 0
        self._monotonic_s = monotonic_s
        self._moved_s = -HOLD_S
        self._touched = False
        self._pressed: str | None = None

    def apply(self, glimpse: Glimpse, now_us: int) -> None:
        """Show a glimpse; the order stands still for a while after the last move."""
        self._rows = {row.run_id: row for row in glimpse.rows}
        self._now_us = now_us
        wanted = list(self._rows)
        held = held_order(self._shown, wanted)
        if self._monotonic_s() - self._moved_s < HOLD_S:
            self._shown, self.moves = held, would_move(held, wanted)
        else:
            self._shown, self.moves = wanted, 0
        self.set_line_count(len(self._shown))
        # Until somebody moves it, the cursor is where the need is.
        if self._shown and (not self._touched or self.cursor not in self._rows):
            self._pick(self._shown[0])
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        number = y + self.scroll_offset.y
        if number >= len(self._shown):
            return self.blank()
        row = self._rows[self._shown[number]]
        mark = MARKS[row.need]
        at_cursor = row.run_id == self.cursor
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

    # -- moving

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._go(self._place() + rows)

    def action_page(self, pages: int) -> None:
        """Move by what is seen at once."""
        self._go(self._place() + pages * max(1, self.content_size.height - 1))

    def action_first(self) -> None:
        """Go to the most pressing run."""
        self._go(0)

    def action_last(self) -> None:
        """Go to the last run."""
        self._go(len(self._shown) - 1)

    def action_open(self) -> None:
        """Open the log of the run under the cursor."""
        if self.cursor is not None:
            self.post_message(RunOpened(self.cursor))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Note what is painted under the pointer now: that is what the click means."""
        number = event.y + self.scroll_offset.y
        self._pressed = self._shown[number] if number < len(self._shown) else None

    def on_click(self) -> None:
        """Pick a run; a click on the picked one opens it."""
        if self._pressed is None:
            return
        if self._pressed == self.cursor:
            self.action_open()
        else:
            self._touch()
            self._pick(self._pressed)

    def _place(self) -> int:
        return self._shown.index(self.cursor) if self.cursor in self._shown else 0

    def _go(self, number: int) -> None:
        if not self._shown:
            return
        self._touch()
        number = max(0, min(number, len(self._shown) - 1))
        self._pick(self._shown[number])
        self.show_line(number)

    def _touch(self) -> None:
        self._touched = True
        self._moved_s = self._monotonic_s()

    def _pick(self, run_id: str) -> None:
        if run_id != self.cursor:
            self.cursor = run_id
            self.post_message(RunPicked(run_id))
            self.refresh()
