"""The past as values: line and lens, playback, pages, plans. No screen is needed."""

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.actions import BY_ID
from quarterdeck.views import moment
from quarterdeck.views.comparing import candidates, compare_page, in_order
from quarterdeck.views.forking import fork_problem, plan_text, read_changes, recorded_result
from quarterdeck.views.inspection import Look
from quarterdeck.views.lens import Lens, tail_cells
from quarterdeck.views.nudges import WALKED, Facts, nudge
from quarterdeck.views.pages import Page, between_page, conversation_page, files_page
from quarterdeck.views.past import Between, MomentPage, Said
from quarterdeck.views.playback import SPEEDS, another_speed, play
from quarterdeck.views.timeline import MARK_KINDS, Marks, Survey, Window, columns, seq_at
from quarterdeck_kernel import NewResult
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.projections.panels import Changed
from tests.app.frozen import NOW_US, fleet, row
from tests.app.pasts import FORK, compared, plan, scrubbed
from tests.app.voyage import NAME, voyage

SECOND_US = 1_000_000


def surveyed(*gaps_s: float, ranks: dict[int, str] | None = None) -> Survey:
    survey, at_us = Survey(), 0
    for seq, gap in enumerate(gaps_s, 1):
        at_us += int(gap * SECOND_US)
        kind = (ranks or {}).get(seq, "quiet")
        survey.add(at_us, MARK_KINDS.index(kind))
    return survey


def text(page: Page, **look: object) -> str:
    lines = page.lines(Look(**look))  # type: ignore[arg-type]
    return "\n".join(f"{'  ' * line.depth}{line.label} {line.text}" for line in lines)


# -- the line


def marked(survey: Survey, width: int, marks: Marks) -> str:
    window = Window(1, survey.known)
    return "".join(column.mark for column in columns(survey, window, width, 1, marks=marks))


def test_marks_of_people_come_first_then_trouble_then_notes_and_hits() -> None:
    survey = surveyed(*[1] * 8, ranks={2: "error", 3: "unknown", 5: "model", 6: "tool", 7: "fork"})
    marks = Marks(a=2, b=8, bookmarks=(3, 4, 5), hits=(1, 4))
    assert marked(survey, 8, marks) == "*A?bbtYB"
    assert marked(survey, 8, Marks()) == " ×?" + " mtY "  # noqa: RUF001 - the glyph
    # Where a column is of many events, what nearly all of them are is no mark.
    assert marked(survey, 4, Marks()) == "×? Y"  # noqa: RUF001 - the glyph


def test_a_window_shows_its_events_and_no_others() -> None:
    survey = surveyed(*[1] * 100, ranks={50: "pause"})
    found = columns(survey, Window(41, 60), 40, 50)
    assert (found[0].first, found[-1].last) == (41, 60)
    assert [column.first for column in found if column.mark.strip()] == [50]
    assert seq_at(Window(41, 60), 40, 19) == 50


@given(
    head=st.integers(1, 5_000),
    moves=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5_000))),
)
def test_the_position_is_always_within_the_lens(head: int, moves: list[tuple[int, int]]) -> None:
    lens, position = Lens(), head
    for kind, number in moves:
        if kind == 0:
            head += number
        elif kind in {1, 2}:
            lens.zoom(1 if kind == 1 else -1, position)
        else:
            position = min(number, head)
        window = lens.look(head, position, live=position == head)
        assert 1 <= window.first <= position <= window.last <= head
        assert window.last <= lens.until


def test_the_line_stands_still_in_the_past_and_says_what_came_since() -> None:
    lens = Lens()
    assert lens.look(100, 100, live=True) == Window(1, 100)
    assert lens.said(100, live=True, over=False) == "live"
    assert lens.look(157, 40, live=False) == Window(1, 100)
    assert lens.said(157, live=False, over=False) == "+57 live"
    # Whoever goes on to what came since sees it.
    assert lens.look(157, 120, live=False) == Window(1, 157)
    assert lens.said(157, live=False, over=False) == ""
    assert lens.look(160, 160, live=True) == Window(1, 160)
    assert lens.said(160, live=True, over=True) == ""
    assert tail_cells(80, said=True) > tail_cells(80, said=False) == tail_cells(40, said=True) == 0


