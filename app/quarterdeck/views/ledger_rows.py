"""The ledger as it is shown: a table of sums, a chart of days, and budgets with what is left."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from quarterdeck.views.books import Bounded, Day, Grouping, LedgerPage, Span, Sum
from quarterdeck.views.charts import bar, columns, gauge
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.quantities import counted, duration, exact_money
from quarterdeck_kernel.vocabulary.rows import FleetRow

Order = Literal["cost", "name"]
Tone = Literal["plain", "quiet", "bar", "near", "over"]

ORDERS: Final[tuple[Order, ...]] = ("cost", "name")
GAP: Final = 2
_PREFIX_CELLS: Final = 2
_NAME_CELLS, _NAME_MOST = 16, 40
_SHARE_CELLS, _SHARE_MOST = 8, 48
_CHEAP_MICROS: Final = 10_000_000
"""Sums below this are told apart by hundredths of a cent."""
_NEAR_PERCENT, _FULL_PERCENT = 80, 100
_AXIS_CELLS: Final = 10
_OPEN: Final = frozenset({"queued", "running"})

SPAN_WORDS: Final[dict[Span, str]] = {
    "all": "all time", "month": "this month", "week": "the last 7 days", "today": "today",
}  # fmt: skip


class Piece(NamedTuple):
    """A stretch of a line, and how it is drawn."""

    text: str
    tone: Tone = "plain"


Pieces = tuple[Piece, ...]


class Column(NamedTuple):
    """A column of numbers, right in its cells."""

    title: str
    cells: int
    text: Callable[[Sum], str]
    from_width: int = 0


_NUMBERS = (
    Column("TOKENS IN", 9, lambda row: counted(row.input_tokens)),
    Column("OUT", 6, lambda row: counted(row.output_tokens)),
    Column("MODEL CALLS", 11, lambda row: f"{row.model_calls:,}", from_width=96),
    Column("TOOL CALLS", 10, lambda row: f"{row.tool_calls:,}", from_width=108),
)
_COST = Column("COST", 10, lambda _: "")


class Layout(NamedTuple):
    """What fits into a width."""

    name_cells: int
    share_cells: int
    numbers: tuple[Column, ...]


class TableRow(NamedTuple):
    """What stands in a row: the name, what it cost, its share as a bar, and numbers."""

    name: str
    cost: str
    share: str
    rest: str


def layout(width: int) -> Layout:
    """Return the columns of a width; the name and the bar share what is left."""
    numbers = tuple(column for column in _NUMBERS if width >= column.from_width)
    fixed = _PREFIX_CELLS + _COST.cells + 2 * GAP + sum(n.cells + GAP for n in numbers) + 1
    spare = max(0, width - fixed - _NAME_CELLS - _SHARE_CELLS)
    name = min(_NAME_CELLS + spare // 2, _NAME_MOST)
    share = min(_SHARE_CELLS + spare - (name - _NAME_CELLS), _SHARE_MOST)
    return Layout(name, max(0, share), numbers)


def heading(placed: Layout, grouping: Grouping, *, free: bool = False) -> str:
    """Return the line above the table; where all was free, shares are of tokens."""
    gap = " " * GAP
    cells = [
        fitted(grouping.upper(), placed.name_cells),
        fitted(_COST.title, _COST.cells, right=True),
        fitted("SHARE OF TOKENS" if free else "SHARE", placed.share_cells),
        *(fitted(each.title, each.cells, right=True) for each in placed.numbers),
    ]
    return " " * _PREFIX_CELLS + gap.join(cells)


def table_row(row: Sum, page: LedgerPage, placed: Layout, glyphs: Glyphs) -> TableRow:
    """Return what stands in the row of a sum."""
    most = max((_weight(each, page) for each in page.sums), default=0)
    cost = exact_money(row.cost_micros, digits(page), unknown=bool(row.unknown_costs))
    gap = " " * GAP
    numbers = (fitted(each.text(row), each.cells, right=True) for each in placed.numbers)
    return TableRow(
        fitted(plain(row.name) or "nobody", placed.name_cells),
        fitted(cost, _COST.cells, right=True),
        bar(_weight(row, page), max(most, 1), placed.share_cells, glyphs),
        gap.join(numbers),
    )


def _weight(row: Sum, page: LedgerPage) -> int:
    return row.input_tokens + row.output_tokens if page.free else row.cost_micros


def digits(page: LedgerPage) -> int:
    """Return how exact costs are shown on a page: all alike, so that they line up."""
    most = max((each.cost_micros for each in page.sums), default=0)
    return 4 if most < _CHEAP_MICROS else 2


def ordered(page: LedgerPage, order: Order) -> list[str]:
    """Return the names of the sums in an order; of days the newest is first."""
    by_name = sorted(page.sums, key=lambda row: row.name, reverse=page.grouping == "day")
    if order == "name":
        return [row.name for row in by_name]
    return [row.name for row in sorted(by_name, key=lambda row: -row.cost_micros)]


def status(
    page: LedgerPage | None, grouping: Grouping, span: Span, order: Order
) -> tuple[str, str]:
    """Return both ends of the line below the header: what is shown, and what it comes to."""
    words = f"by {grouping} · {SPAN_WORDS[span]} · order: {order}"
    if page is None:
        return words, "reading…"
    if not page.sums:
        return words, "nothing was used"
    total = sum(row.cost_micros for row in page.sums)
    unknown = any(row.unknown_costs for row in page.sums)
    more = " or more" if unknown else ""
    return words, f"in all {exact_money(total, digits(page))} dollars{more}"


# -- the days


def days_title(page: LedgerPage, shown: Sequence[Day]) -> tuple[str, str]:
    """Return both ends of the line above the chart."""
    title = "tokens a day" if page.free else "spend a day"
    if not shown:
        return title, ""
    if page.free:
        busy = max(shown, key=lambda day: day.tokens)
        return title, f"UTC · most: {counted(busy.tokens)} on {busy.day}"
    most = max(shown, key=lambda day: day.cost_micros)
    return title, f"UTC · most: {exact_money(most.cost_micros, digits(page))} on {most.day}"


def days_shown(page: LedgerPage, width: int) -> list[Day]:
    """Return every day from the first that fits to the last, those without spend, too."""
    if not page.days:
        return []
    known = {day.day: day for day in page.days}
    last, first = _date(max(known)), _date(min(known))
    count = min((last - first).days + 1, max(1, width // column_cells(width, page)))
    dates = [f"{last - timedelta(days=back):%Y-%m-%d}" for back in range(count - 1, -1, -1)]
    return [known.get(date, Day(date, 0)) for date in dates]


def column_cells(width: int, page: LedgerPage) -> int:
    """Return how wide a day is drawn: as wide as leaves room for all, within bounds."""
    if not page.days:
        return 1
    span = (_date(max(d.day for d in page.days)) - _date(min(d.day for d in page.days))).days + 1
    return max(2, min(4, width // span))


def chart(shown: Sequence[Day], cells: int, height: int, glyphs: Glyphs) -> list[Pieces]:
    """Return the chart of some days, and the line of dates below it."""
    if not shown:
        return []
    gap = " " if cells > 1 else ""
    free = not any(day.cost_micros for day in shown)
    values = [day.tokens if free else day.cost_micros for day in shown]
    lines = columns(values, height, glyphs)
    bars = ["".join(step * (cells - len(gap)) + gap for step in line) for line in lines]
    width = cells * len(shown)
    first, last = shown[0].day[5:], shown[-1].day[5:]
    axis = first if len(shown) == 1 else f"{first}{last:>{max(width - len(first), 6)}}"
    return [*((Piece(line, "bar"),) for line in bars), (Piece(axis, "quiet"),)]


def _date(day: str) -> datetime:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)


# -- the budgets


def bounded_runs(rows: Iterable[FleetRow]) -> list[Bounded]:
    """Return the budgets of runs that are not over, the nearest to its end first."""
    found = [
        Bounded(f"{row.agent}, run {row.run_id}", row.cost_micros, 0, row.budget_micros)
        for row in rows
        if row.budget_micros is not None and row.status in _OPEN
    ]
    return sorted(found, key=_left)


def _left(each: Bounded) -> float:
    return 1 - each.spent / each.limit if each.limit else 1


def budget_lines(budgets: Sequence[Bounded], width: int, glyphs: Glyphs) -> list[Pieces]:
    """Return a line for each budget: whose, a bar, what is used of what."""
    if not budgets:
        return [
            (Piece("none that bounds anybody; [budgets] in quarterdeck.toml sets some", "quiet"),)
        ]
    whose = min(max(len(plain(each.whose)) for each in budgets), max(12, width // 3))
    cells = min(32, max(8, width - whose - 44))
    return [_budget(each, whose, cells, glyphs) for each in budgets]


def _budget(each: Bounded, whose: int, cells: int, glyphs: Glyphs) -> Pieces:
    name = Piece(f"{fitted(plain(each.whose), whose)}  ")
    aside = f" · {_amount(each, each.reserved)} set aside" if each.reserved else ""
    if each.limit is None:
        return name, Piece(" " * cells), Piece(f"  {_amount(each, each.spent)}, no bound", "quiet")
    used = each.spent + each.reserved
    full = used * 100 // each.limit if each.limit else _FULL_PERCENT
    tone: Tone = "over" if full >= _FULL_PERCENT else "near" if full >= _NEAR_PERCENT else "bar"
    spent = _amount(each, each.spent).removesuffix(_unit(each))
    said = f"  {spent} of {_amount(each, each.limit)}"
    filled, track = gauge(used, each.limit, cells, glyphs)
    return (
        name,
        Piece(filled, tone),
        Piece(track, "quiet"),
        Piece(said, "plain" if tone == "bar" else tone),
        Piece(f" · {full}%{aside}", "quiet"),
    )


def _amount(each: Bounded, number: int) -> str:
    match each.kind:
        case "micros":
            return exact_money(number, 2 if (each.limit or 0) >= _CHEAP_MICROS / 10 else 4)
        case "wall_time_us":
            return duration(number)
        case "tokens":
            return f"{counted(number)}{_unit(each)}"
        case "model_calls" | "tool_calls":
            return f"{number:,}{_unit(each)}"


def _unit(each: Bounded) -> str:
    return "" if each.kind in {"micros", "wall_time_us"} else f" {each.kind.replace('_', ' ')}"
