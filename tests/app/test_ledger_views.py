"""The ledger, drawn: bars that are never lost, days without holes, budgets that say how full."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quarterdeck.views import charts
from quarterdeck.views.books import Bounded, Day, LedgerPage, Sum
from quarterdeck.views.charts import bar, columns
from quarterdeck.views.ledger_rows import (
    bounded_runs,
    budget_lines,
    chart,
    column_cells,
    days_shown,
    days_title,
    heading,
    layout,
    ordered,
    status,
    table_row,
)
from quarterdeck.views.quantities import counted, exact_money
from tests.app.frozen import row
from tests.app.ledgers import page


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 80))
def test_a_bar_fills_its_cells_and_shows_whatever_is_not_nothing(
    part: int, whole: int, cells: int
) -> None:
    for glyphs in ("rich", "plain"):
        drawn = bar(part, whole, cells, glyphs)
        assert cell_len(drawn) == cells
        assert bool(drawn.strip()) == (part > 0)
    assert (bar(part, whole, cells) == "█" * cells) == (part > 0 and part >= whole) or part < whole


def test_a_bar_that_rounds_what_is_small_away_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert bar(1, 10**6, 10).strip()
    monkeypatch.setattr(charts, "_share", lambda part, whole, most: part * most // whole)
    assert not bar(1, 10**6, 10).strip()


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 8))
def test_a_chart_has_a_column_for_each_value_and_stands_on_its_foot(
    values: list[int], height: int
) -> None:
    lines = columns(values, height)
    assert len(lines) == height
    assert {len(line) for line in lines} == {len(values)}
    for place, value in enumerate(values):
        steps = [line[place] for line in lines]
        assert (steps[-1] != " ") == (value > 0)
        assert all(below == "█" for above, below in pairwise(steps)
                   if above != " ")  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_table_fits_and_its_heading_stands_over_it(width: int) -> None:
    placed = layout(width)
    drawn = heading(placed, "agent")
    assert cell_len(drawn) < width
    for each in page().sums:
        parts = table_row(each, page(), placed, "rich")
        line = f"  {parts.name}  {parts.cost}  {parts.share}  {parts.rest}"
        assert cell_len(line) == cell_len(drawn)


def test_names_from_anywhere_are_plain_and_nobody_has_a_name() -> None:
    hostile = replace(page(), sums=(Sum("[red]\x1b[2J", 5), Sum("", 1)))
    names = [table_row(each, hostile, layout(80), "rich").name.strip() for each in hostile.sums]
    assert names == ["[red]<ESC>[2J", "nobody"]


def test_sums_are_ordered_by_cost_or_name_and_days_from_the_newest() -> None:
    shown = page()
    assert ordered(shown, "cost")[:2] == ["researcher", "surveyor"]
    assert ordered(shown, "name")[:2] == ["cleaner", "payments"]
    days = LedgerPage(grouping="day", span="all", sums=(Sum("2026-11-01"), Sum("2026-11-02")))
    assert ordered(days, "name") == ["2026-11-02", "2026-11-01"]


def test_the_status_says_what_is_shown_and_what_it_comes_to() -> None:
    assert status(None, "agent", "all", "cost") == (
        "by agent · all time · order: cost", "reading…"
    )  # fmt: skip
    empty = LedgerPage(grouping="agent", span="today")
    assert status(empty, "agent", "today", "cost")[1] == "nothing was used"
    assert status(page(), "agent", "all", "cost")[1].endswith("in all 3.7330 dollars or more")


def test_days_without_spend_are_days_all_the_same() -> None:
    gap = replace(page(), days=(Day("2026-02-27", 5), Day("2026-03-02", 7)))
    shown = days_shown(gap, 80)
    assert [day.day[5:] for day in shown] == ["02-27", "02-28", "03-01", "03-02"]
    assert [day.cost_micros for day in shown] == [5, 0, 0, 7]
    assert days_title(gap, shown) == ("spend a day", "UTC · most: 0.0000 on 2026-03-02")
    (*bars, axis) = chart(shown, column_cells(80, gap), 2, "rich")
    assert len(bars) == 2
    assert axis[0].text.split() == ["02-27", "03-02"]
    assert [day.day for day in days_shown(gap, 4)] == ["2026-03-01", "2026-03-02"]


def test_where_nothing_costs_anything_tokens_are_shown() -> None:
    free = LedgerPage(
        grouping="agent", span="all", sums=(Sum("a", input_tokens=30), Sum("b", input_tokens=15)),
        days=(Day("2026-11-01", 0, 45),),
    )  # fmt: skip
    assert days_title(free, days_shown(free, 80))[0] == "tokens a day"
    shares = [table_row(each, free, layout(80), "rich").share.rstrip() for each in free.sums]
    assert len(shares[0]) > len(shares[1]) > 0


def test_a_budget_says_how_full_it_is_and_when_it_is_nearly_so() -> None:
    lines = budget_lines(page().budgets, 78, "rich")
    tones = [next(piece.tone for piece in line[1:]) for line in lines]
    assert tones == ["bar", "near", "over"]
    said = ["".join(piece.text for piece in line) for line in lines]
    assert "1.31 of 20.00 · 7% · 0.10 set aside" in said[0]
    assert "412 of 400 tool calls · 103%" in said[2]
    assert max(map(cell_len, said)) <= 78
    unbounded = Bounded("run a", 5_000_000, 0, None)
    assert "no bound" in "".join(piece.text for piece in budget_lines([unbounded], 78, "rich")[0])
    nothing = budget_lines([], 78, "rich")[0]
    assert "[budgets]" in nothing[0].text


def test_of_runs_only_those_that_may_still_spend_are_listed_the_fullest_first() -> None:
    rows = [
        row("a", "running")._replace(budget_micros=1_000_000, cost_micros=1),
        row("b", "running")._replace(budget_micros=1_000_000, cost_micros=900_000),
        row("c", "done", status="succeeded")._replace(budget_micros=1),
        row("d", "running"),
    ]
    assert [each.whose for each in bounded_runs(rows)] == ["b, run b", "a, run a"]


@pytest.mark.parametrize(
    ("micros", "digits", "shown"),
    [(0, 2, "0.00"), (5_000, 2, "0.01"), (4_999, 2, "0.00"), (1_234_567_890, 2, "1,234.57"),
     (4_100, 4, "0.0041"), (1, 6, "0.000001")],
)  # fmt: skip
def test_money_is_exact_to_its_digits(micros: int, digits: int, shown: str) -> None:
    assert exact_money(micros, digits) == shown
    assert exact_money(micros, digits, unknown=True) == f"≥{shown}"


def test_long_counts_are_short() -> None:
    assert [counted(n) for n in (9_999, 10_000, 10_000_000)] == ["9,999", "10k", "10M"]
