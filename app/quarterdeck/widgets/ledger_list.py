"""The table of the ledger, and the quiet lines below it: the chart of days, the budgets."""

from collections.abc import Sequence
from typing import ClassVar, get_args

from rich.style import Style
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from quarterdeck.views.books import GROUPINGS, SPANS, Grouping, LedgerPage, Span, Sum
from quarterdeck.views.ledger_rows import (
    GAP,
    ORDERS,
    Order,
    Pieces,
    Tone,
    layout,
    ordered,
    table_row,
)
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.lines import LineList

_PLAIN = Style()


class LedgerList(IdList[str, Sum], can_focus=True):
    """Shows the sums of a page; which page, is chosen here."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("ledger", "list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"ledger--cursor", "ledger--bar", "ledger--quiet"}

    class Turned(Message):
        """Another page is wanted."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin with the agents: who spends is asked first."""
        super().__init__(id=id)
        self.grouping: Grouping = "agent"
        self.span: Span = "all"
        self._orders: dict[Grouping, Order] = {"day": "name"}
        self._page: LedgerPage | None = None

    @property
    def order(self) -> Order:
        """Return the order of this grouping."""
        return self._orders.get(self.grouping, "cost")

    def apply(self, page: LedgerPage | None) -> None:
        """Show a page; None: it is being read, and nothing of another page stays."""
        self._page = page
        sums = page.sums if page is not None else ()
        wanted = ordered(page, self.order) if page is not None else []
        self.show_rows({row.name: row for row in sums}, wanted)

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        name = self.at(y)
        if name is None or self._page is None:
            return self.blank()
        at_cursor = name == self.cursor
        base = self.base
        bar, quiet = self.style_of("ledger--bar"), self.style_of("ledger--quiet")
        if at_cursor:
            base += self.style_of("ledger--cursor")
            bar = quiet = _PLAIN
        glyphs = deck(self).preferences.glyphs
        row = table_row(self.rows[name], self._page, layout(self.line_width), glyphs)
        gap = " " * GAP
        return self.strip(
            [
                ("> " if at_cursor else "  ", _PLAIN),
                (row.name + gap + row.cost + gap, _PLAIN),
                (row.share, bar),
                (gap + row.rest, quiet),
            ],
            base,
        )

    # -- another page

    def action_group(self, grouping: Grouping) -> None:
        """Part it by something else."""
        self.grouping = grouping
        self._turn()

    def action_next_group(self, step: int) -> None:
        """Part it by what comes next."""
        place = (GROUPINGS.index(self.grouping) + step) % len(GROUPINGS)
        self.action_group(GROUPINGS[place])

    def action_span(self) -> None:
        """Look at a shorter span, and after the shortest at all."""
        self.span = SPANS[(SPANS.index(self.span) + 1) % len(SPANS)]
        self._turn()

    def action_order(self) -> None:
        """Order by something else."""
        self._orders[self.grouping] = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self._turn()

    def _turn(self) -> None:
        # It was asked for: no hand on the list holds the rows of another page.
        self.order_at_once()
        self._touched = False
        self.post_message(self.Turned())


class QuietLines(LineList, can_focus=False):
    """Shows lines that were drawn elsewhere; it only shows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{tone}" for tone in get_args(Tone)}

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._lines: Sequence[Pieces] = ()

    def show(self, lines: Sequence[Pieces]) -> None:
        """Show other lines."""
        if lines != self._lines:
            self._lines = lines
            self.set_line_count(len(lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        number = y + self.scroll_offset.y
        if number >= len(self._lines):
            return self.blank()
        pieces = [
            (piece.text, self.style_of(f"lines--{piece.tone}")) for piece in self._lines[number]
        ]
        return self.strip([("  ", _PLAIN), *pieces], self.base)


class ScrolledLines(QuietLines, can_focus=True):
    """Lines that are more than there may be room for: they scroll."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", without=("list.twice",))

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by what is seen at once."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_last(self) -> None:
        """Go to the end."""
        self.scroll_end(animate=False)
