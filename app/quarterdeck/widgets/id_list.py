"""Lists whose rows are known by their ids: cursor, order and clicks depend on no row number."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from textual import events
from textual.geometry import Region

from quarterdeck.views.order import HOLD_S, Id, held_order, would_move
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.lines import LineList

Row = TypeVar("Row")


class IdList(LineList, Generic[Id, Row]):
    """Shows rows by id. The order stands still after any key or click, and below a menu.

    `GONE_STAY`: while it stands still, rows that are gone keep their places, so that nothing
    moves up under a hand. What is selected stays so, whatever becomes of its row.
    """

    GONE_STAY = False

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self.cursor: Id | None = None
        self.moves = 0
        self.rows: Mapping[Id, Row] = {}
        self.gone: set[Id] = set()
        self.shown: list[Id] = []
        self.selected: dict[Id, Row] = {}
        self._moved_s = -HOLD_S
        self._touched = False
        self._at_once = False
        self._given: tuple[object, object] = (None, None)
        self._pressed: Id | None = None
        self._painted: dict[int, Id] = {}

    def show_rows(self, rows: Mapping[Id, Row], wanted: Sequence[Id]) -> None:
        """Show rows in an order, or in the one before while a hand is on the list."""
        held, self._at_once = self._held() and not self._at_once, False
        given, self._given = self._given, (rows, wanted)
        if rows is given[0] and wanted is given[1] and (held or not (self.moves or self.gone)):
            # Nothing has another place; what is told of time may be another all the same.
            self.refresh()
            return
        order = held_order(self.shown, wanted, gone_stay=self.GONE_STAY)
        if held:
            self.shown, self.moves = order, would_move(order, wanted)
            self.gone = set(order) - rows.keys()
            kept = {name: self.rows[name] for name in self.gone}
            self.rows = {**kept, **rows} if kept else rows
        else:
            self.shown, self.moves, self.gone = list(wanted), 0, set()
            self.rows = rows
        self.set_line_count(len(self.shown))
        # Until somebody moves it, the cursor is where the need is.
        if self.shown and (not self._touched or self.cursor not in self.shown):
            self.pick(self.shown[0])
        elif not self.shown:
            self.cursor = None
        self.refresh()

    def _held(self) -> bool:
        last_s = max(self._moved_s, deck(self).hands.last_s)
        return self.app.screen is not self.screen or deck(self).monotonic_s() - last_s < HOLD_S

    def order_at_once(self) -> None:
        """Let the next rows stand as they are wanted: somebody asked for another order."""
        self._at_once = True

    def at(self, y: int) -> Id | None:
        """Return whose row is to be painted at a line of the widget, and remember it."""
        number = y + self.scroll_offset.y
        if number >= len(self.shown):
            self._painted.pop(y, None)
            return None
        self._painted[y] = self.shown[number]
        return self.shown[number]

    def row_at_cursor(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows.get(self.cursor) if self.cursor is not None else None

    # -- what a list does with it

    def picked(self, name: Id) -> None:
        """Tell that the cursor came to another row."""

    def opened(self, name: Id) -> None:
        """Open a row."""

    def chosen(self) -> None:
        """Show that others are selected."""
        self.refresh()

    # -- moving

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._go(self._place() + rows)

    def action_page(self, pages: int) -> None:
        """Move by what is seen at once."""
        self._go(self._place() + pages * max(1, self.content_size.height - 1))

    def action_first(self) -> None:
        """Go to the most pressing row."""
        self._go(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self._go(len(self.shown) - 1)

    def action_select(self) -> None:
        """Select the row under the cursor, or not any more."""
        name, row = self.cursor, self.row_at_cursor()
        if name is None or row is None:
            return
        self.touch()
        if self.selected.pop(name, None) is None:
            self.selected[name] = row
        self.chosen()

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor is not None:
            self.opened(self.cursor)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Note what is painted under the pointer now: that is what the click means."""
        self._pressed = self._painted.get(event.y)

    def on_click(self) -> None:
        """Pick a row; a click on the picked one opens it."""
        if self._pressed is None or self._pressed not in self.rows:
            return
        if self._pressed == self.cursor:
            self.action_open()
        else:
            self.touch()
            self.pick(self._pressed)

    def touch(self) -> None:
        """Note that a hand is on the list."""
        self._touched = True
        self._moved_s = deck(self).monotonic_s()

    def pick(self, name: Id) -> None:
        """Put the cursor on a row."""
        if name != self.cursor:
            before, self.cursor = self.cursor, name
            self.picked(name)
            for place, painted in self._painted.items():
                if painted in {before, name}:
                    self.refresh(Region(0, place, self.size.width, 1))

    def _place(self) -> int:
        return self.shown.index(self.cursor) if self.cursor in self.shown else 0

    def _go(self, number: int) -> None:
        if not self.shown:
            return
        self.touch()
        number = max(0, min(number, len(self.shown) - 1))
        self.pick(self.shown[number])
        self.show_line(number)
