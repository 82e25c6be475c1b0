"""The fleet without a screen: filter, families, columns, batches, and what needs somebody."""

from itertools import pairwise

import pytest

from quarterdeck.views import batch, headline
from quarterdeck.views.fleet_filter import Filter, read_filter
from quarterdeck.views.fleet_rows import placed, row_cells
from quarterdeck.views.fleet_tree import arranged
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.needs import NeedOf, needs, next_need
from quarterdeck.views.zone import Now
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need
from tests.app.frozen import NOW_US, fleet, item, row

ROWS = fleet().shown.rows


def under(name: str, parent: str, need: Need = "running") -> FleetRow:
    return row(name, need)._replace(parent_run_id=parent)


FAMILY = (
    under("grandchild", "child", "waiting"),
    row("lone", "failed"),
    row("parent", "running"),
    under("child", "parent"),
)


def fitting(text: str) -> list[str]:
    wanted = read_filter(text)
    assert wanted.problem is None
    return [one.run_id for one in ROWS if wanted.fits(one)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SETTLE", ["payments"]),
        ("state:waiting", ["cleaner"]),
        ("state:unk,failed", ["payments", "importer"]),
        ("agent:scribe", ["scribe"]),
        ("a tenant:other", []),
        ("cost:>0.1", ["surveyor"]),
        ("cost:<=0 state:queued", ["waiter"]),
    ],
)
def test_a_filter_takes_text_and_conditions_that_must_all_hold(text: str, names: list[str]) -> None:
    assert fitting(text) == names


@pytest.mark.parametrize("text", ["", "state:", "cost:>", "tenant:", "agent: "])
def test_a_condition_that_is_still_typed_hides_nothing(text: str) -> None:
    assert len(fitting(text)) == len(ROWS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("state:asleep", "no state begins with 'asleep'; there are unknown, waiting"),
        ("cost:>much", "'much' is no sum in dollars"),
        ("cost:nan", "'nan' is no sum"),
        ("stat:waiting", "did you mean state:?"),
    ],
)
def test_a_filter_that_cannot_be_right_says_why(text: str, said: str) -> None:
    problem = read_filter(text).problem
    assert problem is not None
    assert said in problem


def test_a_text_with_a_colon_that_names_nothing_is_a_text() -> None:
    assert read_filter("https://a").problem is None
    assert fitting("https://a") == []


def test_a_family_stands_where_its_most_pressing_member_would() -> None:
    found = arranged(FAMILY)
    assert found.ids == ["parent", "child", "grandchild", "lone"]
    assert [found.branches[n].depth for n in found.ids[:3]] == [0, 1, 2]
    assert "lone" not in found.branches
    assert found.branches["grandchild"].stem == " └ "


def test_what_is_folded_away_says_how_many_and_what_they_need() -> None:
    found = arranged(FAMILY, folded={"parent"})
    assert found.ids == ["parent", "lone"]
    branch = found.branches["parent"]
    assert (branch.folded, branch.inside) == (2, "1 waiting")
    cells = row_cells(FAMILY[2], placed(80), Now(NOW_US), branch)
    assert cells[1].startswith("+2 parent")
    assert cells[3].startswith("1 waiting inside")


def test_an_order_is_of_families_too() -> None:
    rich = FAMILY[0]._replace(cost_micros=9_000_000)
    found = arranged((rich, *FAMILY[1:]), order="cost")
    assert found.ids == ["parent", "child", "grandchild", "lone"]
    assert arranged(FAMILY, order="agent").ids == ["parent", "child", "grandchild", "lone"]
    by_age = arranged(
        [row("old", "waiting"), row("young", "done")._replace(created_us=NOW_US)],
        order="age",
    )
    assert by_age.ids == ["young", "old"]


def test_a_row_that_was_filtered_away_under_the_cursor_stays_dimmed_and_is_not_counted() -> None:
    wanted = read_filter("state:waiting")
    found = arranged(ROWS, wanted=wanted, kept="scribe")
    assert (found.ids, found.fitting) == (["cleaner", "scribe"], 1)
    assert found.dimmed == {"scribe"}
    assert arranged(ROWS, wanted=wanted, kept="cleaner").dimmed == frozenset()


