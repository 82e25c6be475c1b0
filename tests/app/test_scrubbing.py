"""Scrubbing a run from its screen: playing, marks, notes, differences, forks, files."""

import asyncio
from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.dialogs.picking import PickDialog
from quarterdeck.dialogs.planning import PlanDialog
from quarterdeck.dialogs.text import TextDialog
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.sheet import SheetScreen
from quarterdeck.views.timeline import Window
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.density_strip import DensityStrip
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.pick_list import PickList
from quarterdeck_kernel import ForkChanges, NewResult, RunState
from quarterdeck_kernel.errors import InvalidError
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import FrozenSource
from tests.app.pasts import FORK, HEAD, scrubbed
from tests.app.test_run_screen import SIZE, inspected, opened, panel, settled, status
from tests.app.test_steering import press_button
from tests.app.voyage import NAME, voyage

Kind = TypeVar("Kind")


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def strip_text(screen: RunScreen) -> list[str]:
    strip = screen.query_one(DensityStrip)
    return ["".join(segment.text for segment in strip.render_line(y)) for y in (0, 1)]


def body(dialog: Screen[Any]) -> str:
    return str(dialog.query_one("#body Static", Static).render())


def problem(dialog: Screen[Any]) -> str:
    return str(dialog.query_one("#problem", Static).render())


def did(source: FrozenSource) -> list[tuple[object, ...]]:
    return source.past.asked


def on_top(app: App[None], kind: type[Kind]) -> Kind:
    found = app.screen
    assert isinstance(found, kind), found
    return found


async def at(pilot: Pilot[None], screen: RunScreen, seq: int) -> None:
    screen.go_to(seq)
    await pilot.pause()


async def done(pilot: Pilot[None]) -> None:
    await settled(pilot)
    await pilot.pause()


async def test_it_plays_by_the_clock_to_the_head_and_is_live_there() -> None:
    hand = Hand()
    app = still_app(scrubbed(), setup=Setup(monotonic_s=hand))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 10)
        await pressed(pilot, "space")
        assert "PLAY 1×" in status(screen)  # noqa: RUF001 - times
        hand.now_s += 2
        await ticked(pilot)
        assert screen.position == 11
        assert "at #11" in panel(screen)
        screen.query_one(DensityStrip).focus()
        await pressed(pilot, "plus")
        assert "PLAY 5×" in status(screen)  # noqa: RUF001 - times
        hand.now_s += 2
        await ticked(pilot)
        assert screen.position == 16
        await pressed(pilot, "plus", "plus")
        hand.now_s += 60
        await ticked(pilot)
        assert screen.position == HEAD
        assert screen.browser.live
        assert not screen.playing
        assert "live" in status(screen)


async def test_playing_stops_where_somebody_takes_the_cursor_and_begins_anew_at_the_head() -> None:
    hand = Hand()
    app = still_app(scrubbed(), setup=Setup(monotonic_s=hand))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "space")
        # The first two came in the same moment.
        await ticked(pilot)
        assert screen.position == 2
        assert screen.playing == 1
        await pressed(pilot, "down", "down")
        hand.now_s += 10
        await ticked(pilot)
        assert screen.position == 4
        assert not screen.playing
        assert "PAST #4" in status(screen)
        await pressed(pilot, "space", "space")
        assert not screen.playing
        await pressed(pilot, "o")
        assert screen.position == HEAD


async def test_the_strip_stands_still_in_the_past_and_says_what_came() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert strip_text(screen)[0].rstrip().endswith("live")
        await pressed(pilot, "up", "up")
        before = strip_text(screen)[0].rstrip()
        source.events[NAME] = voyage(further=57)
        rows = tuple(
            row._replace(head_seq=HEAD + 57) if row.run_id == NAME else row
            for row in source.shown.rows
        )
        source.change(type(source.shown)(rows=rows, loaded=True))
        await ticked(pilot)
        assert strip_text(screen)[0].rstrip() == f"{before}  +57 live"
        width = screen.query_one(DensityStrip).size.width
        await pilot.click(DensityStrip, offset=(width - 3, 0))
        await pilot.pause()
        assert screen.browser.live
        assert screen.position == HEAD + 57


async def test_zoom_shows_less_round_the_position_and_a_click_goes_where_it_points() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 24)
        strip = screen.query_one(DensityStrip)
        strip.focus()
        await pressed(pilot, "z", "z")
        shown = strip._shown
        assert shown is not None
        assert shown.window.events == HEAD // 4
        assert shown.window.first <= 24 <= shown.window.last
        await pilot.click(DensityStrip, offset=(2, 1))
        await pilot.pause()
        assert screen.position == shown.window.first
        await pressed(pilot, "Z", "Z")
        assert strip._shown is not None
        assert strip._shown.window == Window(1, HEAD)