def test_zoom_goes_to_single_events_and_back_to_all() -> None:
    lens = Lens()
    lens.look(1_000, 600, live=False)
    for _ in range(20):
        lens.zoom(1, 600)
    assert lens.look(1_000, 600, live=False).events == 8
    assert lens.note(20) == "20× 1%"  # noqa: RUF001 - times
    for _ in range(20):
        lens.zoom(-1, 600)
    assert lens.look(1_000, 600, live=False) == Window(1, 1_000)
    assert lens.note(1) == ""


# -- playing


def test_it_plays_as_recorded_with_idle_gaps_capped() -> None:
    survey = surveyed(0, 1, 1, 3_600, 1)
    playing = play(survey, 1, 1, 100.0)
    assert playing is not None
    reached = [playing.position(survey, 100.0 + passed) for passed in (0, 0.9, 1, 2, 6.9, 7, 8)]
    assert reached == [1, 1, 2, 3, 3, 4, 5]
    fast = play(survey, 1, 20, 100.0)
    assert fast is not None
    assert fast.position(survey, 100.4) == 5


def test_what_was_not_read_yet_cannot_be_played() -> None:
    assert play(surveyed(0, 1), 3, 1, 0.0) is None
    assert play(surveyed(), 1, 1, 0.0) is None


def test_speeds_stop_at_either_end() -> None:
    assert [another_speed(speed, 1) for speed in SPEEDS] == [5, 20, 20]
    assert [another_speed(speed, -1) for speed in SPEEDS] == [1, 1, 5]


@given(
    gaps=st.lists(st.integers(0, 10_000), min_size=1, max_size=60),
    start=st.integers(1, 60),
    speed=st.sampled_from(SPEEDS),
    times=st.lists(st.floats(0, 1_000)),
)
def test_playing_never_goes_back_nor_beyond(
    gaps: list[int], start: int, speed: int, times: list[float]
) -> None:
    survey = surveyed(*(gap / 1_000 for gap in gaps))
    playing = play(survey, start, speed, 0.0)
    if playing is None:
        assert start > len(gaps)
        return
    reached = [playing.position(survey, time_s) for time_s in sorted(times)]
    assert reached == sorted(reached)
    assert all(start <= seq <= survey.known for seq in reached)


# -- moments


@settings(max_examples=40)
@given(seeks=st.lists(st.integers(1, 48), min_size=1, max_size=6))
def test_what_is_shown_at_n_is_the_fold_up_to_n(seeks: list[int]) -> None:
    from quarterdeck_kernel.projections.run_state import empty, fold

    source = scrubbed()
    for seq in seeks:
        folded = fold(empty(), source.events[NAME][:seq])
        state = source.state(NAME, seq)
        assert state is not None
        assert moment.state_rows(state, NOW_US, UTC) == moment.state_rows(folded, NOW_US, UTC)
        assert moment.state_line(state).startswith(f"at #{seq:,}: ")
        page = source.past.page(NAME, seq)
        assert page is not None
        assert all(said.seq <= seq for said in page.said)
        assert all(file.seq <= seq for file in page.files)


def test_the_conversation_has_its_newest_in_sight_and_says_what_is_missing() -> None:
    said = tuple(Said(seq, "assistant", f"line one of {seq}\nline two") for seq in range(1, 6))
    page = conversation_page("r", MomentPage(9, 12, said, ()))
    assert page.from_end
    shown = text(page)
    assert "12 messages before these" in shown
    assert "assistant #1 line one of 1" in shown
    assert shown.count("line two") == 1 + 1 + 3
    empty_page = conversation_page("r", MomentPage(9, 0, (), ()))
    assert "nothing was said by then" in text(empty_page)


