"""The fleet: one row a run, by need; sub-agents under their parent."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from quarterdeck.messages import NewRunWanted, RunOpened, RunPicked, RunsChosen
from quarterdeck.views.fleet_filter import EVERYTHING, Filter
from quarterdeck.views.fleet_rows import GAP, Placed, has_preview, placed, row_cells
from quarterdeck.views.fleet_tree import ALONE, ORDERS, Arranged, arranged
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.keyed import bindings
from quarterdeck_kernel.vocabulary.rows import FleetRow

_PLAIN = Style()

Gist = Callable[[str, int], str | None]


class FleetList(IdList[str, FleetRow], can_focus=True):
    """Shows the rows of a glimpse that fit the filter."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("fleet", "list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "fleet--cursor", "fleet--dimmed", "fleet--mark"
    } | {f"state--{need}" for need in MARKS}  # fmt: skip

    def __init__(self, gist: Gist, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty, ordered by need, with nothing left out."""
        super().__init__(id=id)
        self._gist = gist
        self._previews: dict[str, str] = {}
        self.order = ORDERS[0]
        self.wanted = EVERYTHING
        self.arranged = Arranged([], {})
        self.folded: set[str] = set()
        self.new: frozenset[str] = frozenset()
        self._glimpse = Glimpse()
        self._now_us = 0
        self._asked: object = None

    def apply(self, glimpse: Glimpse, now_us: int) -> None:
        """Show a glimpse."""
        same = glimpse.rows is self._glimpse.rows
        self._glimpse, self._now_us = glimpse, now_us
        kept = self.cursor if self._touched and self.wanted.conditions else None
        asked = (self.order, self.wanted, frozenset(self.folded), kept)
        if not same or asked != self._asked:
            self._asked = asked
            self.arranged = arranged(
                glimpse.rows, order=self.order, wanted=self.wanted, folded=self.folded, kept=kept
            )
        self.new = deck(self).looking.new(glimpse.rows)
        rows = glimpse.by_id
        for name in self.selected.keys() & rows.keys():
            self.selected[name] = rows[name]
        self.show_rows(rows, self.arranged.ids)

    def again(self) -> None:
        """Show the same glimpse as it is wanted now."""
        self.order_at_once()
        self.apply(self._glimpse, self._now_us)

    def want(self, wanted: Filter) -> None:
        """Leave out what does not fit; the row under the cursor stays, dimmed."""
        self.wanted = wanted
        self.again()

    @property
    def hidden(self) -> int:
        """Return how many of the selected are not on the list now."""
        return len(self.selected.keys() - (set(self.shown) - self.arranged.dimmed))

    # -- what is done with it

    def picked(self, name: str) -> None:
        """Show the log of the run the cursor came to; a row that was dimmed goes."""
        self.post_message(RunPicked(name))
        if self.arranged.dimmed - {name}:
            self.call_next(self.again)

    def opened(self, name: str) -> None:
        """Open the log of a run."""
        self.post_message(RunOpened(name))

    def action_new_run(self) -> None:
        """Start a run."""
        self.post_message(NewRunWanted())

    def chosen(self) -> None:
        """Tell that others are selected."""
        super().chosen()
        self.post_message(RunsChosen())

    def action_select_all(self) -> None:
        """Select all that the filter shows; if they are, none of them."""
        self.touch()
        fitting = {
            row.run_id: row for row in self._glimpse.rows if self.wanted.fits(row)
        }  # those that are folded away, too
        if fitting.keys() <= self.selected.keys():
            for name in fitting:
                del self.selected[name]
        else:
            self.selected |= fitting
        self.chosen()

    def action_order(self) -> None:
        """Order by something else, at once: it was asked for."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.again()
        self.post_message(RunsChosen())

    def action_fold(self) -> None:
        """Fold the sub-agents away; on one of them, go to its parent."""
        row = self.row_at_cursor()
        if row is None:
            return
        branch = self.arranged.branches.get(row.run_id, ALONE)
        if branch.children and not branch.folded:
            self.touch()
            self.folded.add(row.run_id)
            self.again()
        elif branch.depth and row.parent_run_id in self.shown:
            self._go(self.shown.index(row.parent_run_id))

    def action_unfold(self) -> None:
        """Show the sub-agents."""
        if self.cursor in self.folded:
            self.touch()
            self.folded.discard(self.cursor)
            self.again()

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        name = self.at(y)
        if name is None:
            return self.blank()
        row = self.rows[name]
        mark = MARKS[row.need]
        at_cursor, dimmed = name == self.cursor, name in self.arranged.dimmed
        base = self.base
        if dimmed:
            base += self.style_of("fleet--dimmed")
        if at_cursor:
            base += self.style_of("fleet--cursor")
        state = _PLAIN if dimmed else self.style_of(f"state--{row.need}")
        branch = self.arranged.branches.get(name, ALONE)
        gap, glyphs = " " * GAP, deck(self).preferences.glyphs
        columns, now = placed(self.line_width), deck(self).now(self._now_us)
        said = self._preview(row, columns)
        word, *cells = row_cells(row, columns, now, branch, preview=said, glyphs=glyphs)
        pieces = [
            (">" if at_cursor else " ", _PLAIN),
            (self._mark(name), _PLAIN if at_cursor else self.style_of("fleet--mark")),
            (f"{mark.drawn(glyphs)} {word}", state),
            (gap + gap.join(cells), _PLAIN),
        ]
        return self.strip(pieces, base)

    def _preview(self, row: FleetRow, columns: Sequence[Placed]) -> str:
        """Return what a run did last; while that is being read, what it did before."""
        if not row.head_seq or not has_preview(columns):
            return ""
        said = self._gist(row.run_id, row.head_seq)
        if said is not None:
            self._previews[row.run_id] = said
        return self._previews.get(row.run_id, "")

    def _mark(self, name: str) -> str:
        if name in self.selected:
            return "*"
        if name not in self.new:
            return " "
        return "'" if deck(self).preferences.glyphs == "plain" else "•"