async def test_what_is_read_late_shows_without_waiting_for_a_tick_and_is_not_asked_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = scrubbed()
    app = still_app(source)
    known, asked = source.state, []

    def late(run_id: str, seq: int) -> RunState | None:
        asked.append(seq)
        return known(run_id, seq) if seq == 20 and asked.count(20) > 2 else None

    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        monkeypatch.setattr(source, "state", late)
        screen.go_to(20)
        async with asyncio.timeout(10):
            while "at #20" not in panel(screen):  # noqa: ASYNC110 - what is under test is the waiting
                await asyncio.sleep(0.01)
        assert asked == [20, 20, 20]
        screen.go_to(19)
        async with asyncio.timeout(10):
            while asked.count(19) < 5:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert screen._looks_again is None, "then the ticks take over"
        assert "at #20" in panel(screen), "until it is there, what was there stays"


async def test_what_was_out_of_sight_comes_into_the_middle() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "g", "2", "0", "enter")
        log = screen.browser
        assert log.scroll_offset.y == 20 - 1 - log.size.height // 2
        await pressed(pilot, "down", "up", "up")
        assert log.scroll_offset.y == 20 - 1 - log.size.height // 2, "in sight nothing moves"


async def test_marks_a_and_b_are_what_is_compared_else_the_event_before() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 41)
        await pressed(pilot, "m")
        await at(pilot, screen, 10)
        await pressed(pilot, "M")
        assert "A" in strip_text(screen)[1]
        assert "B" in strip_text(screen)[1]
        for keys, said in (((), "#10 to #41"), (("M", "up"), "#9 to #41")):
            await pressed(pilot, *keys, "d")
            await done(pilot)
            sheet = on_top(app, SheetScreen)
            assert f"from {said}" in str(app.screen.query_one("#title", TitleLine).render())
            assert "TURN" not in sheet.inspector.text()
            await pressed(pilot, "escape")
        await at(pilot, screen, 41)
        await pressed(pilot, "m", "d")
        await done(pilot)
        assert "from #40 to #41" in str(app.screen.query_one("#title", TitleLine).render())
        await pressed(pilot, "escape")
        await at(pilot, screen, 1)
        await pressed(pilot, "d")
        await done(pilot)
        assert app.screen is screen
        assert any("nothing before it" in notice.text for notice in app.book.read())


def line_of(inspector: Inspector, said: str) -> int:
    return next(n for n, line in enumerate(inspector.lines) if said in f"{line.label} {line.text}")


async def test_enter_on_a_line_of_a_difference_opens_its_event_and_esc_leads_back_to_the_line() -> (
    None
):
    app = still_app(scrubbed())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 41)
        await pressed(pilot, "m")
        await at(pilot, screen, 10)
        await pressed(pilot, "d")
        await done(pilot)
        sheet = on_top(app, SheetScreen)
        for said, seq in (
            ("assistant #20", 20), ("course.md", 35), ("keep the reef to starboard", 35),
            ("uncertainty", 41),
        ):  # fmt: skip
            line = sheet.inspector.cursor = line_of(sheet.inspector, said)
            await pressed(pilot, "enter")
            await done(pilot)
            there = on_top(app, RunScreen)
            assert there is not screen
            assert (there.run_id, there.position) == (NAME, seq), said
            assert f"PAST #{seq} of {HEAD}" in status(there)
            browser = there.browser
            assert browser.scroll_offset.y < seq <= browser.scroll_offset.y + browser.size.height
            await pressed(pilot, "escape")
            assert app.screen is sheet
            assert sheet.inspector.cursor == line
        # A heading is about no event: it folds.
        sheet.inspector.cursor = line_of(sheet.inspector, "FILES")
        await pressed(pilot, "enter")
        assert app.screen is sheet
        assert "keep the reef" not in sheet.inspector.text()


async def test_enter_on_a_line_of_a_comparison_opens_the_step_in_the_run_that_is_chosen() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pressed(pilot, "c", "enter")
        await done(pilot)
        sheet = on_top(app, SheetScreen)
        for said, keys, run_id, seq in (
            ("permanent error", ("enter",), NAME, 31),
            ("A #31", (), NAME, 31),
            ("ask_pilot", ("down", "enter"), FORK, 0),
        ):
            sheet.inspector.cursor = line_of(sheet.inspector, said)
            await pressed(pilot, "enter", *keys)
            await done(pilot)
            there = on_top(app, RunScreen)
            assert there.run_id == run_id
            assert not seq or there.position == seq
            await pressed(pilot, "escape")
            assert app.screen is sheet


