"""The list of the inbox: nothing moves under the cursor, and batches only of what was read."""

import asyncio
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Static

from quarterdeck.dialogs.base import AskDialog
from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.screens.item import ItemScreen
from quarterdeck.views.decisions import Decision
from quarterdeck.widgets.bars import StatusLine
from quarterdeck.widgets.inbox_list import InboxList
from quarterdeck_kernel.errors import AlreadySettledError, ConflictError
from tests.app.apps import ticked
from tests.app.frozen import NOW_US
from tests.app.inbox_stage import MINUTE_US, Stage, call, in_doubt, settled

SIZE = (100, 30)


async def listed(pilot: Pilot[None]) -> InboxList:
    await pilot.press("2")
    await ticked(pilot)
    await ticked(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, InboxScreen)
    return screen.list


def where(pilot: Pilot[None]) -> type:
    return type(pilot.app.screen)


async def test_w_opens_the_next_that_needs_me_in_its_detail_from_anywhere() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        assert screen.name_shown[0] == "run-1"
        await pilot.press("w")
        await ticked(pilot)
        assert screen.name_shown[0] == "run-2"
        await stage.press(pilot, "escape", "1")
        assert type(pilot.app.screen).__name__ == FleetScreen.__name__
        await pilot.press("w")
        await ticked(pilot)
        await ticked(pilot)
        assert isinstance(pilot.app.screen, ItemScreen)


async def test_an_item_that_arrives_moves_nothing_under_the_hand() -> None:
    stage = Stage(call(1), call(2), call(3))
    async with stage.app().run_test(size=SIZE) as pilot:
        rows = await listed(pilot)
        await pilot.press("j")
        pressing = call(4, expires_us=NOW_US + MINUTE_US)
        stage.matters = {pressing.name: pressing, **stage.matters}
        stage.put()
        await ticked(pilot)
        assert [name[0] for name in rows.shown] == ["run-1", "run-2", "run-3", "run-4"]
        assert rows.cursor == ("run-2", "pause-2")
        stage.now_s += 3.1
        await ticked(pilot)
        assert [name[0] for name in rows.shown] == ["run-4", "run-1", "run-2", "run-3"]
        assert rows.cursor == ("run-2", "pause-2")


async def test_an_item_that_is_settled_keeps_its_place_while_a_hand_is_there() -> None:
    stage = Stage(call(1), call(2), call(3))
    async with stage.app().run_test(size=SIZE) as pilot:
        rows = await listed(pilot)
        await pilot.press("j")
        stage.put(settled(call(1)))
        await ticked(pilot)
        assert [name[0] for name in rows.shown] == ["run-1", "run-2", "run-3"]
        assert rows.gone == {("run-1", "pause-1")}
        stage.now_s += 3.1
        await ticked(pilot)
        assert [name[0] for name in rows.shown] == ["run-2", "run-3"]


async def test_a_click_means_the_row_that_was_painted_when_it_was_pressed() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        rows = await listed(pilot)
        stage.now_s += 10
        # Pressed on the second row; before it is let go, an item comes above it.
        await pilot.mouse_down(InboxList, offset=(10, 1))
        stage.matters = {("run-9", "pause-9"): call(9), **stage.matters}
        stage.put()
        await ticked(pilot)
        await pilot.mouse_up(InboxList, offset=(10, 1))
        await pilot.click(InboxList, offset=(10, 1))
        await pilot.pause()
        assert rows.shown[0] == ("run-9", "pause-9")
        assert rows.cursor != ("run-9", "pause-9")


