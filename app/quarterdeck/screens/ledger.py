"""Ledger: what was spent and by whom; a table first, then its days, then the budgets."""

from typing import ClassVar

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.views import ledger_rows
from quarterdeck.views.books import LedgerPage
from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import exact_money
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.ledger_list import LedgerList, QuietLines, ScrolledLines

_TALL_LINES = 36
_CHART_ROWS = {False: 3, True: 8}
_BUDGETS_SHOWN = {False: 4, True: 10}
_FRAME_LINES = {False: 7, True: 9}
"""Header, status, heading, two titles, the days' dates, footer; and air where there is room."""
_LEAST_ROWS = 3
_EMPTY = (
    "Nothing was used yet.\n\nWhat runs spend on models and tools is added up here, by tenant, "
    "person, agent, model and day.\n`n` on the fleet starts a run."
)


class LedgerScreen(DeckScreen):
    """Reads; nothing is changed here."""

    PLACE = "Ledger"
    TAB = "ledger"
    AUTO_FOCUS: ClassVar[str] = "#ledger"

    def compose_body(self) -> list[Widget]:
        """Return the table, the chart and the budgets."""
        return [
            EndsLine(id="heading"),
            Static(_EMPTY, id="nothing-used", markup=False),
            LedgerList(id="ledger"),
            TitleLine(id="days-title"),
            QuietLines(id="days"),
            TitleLine(id="budgets-title"),
            ScrolledLines(id="budgets"),
        ]

    @property
    def list(self) -> LedgerList:
        """Return the table."""
        return self.query_one(LedgerList)

    def show_news(self) -> None:
        """Ask for the page that is looked at, and show what is there of it."""
        table = self.list
        page = self.source.ledger(table.grouping, table.span)
        table.apply(page)
        trouble = self.source.glimpse().trouble
        if trouble is not None:
            self.status.show(f"what you see may be old: {plain(trouble)}")
        else:
            self.status.show(*ledger_rows.status(page, table.grouping, table.span, table.order))
        self.set_class(page is not None and not page.sums, "-empty")
        width = table.line_width or self.size.width
        placed = ledger_rows.layout(width)
        self.query_one("#heading", EndsLine).show(
            ledger_rows.heading(placed, table.grouping, free=page.free if page else False)
        )
        if page is not None:
            self._show_days(page)
        below = self._show_budgets(page)
        tall = self.size.height >= _TALL_LINES
        room = self.size.height - _FRAME_LINES[tall] - _CHART_ROWS[tall] - below
        # What is below stands where the table ends, not at the bottom of an empty screen.
        table.styles.height = max(_LEAST_ROWS, min(table.virtual_size.height, room))

    def _show_days(self, page: LedgerPage) -> None:
        tall = self.size.height >= _TALL_LINES
        lines, glyphs = self.query_one("#days", QuietLines), deck(self).preferences.glyphs
        width = max(1, self.size.width - 3)
        cells = ledger_rows.column_cells(width, page)
        days = ledger_rows.days_shown(page, width)
        left, right = ledger_rows.days_title(page, days)
        self.query_one("#days-title", TitleLine).show(left, right)
        lines.show(ledger_rows.chart(days, cells, _CHART_ROWS[tall], glyphs))
        lines.styles.height = _CHART_ROWS[tall] + 1

    def _show_budgets(self, page: LedgerPage | None) -> int:
        tall = self.size.height >= _TALL_LINES
        shared = page.budgets if page is not None else ()
        budgets = [*shared, *ledger_rows.bounded_runs(self.source.glimpse().rows)]
        lines = self.query_one("#budgets", ScrolledLines)
        hidden = bool(lines.size.height) and len(budgets) > lines.size.height
        how = "↑ ↓ scroll" if lines.has_focus else "Tab"
        more = f"{len(budgets)}, the nearest first · {how}" if hidden else ""
        self.query_one("#budgets-title", TitleLine).show("budgets", more)
        drawn = ledger_rows.budget_lines(
            budgets, max(1, self.size.width - 4), deck(self).preferences.glyphs
        )
        lines.show(drawn)
        return min(len(drawn), _BUDGETS_SHOWN[tall])

    def on_descendant_focus(self) -> None:
        """Say how the budgets are scrolled."""
        if self.ready:
            self.show_news()

    def on_ledger_list_turned(self) -> None:
        """Show another page at once; what is not read yet says so."""
        self.show_news()
        self.list.scroll_home(animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        """Place everything anew."""
        self.call_after_refresh(self.show_news)

    def copied(self) -> Copied | None:
        """Return the sum under the cursor."""
        row = self.list.row_at_cursor()
        if row is None:
            return None
        name = plain(row.name) or "nobody"
        cost = exact_money(row.cost_micros, 6, unknown=bool(row.unknown_costs))
        return Copied(f"{self.list.grouping} {name} {cost}", f"the sum of {name}")
