"""The rows of the fleet: which columns fit, and what stands in them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from quarterdeck.views.charts import gauge
from quarterdeck.views.fleet_tree import ALONE, Branch
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.quantities import age, countdown, money
from quarterdeck.views.states import MARKS
from quarterdeck.views.zone import Now
from quarterdeck_kernel.vocabulary.rows import FleetRow

GAP = 2
_OBJECTIVE_CELLS = 72
_PREFIX_CELLS = 4
"""Cursor, selection, glyph, and a space: no width ever drops them."""
_BAR_CELLS = 6
_OVER = frozenset({"succeeded", "failed", "cancelled", "timed_out"})


class Column(NamedTuple):
    """A column of `cells`; with room it grows to `most`, the rest is the objective's.

    Without room those that have a `least` shrink to it, the agent first.
    """

    title: str
    cells: int
    text: Callable[[FleetRow, Now], str]
    most: int = 0
    right: bool = False
    from_width: int = 0
    least: int = 0


class Placed(NamedTuple):
    """A column and the cells that it has on a screen of some width."""

    column: Column
    cells: int


def _waits_for(row: FleetRow, now: Now) -> str:
    if row.cancel_requested_us is not None and row.status not in _OVER:
        return f"cancel requested, {age(row.cancel_requested_us, now.us)}"
    return plain(row.waits_for or "")


def _bar(row: FleetRow, glyphs: Glyphs = "rich") -> str:
    """Return how much of the budget is spent; a bar has no room for how far it was passed."""
    if not row.budget_micros:
        return ""
    return "".join(gauge(row.cost_micros, row.budget_micros, _BAR_CELLS, glyphs))


def _tokens(row: FleetRow) -> str:
    if not row.tokens:
        return ""
    return f"{row.tokens:,}" if row.tokens < 100_000 else f"{row.tokens // 1_000:,}k"  # noqa: PLR2004 - six cells


# Wider screens add what stands last in INTERFACE's order of dropping first: the preview, the clock
# of the deadline, the bar of the budget, tokens, the turn, the mode.
_COLUMNS = (
    Column("STATE", 9, lambda row, _: MARKS[row.need].word),
    Column("AGENT", 9, lambda row, _: plain(row.agent), most=16, least=6),
    Column("OBJECTIVE", 20, lambda row, _: plain(row.objective), least=12),
    Column("WAITS FOR", 17, _waits_for, most=28, least=12),
    Column("PREVIEW", 20, lambda _, __: "", most=56, from_width=108),
    Column("MODE", 9, lambda row, _: row.mode.replace("_", " "), from_width=164),
    Column("TURN", 4, lambda row, _: str(row.turn or ""), right=True, from_width=152),
    Column("TOKENS", 6, lambda row, _: _tokens(row), right=True, from_width=144),
    Column("BUDGET", _BAR_CELLS, lambda row, _: _bar(row), from_width=132),
    Column("DEADLINE", 8, lambda row, now: countdown(_deadline(row), now.us), right=True,
           from_width=128),
    Column("LAST", 5, lambda row, now: now.ago(row.changed_us), right=True),
    Column(
        "COST", 5, lambda row, _: money(row.cost_micros, unknown=row.cost_unknown), right=True,
        from_width=68,
    ),
)  # fmt: skip


def _deadline(row: FleetRow) -> int | None:
    return None if row.status in _OVER else row.deadline_us


@lru_cache(maxsize=32)
def placed(width: int) -> tuple[Placed, ...]:
    """Return the columns that fit into `width` cells, and how wide each is."""
    columns = [column for column in _COLUMNS if width >= column.from_width]
    fixed = _PREFIX_CELLS + sum(column.cells for column in columns) + GAP * (len(columns) - 1)
    spare, lacking = max(0, width - fixed - 1), max(0, fixed + 1 - width)
    result = []
    for column in columns:
        if lacking and column.least:
            less = min(lacking, column.cells - column.least)
            lacking -= less
            result.append(Placed(column, column.cells - less))
            continue
        # A third at the most, so that the objective grows first.
        grown = min(max(0, column.most - column.cells), spare // 3)
        result.append(Placed(column, column.cells + grown))
        spare -= grown
    # Beyond that the eye would lose the row on its way to the right.
    return tuple(
        p._replace(cells=min(p.cells + spare, _OBJECTIVE_CELLS))
        if p.column.title == "OBJECTIVE"
        else p
        for p in result
    )


def heading(columns: Sequence[Placed]) -> str:
    """Return the line above the rows."""
    gap = " " * GAP
    cells = [fitted(c.title, width, right=c.right) for c, width in columns]
    return " " * _PREFIX_CELLS + gap.join(cells)


def row_cells(
    row: FleetRow,
    columns: Sequence[Placed],
    now: Now,
    branch: Branch = ALONE,
    *,
    preview: str = "",
    glyphs: Glyphs = "rich",
) -> list[str]:
    """Return what stands in each column, cut to its width."""
    texts = {c.title: c.text(row, now) for c, _ in columns}
    # What the state says already is not said twice.
    texts["PREVIEW"] = preview.removeprefix(f"{MARKS[row.need].word}: ")
    if glyphs == "plain":
        texts["BUDGET"] = _bar(row, glyphs)
    if branch.depth or branch.folded:
        texts["AGENT"] = branch.stem + texts["AGENT"]
    if branch.inside:
        texts["WAITS FOR"] = f"{branch.inside} inside"
    return [fitted(texts[c.title], width, right=c.right) for c, width in columns]


def has_preview(columns: Sequence[Placed]) -> bool:
    """Tell whether there is room for what a run did last."""
    return any(column.title == "PREVIEW" for column, _ in columns)


def fleet_table(rows: Sequence[FleetRow], *, columns: int) -> list[str]:
    """Return the fleet as lines of text, for the command line."""
    layout = [item for item in placed(columns) if item.column.title not in {"LAST", "PREVIEW"}]
    gap = " " * GAP
    lines = [heading(layout).rstrip()]
    lines += [
        f" {MARKS[row.need].glyph} {gap.join(row_cells(row, layout, Now(row.changed_us)))}".rstrip()
        for row in rows
    ]
    return lines
