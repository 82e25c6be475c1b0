"""Keys and messages of the screens, on a source that a test changes by hand."""

from dataclasses import replace

from textual.pilot import Pilot

from quarterdeck.app import QuarterdeckApp
from quarterdeck.messages import RunOpened
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.widgets.bars import EndsLine, SizeNotice
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.event_log import EventBrowser, EventLog
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.inspector import Inspector
from quarterdeck_kernel.errors import StoreFullError
from tests.app.apps import still_app
from tests.app.frozen import FrozenSource, fleet, row

SIZE = (100, 30)


async def ticked(pilot: Pilot[None]) -> None:
    """Let the app's next tick come now, whatever the machine is busy with."""
    assert isinstance(pilot.app, QuarterdeckApp)
    pilot.app._tick()
    await pilot.pause()


def inspected(app: QuarterdeckApp) -> str:
    lines = app.screen.query_one(Inspector).lines
    return "\n".join(f"{line.label} {line.text}" for line in lines)


async def test_the_cursor_begins_at_the_greatest_need_and_moves() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        assert fleet_list.cursor == "payments"
        await pilot.press("down", "j", "up", "k", "k")
        assert fleet_list.cursor == "payments"
        await pilot.press("j")
        assert fleet_list.cursor == "cleaner"
        assert app.screen.query_one(EventLog).run_id == "cleaner"
        await pilot.press("end")
        assert fleet_list.cursor == "scribe"
        await pilot.press("home")
        assert fleet_list.cursor == "payments"


async def test_untouched_the_cursor_follows_the_need_and_touched_it_follows_the_run() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        urgent = row("newcomer", "unknown", head_seq=0)
        source.change(replace(source.shown, rows=(urgent, *source.shown.rows)))
        await ticked(pilot)
        assert fleet_list.cursor == "newcomer"
        await pilot.press("j")
        assert fleet_list.cursor == "payments"
        source.change(replace(source.shown, rows=source.shown.rows[::-1]))
        await ticked(pilot)
        assert fleet_list.cursor == "payments"


async def test_the_order_stands_still_under_the_hand_and_says_so() -> None:
    source, app_time = fleet(), [100.0]
    app = still_app(source, setup=Setup(monotonic_s=lambda: app_time[0]))
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        await pilot.press("j")
        before = list(fleet_list.shown)
        source.change(replace(source.shown, rows=source.shown.rows[::-1]))
        await ticked(pilot)
        assert fleet_list.shown == before
        assert fleet_list.moves == len(before)
        app_time[0] += 3.1
        source.change(replace(source.shown, position=483))
        await ticked(pilot)
        assert fleet_list.shown == before[::-1]


async def test_enter_opens_the_log_and_escape_and_q_lead_back() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        for back in ("escape", "q"):
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, RunScreen)
            await pilot.press(back)
            await pilot.pause()
            assert isinstance(app.screen, FleetScreen)
        await pilot.press("j")
        assert app.screen.query_one(FleetList).cursor == "cleaner"


async def test_q_on_the_fleet_quits() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running


async def test_a_log_is_live_until_moved_and_live_again_at_its_end() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        app.screen.post_message(RunOpened("surveyor"))
        await pilot.pause()
        browser = app.screen.query_one(EventBrowser)
        head = browser.head_seq
        assert (browser.live, browser.cursor_seq) == (True, head)
        await pilot.press("k")
        assert (browser.live, browser.cursor_seq) == (False, head - 1)
        rows = tuple(
            r._replace(head_seq=head + 1) if r.run_id == "surveyor" else r
            for r in source.shown.rows
        )
        source.change(replace(source.shown, rows=rows))
        await ticked(pilot)
        assert browser.cursor_seq == head - 1
        await pilot.press("end")
        assert (browser.live, browser.cursor_seq) == (True, head + 1)
        await pilot.press("home")
        assert browser.cursor_seq == 1
        assert "objective count lines" in inspected(app)


async def test_a_click_picks_and_a_click_on_the_picked_opens() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(FleetList, offset=(5, 2))
        assert app.screen.query_one(FleetList).cursor == "importer"
        await pilot.click(FleetList, offset=(5, 2))
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)


async def test_a_tick_between_the_push_of_a_screen_and_its_first_paint_is_let_pass() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        screen = RunScreen(fleet(), "payments", zone=None)
        pushed = app.push_screen(screen)
        assert app.screen is screen
        app._tick()
        await pushed
        await ticked(pilot)
        assert "payments" in str(screen.query_one("#status", EndsLine).render())


async def test_ctrl_c_quits_from_every_screen() -> None:
    for before in ((), ("enter",)):
        app = still_app()
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press(*before, "ctrl+c")
            await pilot.pause()
            assert not app.is_running
            assert app.return_code == 0


async def test_a_small_terminal_gets_a_notice_and_keeps_its_keys() -> None:
    app = still_app()
    async with app.run_test(size=(59, 30)) as pilot:
        assert app.screen.query_one(SizeNotice).display
        await pilot.resize_terminal(60, 16)
        await pilot.pause()
        assert not app.screen.query_one(SizeNotice).display
        await pilot.press("j")
        assert app.screen.query_one(FleetList).cursor == "cleaner"
        await pilot.resize_terminal(80, 15)
        await pilot.pause()
        assert app.screen.query_one(SizeNotice).display


async def test_what_fails_beside_the_screen_becomes_a_notice_on_it() -> None:
    async def fail() -> None:
        raise StoreFullError("no room is left [/x]; free some")

    app = QuarterdeckApp(fleet(), background=(fail,))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        (notice,) = app.book.read()
        assert notice.text.splitlines() == [
            "stopped: no room is left [/x]; free some",
            "What is shown is not read any more: quit, and open it again.",
        ]
        assert not any(notice.markup for notice in app._notifications)
        await pilot.press("j")
        assert app.screen.query_one(FleetList).cursor == "cleaner"


async def test_whatever_fails_beside_the_screen_the_app_survives() -> None:
    async def fail() -> None:
        raise ExceptionGroup("tasks", [OSError(28, "No space left on device", "files/a")])

    async def stumble() -> None:
        raise LookupError("nobody thought of this")

    app = QuarterdeckApp(fleet(), background=(fail, stumble))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert sorted(notice.text.partition("\n")[0] for notice in app.book.read()) == [
            "stopped: LookupError: nobody thought of this",
            "stopped: files/a: No space left on device",
        ]
        assert app.is_running


async def test_a_first_glimpse_that_takes_long_says_that_it_is_read() -> None:
    app = still_app(FrozenSource(Glimpse()))
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(5):
            await ticked(pilot)
        status = app.screen.query_one("#status", EndsLine)
        assert "reading…" in str(status.render())
