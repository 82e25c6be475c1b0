"""Scrubbing a run from its screen: playing, the strip, marks, differences, and every panel."""

import asyncio

import pytest

from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.sheet import SheetScreen
from quarterdeck.views.timeline import Window
from quarterdeck.widgets.bars import TitleLine
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.density_strip import DensityStrip
from quarterdeck.widgets.inspector import Inspector
from quarterdeck_kernel import RunState
from tests.app.apps import pressed, still_app, ticked
from tests.app.pasts import FORK, HEAD, scrubbed
from tests.app.scrub_hands import Hand, at, done, on_top, strip_text
from tests.app.test_run_screen import SIZE, inspected, opened, panel, status
from tests.app.voyage import NAME, voyage


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
        if seq == 20 and asked.count(20) > 2:
            return known(run_id, seq)
        # Something else was read meanwhile.
        source.revision += 1
        return None

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
            while screen._looked < 4:  # noqa: ASYNC110 - as above
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