def test_a_child_whose_parent_does_not_fit_stands_alone() -> None:
    found = arranged(FAMILY, wanted=read_filter("state:waiting"))
    assert (found.ids, found.branches) == (["grandchild"], {})


def test_columns_are_dropped_in_the_order_that_was_promised() -> None:
    titles = [{p.column.title for p in placed(width)} for width in range(200, 59, -1)]
    dropped: list[str] = []
    for wider, narrower in pairwise(titles):
        dropped += wider - narrower
    assert dropped == ["MODE", "TURN", "TOKENS", "BUDGET", "DEADLINE", "PREVIEW", "COST"]
    assert titles[-1] == {"STATE", "AGENT", "OBJECTIVE", "WAITS FOR", "LAST"}


def test_wide_screens_tell_budget_tokens_turn_and_deadline() -> None:
    one = row("a", "running")._replace(
        budget_micros=246_912, tokens=123_456, turn=11, deadline_us=NOW_US + 581_000_000
    )
    line = " ".join(row_cells(one, placed(200), Now(NOW_US)))
    assert all(said in line for said in ("███···", "  123k", "  11", "9:41"))


def test_a_cancel_that_was_asked_for_is_told_until_it_is_done() -> None:
    asked = row("a", "running", waits_for="child reader")._replace(
        cancel_requested_us=NOW_US - 40_000_000
    )
    assert "cancel requested" in row_cells(asked, placed(120), Now(NOW_US))[3]
    over = asked._replace(status="cancelled")
    assert "cancel" not in row_cells(over, placed(120), Now(NOW_US))[3]


def test_the_status_says_what_is_selected_hidden_and_filtered() -> None:
    glimpse = fleet().shown
    said = headline.status(glimpse, headline.Listed(selected=5, hidden=2, fitting=3))
    assert said == ("order: need", "5 selected, 2 hidden · 3 of 8 runs")
    assert headline.status(glimpse, headline.Listed(fitting=0))[0] == "no match, Esc clears"
    assert headline.status(glimpse, headline.Listed(fitting=0, problem="why"))[0] == "why"
    assert headline.status(glimpse, headline.Listed(order="age"))[0] == "order: newest first"


def test_a_batch_lists_all_that_is_asked_and_why_the_rest_is_not() -> None:
    asked = batch.asked_of("hold", ROWS)
    text = batch.summary("hold", asked)
    assert all(one.run_id in text for one in ROWS)
    left_out = {item.row.run_id: item.problem for item in asked if item.problem}
    assert left_out == {
        "importer": "it is over",
        "archivist": "it is held already",
        "scribe": "it is over",
    }
    acknowledged = batch.asked_of("acknowledge", ROWS)
    assert [item.row.run_id for item in acknowledged if not item.problem] == ["importer"]


def test_hold_releases_only_where_all_are_held() -> None:
    held = row("a", "held")
    assert batch.verb_for("hold", [held, held]) == "release"
    assert batch.verb_for("hold", [held, ROWS[0]]) == "hold"
    assert batch.verb_for("budget", [held]) is None


def test_the_table_of_results_tells_first_what_was_not_done() -> None:
    found = [batch.Result("a", "recorded, #9", good=True), batch.Result("b", "gone", good=False)]
    title, text = batch.results(found)
    assert title == "1 run done, 1 not"
    assert [line.split()[0] for line in text.split("\n")] == ["b", "a"]


def test_the_next_need_goes_round_items_then_failures_then_the_adrift() -> None:
    late = row("late", "timed_out")
    glimpse = Glimpse(rows=(*ROWS, late), inbox=(item("payments", "pay", 3),))
    found = needs(glimpse)
    assert found == [
        NeedOf("payments", "unknown:3"),
        NeedOf("importer"),
        NeedOf("late"),
        NeedOf("drifter"),
    ]
    walked, here = [], None
    for _ in range(5):
        here = next_need(found, here)
        walked.append(here)
    assert walked == [*found, found[0]]
    assert next_need((), here) is None


def test_an_empty_filter_keeps_everything() -> None:
    assert Filter().fits(ROWS[0])
