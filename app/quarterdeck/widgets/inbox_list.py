"""The inbox: one row for each thing that waits for a person."""

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import ItemOpened
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.inbox_rows import GAP, ORDERS, Name, name_of, ordered, placed, row_cells
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.keyed import bindings
from quarterdeck_kernel.vocabulary.rows import InboxRow
from quarterdeck_kernel.vocabulary.words import Need

_PLAIN = Style()

Gist = Callable[[str, int], str | None]


class InboxList(IdList[Name, InboxRow], can_focus=True):
    """Shows the items of a glimpse, and which of them are selected."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("inbox", "list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "inbox--cursor", "inbox--gone", "inbox--chosen", "state--unknown", "state--waiting"
    }  # fmt: skip
    GONE_STAY = True

    def __init__(self, gist: Gist, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty, ordered by deadline."""
        super().__init__(id=id)
        self._gist = gist
        self.order = ORDERS[0]
        self._glimpse = Glimpse()
        self._now_us = 0

    def apply(self, glimpse: Glimpse, now_us: int) -> None:
        """Show a glimpse."""
        self._glimpse, self._now_us = glimpse, now_us
        rows = {name_of(row): row for row in glimpse.inbox}
        self.show_rows(rows, ordered(glimpse.inbox, self.order))

    def opened(self, name: Name) -> None:
        """Open an item."""
        self.post_message(ItemOpened(*name))

    def action_order(self) -> None:
        """Order by something else, at once: it was asked for."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.order_at_once()
        self.apply(self._glimpse, self._now_us)

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        name = self.at(y)
        if name is None:
            return self.blank()
        row = self.rows[name]
        need: Need = "unknown" if row.kind == "unknown" else "waiting"
        mark = MARKS[need]
        at_cursor = name == self.cursor
        base = self.base
        if name in self.gone:
            base += self.style_of("inbox--gone")
        if at_cursor:
            base += self.style_of("inbox--cursor")
        chosen = "*" if name in self.selected else " "
        word, *cells = row_cells(
            row,
            placed(self.line_width),
            deck(self).now(self._now_us),
            self._gist(row.run_id, row.seq),
        )
        gap = " " * GAP
        pieces = [
            (">" if at_cursor else " ", _PLAIN),
            (chosen, _PLAIN if at_cursor else self.style_of("inbox--chosen")),
            (
                f"{mark.drawn(deck(self).preferences.glyphs)} {word}",
                self.style_of(f"state--{need}"),
            ),
            (gap + gap.join(cells), _PLAIN),
        ]
        return self.strip(pieces, base)