async def test_no_key_of_the_list_decides() -> None:
    stage = Stage(call(1), in_doubt(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        await listed(pilot)
        await stage.press(pilot, *"auerpdft")
        assert stage.decided == []
        assert isinstance(pilot.app.screen, InboxScreen)


async def test_an_item_that_is_settled_is_not_what_its_tab_comes_back_to() -> None:
    stage = Stage(call(1), call(2), call(3))
    async with stage.app().run_test(size=SIZE) as pilot:
        rows = await listed(pilot)
        await stage.press(pilot, "j", "enter")
        item = pilot.app.screen
        assert where(pilot) is ItemScreen
        first = item.name_shown  # type: ignore[attr-defined]
        await stage.press(pilot, "1", "2")
        # As long as it is open, one goes on where one was.
        assert pilot.app.screen is item
        await stage.press(pilot, "1")
        stage.put(settled(call(2)))
        await stage.press(pilot, "2")
        assert where(pilot) is InboxScreen
        assert pilot.app.focused is rows
        # The row keeps its place as long as a hand is there.
        await stage.press(pilot, "enter", after=3.2)
        assert where(pilot) is ItemScreen
        assert pilot.app.screen.name_shown != first  # type: ignore[attr-defined]


async def test_the_last_item_settled_from_elsewhere_leads_back_to_the_list() -> None:
    stage = Stage(call(1))
    app = stage.app()
    whole, recorded = stage.decide, asyncio.Event()

    async def slowly(decision: Decision) -> str:
        await recorded.wait()
        return await whole(decision)

    stage.decide = slowly  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter", "1")
        recorded.set()
        await app.workers.wait_for_complete()
        await ticked(pilot)
        assert stage.verbs == ["approved"]
        assert where(pilot) is FleetScreen
        await stage.press(pilot, "2")
        assert where(pilot) is InboxScreen


async def test_an_empty_inbox_says_what_runs_meanwhile() -> None:
    stage = Stage()
    async with stage.app().run_test(size=SIZE) as pilot:
        await listed(pilot)
        status = str(pilot.app.screen.query_one(StatusLine).render())
        assert "nothing waits, 0 running" in status


async def batch(stage: Stage, pilot: Pilot[None], *, read: int) -> None:
    """Read some items, select them all, and choose to approve them."""
    await stage.open(pilot)
    for _ in range(read - 1):
        await stage.press(pilot, "n")
    await stage.press(pilot, "escape")
    for _ in range(len(stage.shown.inbox)):
        await stage.press(pilot, "space", "j")
    await stage.press(pilot, "x", "a")


async def test_a_batch_of_what_was_read_is_confirmed_once_and_tells_what_became_of_each() -> None:
    stage = Stage(call(1), call(2, risk="low"))
    async with stage.app().run_test(size=SIZE) as pilot:
        await batch(stage, pilot, read=2)
        assert isinstance(pilot.app.screen, DecidingDialog)
        assert stage.decided == []
        await stage.press(pilot, "tab", "tab", "enter")
        assert [(d.verb, d.digest) for d in stage.decided] == [
            ("approved", "1" * 64),
            ("approved", "2" * 64),
        ]
        assert isinstance(pilot.app.screen, AskDialog)


async def test_a_batch_tells_of_each_what_somebody_else_or_the_clock_did_first() -> None:
    stage = Stage(
        *(call(number, risk="low") for number in range(1, 4)),
        call(4, risk="low", expires_us=NOW_US + MINUTE_US),
    )
    refused = {
        "pause-2": AlreadySettledError("approved by operator:ben", item_id="pause-2"),
        "pause-3": ConflictError("pause 'pause-3' shows something else"),
        "pause-4": ConflictError("pause 'pause-4' expired at 14:02"),
    }
    whole = stage.decide

    async def decide(decision: Decision) -> str:
        stage.late_us = MINUTE_US
        if decision.item_id in refused:
            raise refused[decision.item_id]
        return await whole(decision)

    stage.decide = decide  # type: ignore[method-assign]
    async with stage.app().run_test(size=SIZE) as pilot:
        await batch(stage, pilot, read=4)
        await stage.press(pilot, "tab", "tab", "enter")
        text = str(pilot.app.screen.query_one("#body Static", Static).visual)
    lines = {line.rpartition("  ")[2]: line.rpartition("  ")[0] for line in text.splitlines()}
    assert lines["pay number 1"].startswith("approved")
    assert "approved by operator:ben" in lines["pay number 2"]
    assert lines["pay number 3"].startswith("stale: ")
    assert lines["pay number 4"].startswith("expired: ")


async def test_what_cannot_be_in_a_batch_is_named_with_its_reason() -> None:
    stage = Stage(
        call(1), call(2, risk="high"), call(3, people=2), call(4, tool="ship"), in_doubt(5), call(6)
    )
    async with stage.app().run_test(size=SIZE) as pilot:
        await batch(stage, pilot, read=5)
        text = str(pilot.app.screen.query_one("#body Static", Static).visual)
        assert "+ pay number 1" in text
        for reason in ("only low and medium", "two people", "another tool", "one by one"):
            assert reason in text
        assert "pay number 6: its preview was not read" in text
        await stage.press(pilot, "tab", "tab", "enter")
        assert len(stage.decided) == 1


async def test_five_hundred_items_are_one_list() -> None:
    stage = Stage(call(1))
    rows = stage.shown.inbox[0]
    many = tuple(rows._replace(item_id=f"pause-{n}") for n in range(500))
    stage.change(replace(stage.shown, inbox=many))
    async with stage.app().run_test(size=SIZE) as pilot:
        listing = await listed(pilot)
        await pilot.press("end")
        assert listing.cursor == ("run-1", "pause-499")
