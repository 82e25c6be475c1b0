"""What the run screen shows, as values: no screen is needed."""

import json
from datetime import UTC

import pytest
from rich.cells import cell_len

from quarterdeck.views import moment
from quarterdeck.views.goto import Goal, Here, read_goal
from quarterdeck.views.inspection import Look, Near, copied_text, gist_of, inspected
from quarterdeck.views.timeline import MARK_KINDS, Marks, Survey, Window, columns, seq_at
from quarterdeck_kernel.projections.run_state import empty, fold
from tests.app.frozen import NOW_US
from tests.app.voyage import LONG_LINE, voyage

EVENTS = voyage()
HERE = Here(50, EVENTS[9].at_us, 200, UTC)


def numbered(kind: str) -> int:
    return next(event.seq for event in EVENTS if event.kind == kind)


def shown(seq: int, look: Look, near: Near | None = None) -> str:
    lines = inspected(EVENTS[seq - 1], near or Near(), look)
    return "\n".join(f"{'  ' * line.depth}{line.label}: {line.text}" for line in lines)


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("120", Goal(120)),
        ("#1,20", Goal(120)),
        ("9999", Goal(200)),
        ("0", Goal(1)),
        ("40%", Goal(80)),
        ("900%", Goal(200)),
        ("g", Goal(1)),
        ("-5s", Goal(at_us=HERE.at_us - 5_000_000)),
        ("-2h", Goal(at_us=HERE.at_us - 7_200_000_000)),
        ("00:00:07", Goal(at_us=(HERE.at_us // 86_400_000_000) * 86_400_000_000 + 7_999_999)),
        ("25:99", None),
        ("soon", None),
        ("", None),
        ("٤٢x", None),
    ],
)
def test_a_goal_is_a_number_a_share_or_a_time(text: str, goal: Goal | None) -> None:
    assert read_goal(text, HERE) == goal


def test_a_minute_that_is_named_is_meant_whole() -> None:
    goal = read_goal("00:01", HERE)
    assert goal is not None
    assert goal.at_us % 60_000_000 == 59_999_999


def surveyed(ranks: list[int], gap_us: int = 1_000_000) -> Survey:
    survey = Survey()
    for number, rank in enumerate(ranks):
        survey.add(number * gap_us, rank)
    return survey


def test_the_line_of_a_run_fills_the_width_and_stands_for_every_event() -> None:
    for head in (1, 3, 79, 80, 81, 1_000):
        for width in (1, 40, 80):
            found = columns(surveyed([0] * head), Window(1, head), width, head)
            assert len(found) == width
            assert found[0].first == 1
            assert found[-1].last == head
            seen = {seq for column in found for seq in range(column.first, column.last + 1)}
            assert seen == set(range(1, head + 1))
            assert all(
                column.first <= seq_at(Window(1, head), width, x) <= column.last
                for x, column in enumerate(found)
            )


def test_a_column_shows_the_worst_of_its_events_once() -> None:
    ranks = [0] * 100
    ranks[41] = MARK_KINDS.index("pause")
    ranks[42] = MARK_KINDS.index("unknown")
    marks = [column.mark for column in columns(surveyed(ranks), Window(1, 100), 10, 1)]
    assert marks == [" "] * 4 + ["?"] + [" "] * 5
    wide = [column.mark for column in columns(surveyed([0, 6, 0]), Window(1, 3), 30, 1)]
    assert "".join(wide).strip() == "?"


def test_a_night_of_silence_flattens_nothing_and_an_even_run_is_a_low_line() -> None:
    survey = surveyed([0] * 50)
    even = {column.bar for column in columns(survey, Window(1, 50), 10, 1)}
    assert even <= set("▂▃▄")
    survey.add(10**12, 0)
    for number in range(49):
        survey.add(10**12 + number * 1_000_000, 0)
    assert {column.bar for column in columns(survey, Window(1, 100), 10, 1)} <= set("▁▂▃▄")


def test_what_was_not_read_yet_is_dotted_and_a_hit_is_marked() -> None:
    found = columns(surveyed([0] * 50), Window(1, 100), 10, 1, marks=Marks(hits=(7,)))
    assert [column.bar for column in found][5:] == ["·"] * 5
    assert found[0].mark == "*"


def test_a_million_events_are_a_line_at_once() -> None:
    survey = surveyed([0] * 1_000_000)
    assert len(columns(survey, Window(1, 1_000_000), 200, 500_000)) == 200


def test_the_panel_tells_all_that_is_open_at_the_position() -> None:
    state = fold(empty(), EVENTS)
    rows = {f"{each.label} {each.value}" for each in moment.state_rows(state, NOW_US, UTC)}
    text = "\n".join(rows)
    for said in (
        f"at #{len(EVENTS)}", "unknown pay", "pause delete 6 stale charts", "turn 6",
        "tools all but delete, pay", "granted read_chart", "0.37 of 1.00", "execute",
        "mode ask human", "model small-1",
    ):  # fmt: skip
        assert said in text, said
    before = moment.state_rows(fold(empty(), EVENTS[:10]), NOW_US, UTC)
    assert "unknown" not in {each.label for each in before}


def test_the_one_line_has_the_same_and_fits_at_eighty() -> None:
    line = moment.state_line(fold(empty(), EVENTS))
    seen = line[:78]
    start = (
        f"at #{len(EVENTS)}: turn 6 · ask human · ≥$0.37 · 1 unknown, 1 pause open · context 38%"
    )
    assert seen.startswith(start)
    assert line.endswith("all but 2 tools · 1 granted")


def test_long_values_go_on_below_their_label() -> None:
    row = moment.StateRow("held", "by budget: " + "word " * 20)
    lines = list(moment.wrapped_rows([row], 40, 12))
    assert [line.label for line in lines][:2] == ["held", ""]
    assert all(cell_len(line.value) <= 28 for line in lines)


def test_an_outcome_is_seen_with_what_was_asked_and_what_guards_said() -> None:
    outcome = next(e for e in EVENTS if e.kind == "tool_completed" and e.seq > 20)
    intent = EVENTS[getattr(outcome.payload, "intent_seq", 0) - 1]
    warned = EVENTS[numbered("guard_warned") - 1]
    text = shown(outcome.seq, Look(), Near(intent, (warned,)))
    assert f"arguments of #{intent.seq}" in text
    assert "took 1.2s" in text
    assert "policy warned by rule charts" in text
    assert "allowed by the guards" in text
    assert outcome.hash in text


def test_folding_is_by_path_and_opposite_to_the_view() -> None:
    seq = numbered("pause_requested")
    closed = shown(seq, Look())
    assert "0: charts/2018.md" not in closed
    opened = shown(seq, Look(turned=frozenset({"details.paths"})))
    assert "0: charts/2018.md" in opened
    assert "0: charts/2018.md" in shown(seq, Look(view="full"))
    assert "0: charts" not in shown(seq, Look(view="full", turned=frozenset({"details.paths"})))


@pytest.mark.parametrize("view", ["compact", "full", "json"])
def test_a_line_of_a_megabyte_is_held_back_in_every_view(view: str) -> None:
    seq = numbered("memory_changed")
    look = Look(view=view, cells=100)  # type: ignore[arg-type]
    lines = inspected(EVENTS[seq - 1], Near(), look)
    assert len(lines) < 1_000
    assert all(cell_len(line.text) <= 300 for line in lines)
    assert any("more characters" in line.text for line in lines)
    assert LONG_LINE in copied_text(EVENTS[seq - 1])


@pytest.mark.parametrize("view", ["compact", "full", "json"])
def test_agent_text_is_data_and_its_controls_are_seen(view: str) -> None:
    outcome = next(e for e in EVENTS if getattr(e.payload, "outcome", "") == "permanent_error")
    text = shown(outcome.seq, Look(view=view))  # type: ignore[arg-type]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text
    assert "<ESC>" in text or "\\u001b" in text


def test_json_is_the_whole_event_and_can_be_read_back() -> None:
    event = EVENTS[numbered("tool_requested") - 1]
    data = json.loads(copied_text(event))
    assert (data["seq"], data["kind"], data["hash"]) == (event.seq, event.kind, event.hash)
    assert data["arguments"] == {"path": "1.md"}


def test_a_gist_looks_at_the_beginning_only() -> None:
    assert gist_of({"a": 1, "b": "x"}) == "{a: 1, b: x}"
    assert gist_of(["x" * 300, "y"]).endswith("…]")
    assert gist_of([]) == "[]"