def test_files_are_those_of_the_moment_and_unfold_to_what_they_held() -> None:
    page = scrubbed().past.page(NAME, 48)
    assert page is not None
    files = files_page(NAME, page)
    assert "course.md 70 bytes · since #14" in text(files)
    assert "keep the reef to port" not in text(files)
    assert "gone · since #30" in text(files)
    opened = text(files, turned=frozenset({"file.course.md"}))
    assert "keep the reef to port" in opened
    assert "no file was changed" in text(files_page("r", MomentPage(9, 0, (), ())))


async def test_a_difference_names_all_that_changed_and_money_is_money() -> None:
    source = scrubbed()
    between = await source.past.between(NAME, 10, 41)
    shown = text(between_page(NAME, between))
    for said in (
        "CONVERSATION 11 added · 2 the same", "FILES 2 changed", "course.md 70 → 82 bytes",
        "-- keep the reef to port", "+- keep the reef to starboard", "new · 48,211 bytes",
        "RUN", "turn 2 → 6", "VITALS", "SPEND", "cost 0.06 → 0.37", "BUDGET",
    ):  # fmt: skip
        assert said in shown, said
    folded = text(between_page(NAME, between), turned=frozenset({"conversation", "files"}))
    assert "plot the course" not in folded
    assert "CONVERSATION" in folded


def test_a_long_conversation_hides_nothing_else_and_what_was_left_out_is_said() -> None:
    said = tuple(Said(seq, "user", f"word {seq}") for seq in range(20))
    change = Changed("pauses", "p1", None, {"type": "approve", "title": "pay [x]", "since_us": 7})
    between = Between(1, 2, (change,), 3, said[:2], said, ())
    shown = text(between_page("r", between))
    assert "20 added, 2 left out · 3 the same" in shown
    assert "word 7" not in shown
    assert "p1 - → type approve, title pay [x]" in shown
    bound = Changed("budget", "micros", {"limit": 1_000_000}, {"limit": 2_000_000})
    assert "money limit 1.00 → limit 2.00" in text(
        between_page("r", Between(1, 2, (bound,), 3, (), (), ()))
    )
    nothing = Between(1, 2, (), 3, (), (), ())
    assert "nothing changed" in text(between_page("r", nothing))


# -- forks and comparing


def test_the_plan_says_what_stands_and_what_would_happen_again() -> None:
    said = plan_text(plan(26))
    assert "from record  4 model, 3 tool calls, $0.24: never again" in said
    assert "begun anew   #26 small-1" in said
    assert "may repeat   2 model, 3 tool calls, $0.12, as after #26" in said
    assert "asks first   #46 pay: once only" in said
    assert "changed" not in said


def test_the_plan_of_a_changed_fork_says_what_is_another_and_what_its_tools_keep_it_from() -> None:
    planned = plan(26)
    barred = replace(planned, changed=("model", "tool_result"), ahead=(), barred=planned.ahead)
    said = plan_text(barred)
    assert "changed      model, tool result" in said
    assert "has no tool  #30 read_chart, #46 pay: will not repeat" in said
    assert "asks first" not in said
    calm = replace(planned, ahead=planned.ahead[:1])
    assert "nothing of that is to happen only once" in plan_text(calm)


def test_only_what_a_tool_returned_can_be_another_result() -> None:
    events = voyage()
    found = {event.seq: recorded_result(event) for event in events}
    for event in events:
        known = found[event.seq]
        assert (known is not None) == (event.kind == "tool_completed")
    returned = [known for known in found.values() if known is not None]
    assert [known.text for known in returned if known.text][:2] == [
        '{"lines": 17}',
        '{"lines": 34}',
    ]
    assert any("no such chart" in known.hint for known in returned if not known.text)
    long = next(event for event in events if event.kind == "tool_completed")
    result = {"text": "x" * 5_000}
    assert isinstance(long.payload, ToolCompleted)
    long = long._replace(payload=long.payload.model_copy(update={"result": result}))
    assert recorded_result(long) == ("", "as it was, 5,012 characters; or: JSON")
    assert recorded_result(long._replace(content="erased")) == (
        "", "erased; or: JSON that it returned",
    )  # fmt: skip


