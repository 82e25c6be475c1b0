"""What is done from the past: notes, forks, merges, files restored, exports."""

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.dialogs.picking import PickDialog
from quarterdeck.dialogs.planning import PlanDialog
from quarterdeck.dialogs.text import TextDialog
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.sheet import SheetScreen
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.pick_list import PickList
from quarterdeck_kernel import ForkChanges, NewResult
from quarterdeck_kernel.errors import InvalidError
from tests.app.apps import pressed, still_app
from tests.app.pasts import FORK, scrubbed
from tests.app.scrub_hands import at, body, did, done, on_top, problem, strip_text
from tests.app.test_run_screen import SIZE, opened
from tests.app.test_steering import press_button
from tests.app.voyage import NAME


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
