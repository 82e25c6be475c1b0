"""The wheel moves only the view: no cursor, no position, nothing that is decided."""

from dataclasses import replace

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.inbox_list import InboxList
from quarterdeck.widgets.matter_pane import MatterPane
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import fleet, row
from tests.app.inbox_stage import Stage, call
from tests.app.test_item_reading import LONG
from tests.app.test_run_screen import HEAD, opened
from tests.app.voyage import NAME, at_sea

SIZE = (80, 18)


async def turned(pilot: Pilot[None], widget: Widget, way: type[events.MouseEvent]) -> None:
    """Turn the wheel over a widget, three notches."""
    await pilot._post_mouse_events([way], widget, offset=(5, 2), times=3)
    await pilot.pause()
    await ticked(pilot)


async def test_in_the_fleet_the_cursor_stays_with_its_run() -> None:
    source = fleet()
    rows = tuple(row(f"run-{number:02}", "running") for number in range(40))
    source.change(replace(source.shown, rows=rows))
    async with still_app(source).run_test(size=SIZE) as pilot:
        runs = pilot.app.screen.query_one(FleetList)
        await pressed(pilot, "j")
        before = runs.cursor
        await turned(pilot, runs, events.MouseScrollDown)
        assert runs.scroll_offset.y > 0
        assert (runs.cursor, runs.selected) == (before, {})


async def test_in_the_inbox_the_cursor_stays_and_in_an_item_nothing_is_decided() -> None:
    stage = Stage(call(1, arguments=LONG), *(call(number) for number in range(2, 41)))
    async with stage.app().run_test(size=SIZE) as pilot:
        await pressed(pilot, "2")
        assert isinstance(pilot.app.screen, InboxScreen)
        items = pilot.app.screen.query_one(InboxList)
        before = items.cursor
        await turned(pilot, items, events.MouseScrollDown)
        assert items.scroll_offset.y > 0
        assert items.cursor == before
        screen = await stage.open(pilot)
        pane = screen.query_one(MatterPane)
        unread = pane.unread
        await turned(pilot, pane, events.MouseScrollDown)
        # What the wheel showed was shown.
        assert pane.unread < unread
        assert screen.name_shown == ("run-1", "pause-1")
        assert stage.decided == []


@pytest.mark.parametrize("live", [True, False])
async def test_in_a_run_the_position_stays_and_what_comes_does_not_take_the_view_back(
    live: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    source = at_sea()
    async with still_app(source).run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        log = screen.query_one(EventBrowser)
        if not live:
            await pressed(pilot, "up")
        before, top = screen.position, log.scroll_offset.y
        await turned(pilot, log, events.MouseScrollUp)
        view = log.scroll_offset.y
        assert view < top
        assert (screen.position, log.live) == (before, live)
        (mine,) = source.shown.rows
        source.change(replace(source.shown, rows=(mine._replace(head_seq=HEAD + 1),)))
        source.events[NAME] = [*source.events[NAME], source.events[NAME][-1]._replace(seq=HEAD + 1)]
        await ticked(pilot)
        await pilot.pause()
        assert log.scroll_offset.y == view
        assert (screen.position, log.live) == (HEAD + 1 if live else before, live)
        await pressed(pilot, "L")
        assert log.live
        assert log.scroll_offset.y == log.max_scroll_y