def typed(**values: str) -> dict[str, str]:
    return {"objective": "o", "model": "m", "message": "", "tools": "", **values}


def test_another_result_is_json_and_the_same_is_no_change() -> None:
    same = typed(result='{"lines": 17}')
    assert read_changes(same, objective="o", model="m", result='{"lines": 17}').names == ()
    assert read_changes(typed(result=" "), objective="o", model="m", result="7").names == ()
    told = read_changes(typed(result="null"), objective="o", model="m", result="7")
    assert told.tool_result == NewResult(None)


def test_what_stands_as_it_was_is_no_change() -> None:
    unchanged = read_changes(typed(), objective="o", model="m")
    assert unchanged.names == ()
    changes = read_changes(
        typed(objective="other", model="large", message=" go on ", tools="deny pay, delete"),
        objective="o",
        model="m",
    )
    assert changes.names == ("objective", "model", "message", "tools")
    assert (changes.message, changes.scope, changes.tools) == ("go on", "deny", ("pay", "delete"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, None),
        ({"tools": "all"}, None),
        ({"tools": "allow a"}, None),
        ({"objective": " "}, "needs an objective"),
        ({"tools": "pay"}, "'pay' is no scope"),
        ({"tools": "allow"}, "name tools"),
        ({"tools": "all pay"}, "name tools"),
        ({"result": '"a text"'}, None),
        ({"result": "a text"}, "is no JSON"),
        ({"result": "[" * 100_000}, "is no JSON"),
    ],
)
def test_a_fork_that_is_wrong_is_not_begun(values: dict[str, str], said: str | None) -> None:
    problem = fork_problem(typed(**values))
    assert problem is None if said is None else said in (problem or "")


def test_a_fork_is_compared_with_its_parent_first() -> None:
    rows = scrubbed().shown.rows
    others = (row("zebra", "running"), row("other", "done")._replace(agent=NAME))
    found = candidates([*others, *rows], FORK)
    assert [one.row.run_id for one in found] == [NAME, "other", "zebra"]
    assert found[0].why == "its parent, forked at #30"
    assert candidates(rows, "nobody") == []
    mine, fork = rows
    assert in_order(mine, fork) == in_order(fork, mine) == (NAME, FORK)


@pytest.mark.parametrize("cells", [40, 76, 190])
def test_two_runs_stand_side_by_side_and_their_first_difference_is_said(cells: int) -> None:
    page = compare_page(compared())
    shown = text(page, cells=cells)
    assert "they part at read_chart/5: answers otherwise" in shown
    assert "= 5 steps alike" in shown
    rules = {line.index("│") for line in shown.splitlines() if "│" in line}
    assert len(rules) == 1
    assert "#20 read_chart" not in shown
    assert "#20 read_chart" in text(page, cells=cells, turned=frozenset({"alike.0"}))


# -- hints


def test_hints_lead_into_the_past_once_all_was_settled() -> None:
    glimpse = fleet().shown
    calm = type(glimpse)(rows=glimpse.rows, loaded=True)
    everywhere = frozenset(BY_ID)
    settled = Facts(calm, frozenset({"open", "probe"}), here=everywhere)
    once = nudge(settled)
    assert once is not None
    assert once.name == "once"
    past = nudge(settled._replace(place="past"))
    assert past is not None
    assert past.name == "past"
    walked = nudge(settled._replace(did=settled.did | {WALKED, "trouble"}, place="past"))
    assert walked is None or walked.name not in {"once", "past"}
    unsettled = nudge(Facts(calm, frozenset({"open"}), here=everywhere))
    assert unsettled is None or unsettled.name != "once"