async def test_enter_on_what_was_said_goes_to_the_event_that_holds_it() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 35)
        await pressed(pilot, "i", "tab")
        inspector = screen.query_one(Inspector)
        inspector.cursor = line_of(inspector, "assistant #20")
        await pressed(pilot, "enter")
        assert screen.position == 20
        await pressed(pilot, "o")
        assert screen.position == 35


async def test_bookmarks_are_made_found_and_taken_away() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 31)
        await pressed(pilot, "b")
        app.screen.query_one(Input).value = " look [here] "
        await pressed(pilot, "enter")
        await done(pilot)
        assert source.past.asked == [("bookmark", NAME, 31, "look [here]")]
        assert screen.marks().bookmarks == (12, 27, 31)
        assert "b" in strip_text(screen)[1]
        await pressed(pilot, "B", "down", "enter")
        await pilot.pause()
        assert screen.position == 27


async def test_a_note_is_edited_and_a_bookmark_removed_by_key_from_the_list() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "B", "down")
        said = str(app.screen.query_one("#meaning-of-row", Static).render())
        assert "ada, 2026-01-01 00:01:35: why this chart? [red]ask ben[/x]" in said
        await pressed(pilot, "e")
        app.screen.query_one(Input).value = "asked ben"
        await pressed(pilot, "enter")
        await done(pilot)
        assert source.past.asked == [("bookmark", NAME, 27, "asked ben"), ("drop", "b27")]
        # It is where it was; the list, too.
        on_top(app, PickDialog)
        assert app.screen.query_one(PickList).cursor == 1
        await pressed(pilot, "e", "enter")
        assert len(source.past.asked) == 2, "the same note again is no edit"
        await pressed(pilot, "r")
        assert "asked ben" in on_top(app, ConfirmDialog)._text
        await pressed(pilot, "enter")
        assert len(source.past.asked) == 2
        await press_button(pilot)
        await done(pilot)
        assert source.past.asked[-1] == ("drop", "b27")
        await pressed(pilot, "escape")
        assert app.screen is screen
        assert screen.marks().bookmarks == (12,)


async def test_a_fork_shows_its_plan_and_opens_once_it_is_begun() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 26)
        await pressed(pilot, "f")
        await done(pilot)
        dialog = on_top(app, TextDialog)
        assert "asks first   #46 pay" in body(dialog)
        await pressed(pilot, "enter", "enter", "enter", "enter")
        assert source.past.asked == [("plan", NAME, 26)]
        for field in dialog.query(Input):
            if field.name == "message":
                field.value = "mind the reef"
        await press_button(pilot)
        await done(pilot)
        changes = ForkChanges(message="mind the reef")
        assert source.past.asked[-1] == ("fork", NAME, 26, changes)
        assert on_top(app, RunScreen).run_id == "fork-1"
        await pressed(pilot, "escape")
        assert app.screen is screen


async def test_the_plan_is_always_that_of_the_fork_that_would_be_made() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 9)
        await pressed(pilot, "f")
        await done(pilot)
        dialog = on_top(app, PlanDialog)
        assert "changed" not in body(dialog)
        fields = {field.name: field for field in dialog.query(Input)}
        assert fields["result"].value == '{"lines": 17}'
        top = dialog.query_one("#choices").region.y
        fields["tools"].value = "deny pay"
        await done(pilot)
        assert "asks first   nothing of that" in body(dialog)
        assert "has no tool  #46 pay" in body(dialog)
        fields["result"].value = '{"lines": 0'
        await done(pilot)
        assert "is no JSON" in problem(dialog)
        fields["result"].value = '{"lines": 0}'
        await done(pilot)
        assert "changed      tools, tool result" in body(dialog)
        assert problem(dialog) == ""
        assert dialog.query_one("#choices").region.y == top, "nothing jumps"
        await press_button(pilot)
        await done(pilot)
        told = NewResult({"lines": 0})
        changes = ForkChanges(scope="deny", tools=("pay",), tool_result=told)
        assert source.past.asked[-1] == ("fork", NAME, 9, changes)
        assert app.screen is not screen


async def test_a_fork_whose_plan_is_not_read_yet_or_was_refused_is_not_begun() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 26)
        await pressed(pilot, "f")
        await done(pilot)
        dialog = app.screen
        source.past.slow = asyncio.Event()
        tools = next(field for field in dialog.query(Input) if field.name == "tools")
        tools.value = "deny pay"
        await pilot.pause()
        dialog.query("#choices Button").last().focus()
        await pressed(pilot, "enter")
        assert app.screen is dialog
        assert "is being read" in problem(dialog)
        # What was typed on meanwhile is what is read next.
        tools.value = "deny sing"
        source.past.refuse = InvalidError("there are no tools ['sing']")
        source.past.slow.set()
        await done(pilot)
        await press_button(pilot)
        assert app.screen is dialog
        assert "no tools ['sing']" in problem(dialog)
        assert [asked[0] for asked in source.past.asked] == ["plan", "plan", "plan"]
        source.past.refuse = None
        tools.value = ""
        await done(pilot)
        await press_button(pilot)
        await done(pilot)
        assert source.past.asked[-1] == ("fork", NAME, 26, ForkChanges())


