"""The rows of the inbox: which columns fit, and what stands in them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.quantities import countdown
from quarterdeck.views.zone import Now
from quarterdeck_kernel.vocabulary.rows import InboxRow

GAP = 2
_PREFIX_CELLS = 4
"""Cursor, selection, glyph, and a space, as in the fleet."""

Name = tuple[str, str]


class Column(NamedTuple):
    """A column of at least `cells`; what room is left is the title's."""

    title: str
    cells: int
    text: Callable[[InboxRow, Now], str]
    right: bool = False
    from_width: int = 0


class Placed(NamedTuple):
    """A column and the cells that it has."""

    column: Column
    cells: int


_COLUMNS = (
    Column("STATE", 8, lambda row, _: "unknown" if row.kind == "unknown" else "waiting"),
    Column("WHAT", 24, lambda row, _: plain(row.title)),
    Column("AGENT", 12, lambda row, _: plain(row.agent), from_width=72),
    Column("RUN", 14, lambda row, _: plain(row.run_id), from_width=120),
    Column("TENANT", 10, lambda row, _: plain(row.tenant), from_width=144),
    Column("TOOL", 14, lambda row, _: plain(row.tool or ""), from_width=160),
    Column("RISK", 6, lambda row, _: row.risk or "", from_width=80),
    Column("EXPIRES", 8, lambda row, now: countdown(row.deadline_us, now.us), right=True),
    Column("SINCE", 5, lambda row, now: now.ago(row.since_us), right=True),
)
_MOST_TITLE = 96


def name_of(row: InboxRow) -> Name:
    """Return what tells an item from all others."""
    return (row.run_id, row.item_id)


def placed(width: int) -> list[Placed]:
    """Return the columns that fit into `width` cells, and how wide each is."""
    columns = [column for column in _COLUMNS if width >= column.from_width]
    fixed = _PREFIX_CELLS + sum(column.cells for column in columns) + GAP * (len(columns) - 1)
    spare = max(0, width - fixed - 1)
    return [
        Placed(c, min(c.cells + spare, _MOST_TITLE) if c.title == "WHAT" else c.cells)
        for c in columns
    ]


def heading(columns: Sequence[Placed]) -> str:
    """Return the line above the rows."""
    gap = " " * GAP
    return " " * _PREFIX_CELLS + gap.join(
        fitted(column.title, width, right=column.right) for column, width in columns
    )


def row_cells(
    row: InboxRow, columns: Sequence[Placed], now: Now, gist: str | None = None
) -> list[str]:
    """Return what stands in each column, cut to its width; `gist` is what would be done, if known.

    What it is stands first, then why it waits.
    """
    texts = {c.title: c.text(row, now) for c, _ in columns}
    if gist is not None:
        texts["WHAT"] = gist
    return [fitted(texts[c.title], width, right=c.right) for c, width in columns]


ORDERS = ("deadline", "age", "run")
"""What the inbox may be ordered by, in the order that `o` goes through."""


def ordered(rows: Sequence[InboxRow], order: str) -> list[Name]:
    """Return the names of items in an order; the store's own is by deadline, then age."""
    if order == "age":
        rows = sorted(rows, key=lambda row: (row.since_us, row.run_id, row.seq))
    elif order == "run":
        rows = sorted(rows, key=lambda row: (row.agent, row.run_id, row.seq))
    return [name_of(row) for row in rows]


def status(glimpse: Glimpse, order: str, *, moves: int, selected: int) -> tuple[str, str]:
    """Return the line above the list."""
    if glimpse.trouble is not None:
        return f"what you see may be old: {plain(glimpse.trouble)}", ""
    if not glimpse.inbox:
        running = glimpse.counts()["running"]
        return f"nothing waits, {running} running", ""
    left = f"order: {'deadline, then age' if order == 'deadline' else order}"
    if moves:
        left += f" · held 3 s after your last move, {moves} {'row' if moves == 1 else 'rows'} would"
        left += " move"
    count = len(glimpse.inbox)
    chosen = f"{selected} selected · " if selected else ""
    return left, f"{chosen}{count} {'waits' if count == 1 else 'wait'}"
