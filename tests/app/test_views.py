"""What is shown, without a screen."""

import string
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quarterdeck.views import headline
from quarterdeck.views.fleet_rows import fleet_table, heading, placed, row_cells
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.log_line import line_cells
from quarterdeck.views.log_lines import brief, log_lines
from quarterdeck.views.order import held_order, would_move
from quarterdeck.views.palette import read_palette
from quarterdeck.views.plain import HELD_BACK_CHARS, fitted, held_back, plain
from quarterdeck.views.quantities import age, duration, money
from quarterdeck.views.states import COUNTED, MARKS
from quarterdeck.views.zone import Now
from quarterdeck_kernel.events.tool_events import ToolEvidence
from tests.app.frozen import HOSTILE, NOW_US, asked, events_of, fleet, row, succeeded, unknown

IDS = st.lists(st.sampled_from(string.ascii_lowercase), unique=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J", "<ESC>[2J"),
        ("a\tb\r\n", "a<TAB>b<CR><LF>"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("a\u200bb\u2028", "a<U+200B>b<U+2028>"),
        ("\x9b31m", "<U+009B>31m"),
        ("[/x] [red]", "[/x] [red]"),
        ("\ud800", "<U+D800>"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_plain_text_has_no_controls_and_stays_what_it_is(text: str) -> None:
    shown = plain(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert plain(shown) == shown


@given(text=st.text(), cells=st.integers(0, 40), right=st.booleans())
def test_a_fitted_text_fills_its_cells(text: str, cells: int, *, right: bool) -> None:
    assert cell_len(fitted(plain(text), cells, right=right)) == cells


def test_a_huge_text_is_held_back_and_says_so() -> None:
    shown = held_back("x" * 1_000_000)
    assert len(shown) < HELD_BACK_CHARS + 50
    assert shown.endswith("… 996,000 more characters")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "now"), (0, "now"), (59, "59s"), (60, "1m"), (7_300, "2h"), (200_000, "2d")],
)
def test_ages(seconds: int, shown: str) -> None:
    assert age(NOW_US - seconds * 1_000_000, NOW_US) == shown


def test_durations_and_sums() -> None:
    assert [duration(us) for us in (10, 5_400, 1_250_000, 90_000_000)] == [
        "<1ms",
        "5ms",
        "1.2s",
        "1m",
    ]
    assert [money(0), money(123_456), money(9_995_000), money(5, unknown=True)] == [
        "0.00",
        "0.12",
        "10.00",
        "≥0.00",
    ]


@pytest.mark.parametrize("width", [60, 79, 80, 96, 120, 133, 200, 400])
def test_columns_fill_every_width_exactly(width: int) -> None:
    layout = placed(width)
    for line_of in (row("a" * 40, "waiting", objective="海" * 90, waits_for="w" * 50),):
        cells = row_cells(line_of, layout, Now(NOW_US))
        assert [cell_len(cell) for cell in cells] == [item.cells for item in layout]
    assert cell_len(heading(layout)) <= width
    if 80 <= width <= 160:
        assert cell_len(heading(layout)) == width - 1


def test_no_width_drops_what_a_person_decides_by() -> None:
    titles = {item.column.title for item in placed(60)}
    assert {"STATE", "AGENT", "OBJECTIVE", "WAITS FOR", "LAST"} <= titles


def test_the_table_of_the_command_line_holds_no_control_character() -> None:
    lines = fleet_table([row("importer", "failed", objective=HOSTILE)], columns=79)
    assert len(lines) == 2
    assert "\x1b" not in "".join(lines)


@given(IDS, IDS)
def test_a_held_order_keeps_its_rows_and_takes_in_the_new(shown: list[str], now: list[str]) -> None:
    held = held_order(shown, now)
    assert sorted(held) == sorted(now)
    kept = [run_id for run_id in shown if run_id in now]
    assert held[: len(kept)] == kept


def test_rows_that_would_move_are_counted() -> None:
    assert would_move("abc", "abc") == 0
    assert would_move("abc", "bac") == 2


def test_log_lines_name_the_tool_of_an_outcome() -> None:
    events = events_of("a", "o", asked("pay", "8843", "once"), succeeded(3))
    lines = log_lines(events)
    assert [line.word for line in lines] == ["queued", "started", "tool", "tool ok"]
    assert lines[2].text == "pay 8843 · once"
    assert lines[3].text == "pay #3 · lines 7"
    assert lines[3].took_us == 1_250_000
    # The intent may stand on a page before: then its number has to do.
    assert log_lines(events[3:])[0].text == "#3 · lines 7"


def test_an_unknown_outcome_says_so() -> None:
    line = log_lines(events_of("a", "o", asked("pay", "1", "once"), unknown(3)))[-1]
    assert (line.word, line.tone) == ("unknown", "trouble")
    assert "may or may not have happened" in line.text


@pytest.mark.parametrize(("detail", "text"), [("", ""), ("no such payment", " · no such payment")])
def test_evidence_ends_with_what_it_says(detail: str, text: str) -> None:
    told = ToolEvidence(intent_seq=3, source="probe", verdict="cannot_tell", detail=detail)
    events = events_of("a", "o", asked("pay", "1", "once"), unknown(3), told)
    assert log_lines(events)[-1].text == f"of #3: cannot tell{text}"


def test_a_line_of_the_log_fills_the_width() -> None:
    (line, *_) = log_lines(events_of("a", HOSTILE))
    assert cell_len("".join(line_cells(line, 77, UTC))) == 77
    assert "\x1b" not in line.text + line.title


def test_the_gist_of_json() -> None:
    assert (
        brief({"a": [1, 2.5, None, "x\x1b"], "b": {"c": True}}) == "a 1, 2.5, , x<ESC> · b c true"
    )


def test_the_lines_around_the_fleet() -> None:
    glimpse = fleet().shown
    tabs = [headline.Tab("fleet", "1", "Fleet"), headline.Tab("inbox", "2", "Inbox")]
    assert [tab.label for tab in headline.tab_labels(tabs, glimpse)] == ["Fleet", "Inbox 2!"]
    assert headline.tab_labels(tabs, Glimpse()) == tabs
    assert headline.fitting_tabs(tabs, "inbox", 12) == tabs[1:]
    assert headline.fitting_tabs(tabs, "fleet", 3) == tabs[:1]
    assert headline.chain(glimpse) == "chain 482 9c1f77ab"
    assert headline.chain(Glimpse()) == "chain empty"
    assert [count.text for count in headline.counts(glimpse)] == [
        f"1{MARKS[need].glyph}" for need in COUNTED if need != "timed_out"
    ]
    assert headline.status(glimpse, headline.Listed()) == ("order: need", "8 runs")
    assert "1 row would move" in headline.status(glimpse, headline.Listed(moves=1))[0]
    assert "pay: sent, no answer (#3)" in headline.meaning(glimpse.rows[0], glimpse)


def test_every_state_has_a_look_of_its_own() -> None:
    assert len({mark.plain for mark in MARKS.values()}) == len(MARKS)
    assert all(cell_len(mark.glyph) == len(mark.glyph) == 1 for mark in MARKS.values())
    palette = read_palette("night")
    assert all(value.startswith("#") for value in (palette.colours | palette.variables).values())