async def test_a_fork_stands_under_its_parent_is_compared_with_it_and_merged() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "down")
        shown = app.screen.list  # type: ignore[attr-defined]
        assert shown.cursor == FORK
        assert shown.arranged.branches[FORK].stem == "└Y "
        await app.run_action("screen.merge")
        await pilot.pause()
        await press_button(pilot)
        assert source.past.asked == [("merge", FORK)]
        screen = await opened(pilot)
        await pressed(pilot, "c")
        on_top(app, PickDialog)
        await pressed(pilot, "enter")
        await done(pilot)
        assert source.past.asked[-1] == ("compare", NAME, FORK)
        assert "they part at" in on_top(app, SheetScreen).inspector.text()
        assert screen.run_id == NAME


async def test_what_is_no_fork_is_not_merged() -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await app.run_action("screen.merge")
        await pilot.pause()
        assert source.past.asked == []
        assert len(app.screen_stack) == 2


async def test_every_panel_is_of_the_moment() -> None:
    app = still_app(scrubbed())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        for name, said, later in (
            ("conversation", "assistant #14", "assistant #20"),
            ("files", "course.md", "notes.txt"),
            ("state", "turn 2", "turn 3"),
        ):
            await at(pilot, screen, 16)
            await pressed(pilot, "i")
            assert f"{name} at #16" in str(screen.query_one("#title", TitleLine).render())
            assert said in inspected(screen)
            assert later not in inspected(screen)
            await at(pilot, screen, 35)
            assert f"{name} at #35" in str(screen.query_one("#title", TitleLine).render())
            assert said not in inspected(screen) if name == "state" else True
            assert later in inspected(screen) if name != "state" else True
        await pressed(pilot, "i")
        assert "tool_requested" in str(screen.query_one("#title", TitleLine).render())


async def test_a_file_is_restored_as_of_here_and_a_run_exported(tmp_path: Path) -> None:
    source = scrubbed()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await at(pilot, screen, 16)
        await pressed(pilot, "x", "r")
        on_top(app, PickDialog)
        await pressed(pilot, "enter")
        await done(pilot)
        asks = on_top(app, ConfirmDialog)
        assert "82 bytes now, 70 bytes at #16" in asks._text
        assert "outside of this run" not in asks._text
        await pressed(pilot, "enter")
        assert [asked[0] for asked in did(source)] == ["look"]
        await press_button(pilot)
        assert did(source)[-1] == ("restore", NAME, 16, "course.md", False)
        source.past.changed_outside = True
        await pressed(pilot, "x", "r", "enter")
        await done(pilot)
        assert "changed outside of this run, since #35" in on_top(app, ConfirmDialog)._text
        assert "Restore anyway" in str(app.screen.query("#choices Button").last(Button).label)
        await pressed(pilot, "escape")
        assert did(source)[-1][0] == "look", "it is left alone"
        await pressed(pilot, "x", "e")
        target, there = tmp_path / "out.recording", tmp_path / "there"
        there.write_text("x")
        fields = {field.name: field for field in app.screen.query(Input)}
        dialog = on_top(app, TextDialog)
        assert "there already" in (dialog._problem({"file": str(there), "with": ""}) or "")
        assert "cannot come" in (dialog._problem({"file": str(target), "with": "all"}) or "")
        fields["file"].value, fields["with"].value = str(target), "forks"
        await press_button(pilot)
        await done(pilot)
        assert did(source)[-1] == ("export", NAME, target, True, False)
        assert any("exported to" in notice.text for notice in app.book.read())


@pytest.mark.parametrize("key", ["b", "f"])
async def test_readonly_writes_nothing_and_says_why(key: str) -> None:
    source = scrubbed()
    app = still_app(source, setup=Setup(readonly=True))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "up", key)
        await done(pilot)
        assert app.screen is screen
        assert did(source) == []
        assert any("opened with --readonly" in notice.text for notice in app.book.read())
        await pressed(pilot, "B")
        names = [button.name for button in app.screen.query("Button")]
        assert names == ["no", "go"]
        await pressed(pilot, "r", "e")
        await done(pilot)
        on_top(app, PickDialog)
        assert did(source) == []


async def test_what_the_kernel_refuses_is_a_notice() -> None:
    source = scrubbed()
    source.past.plans = {}
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "f")
        await done(pilot)
        assert app.screen is screen
        assert any("planning a fork" in notice.text for notice in app.book.read())
