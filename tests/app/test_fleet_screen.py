"""The fleet under hands: filter, selection, families, batches, and the next need."""

from dataclasses import replace

from textual import events
from textual.widgets import Button

from quarterdeck.dialogs.base import AskDialog, ConfirmDialog
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.widgets.bars import StatusLine
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.filter_line import FilterLine
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck_kernel.errors import ConflictError
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import FrozenSource, fleet, row
from tests.app.test_fleet_views import FAMILY

SIZE = (100, 30)


def status(app: object) -> str:
    return str(app.screen.query_one(StatusLine).render())  # type: ignore[attr-defined]


def families() -> FrozenSource:
    source = fleet()
    source.shown = replace(source.shown, rows=FAMILY, inbox=())
    return source


async def test_the_filter_is_live_keeps_the_row_under_the_cursor_and_esc_clears() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        await pressed(pilot, "end", "slash", *"state:w")
        assert fleet_list.shown == ["cleaner", "scribe"]
        assert fleet_list.arranged.dimmed == {"scribe"}
        assert fleet_list.cursor == "scribe"
        assert "1 of 8 runs" in status(app)
        await pressed(pilot, "x", "y")
        assert "no state begins with 'wxy'" in status(app)
        assert fleet_list.shown == ["cleaner", "scribe"]
        await pressed(pilot, "backspace", "backspace", "enter", "up")
        await ticked(pilot)
        assert fleet_list.shown == ["cleaner"]
        await pressed(pilot, "slash", *"zz")
        assert "no match, Esc clears" in status(app)
        await pressed(pilot, "escape")
        assert len(fleet_list.shown) == 8
        assert not app.screen.query_one(FilterLine).is_open
        assert fleet_list.has_focus
        assert isinstance(app.screen, FleetScreen)


async def test_what_is_typed_on_at_once_goes_into_the_filter_and_not_to_the_list() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        for key in "/now q":
            name = {"/": "slash", " ": "space"}.get(key, key)
            app.post_message(events.Key(name, key))
        await pilot.pause()
        await pilot.pause()
        assert app.screen.query_one(FilterLine).field.value == "now q"
        assert app.screen.query_one(FleetList).order == "need"


async def test_what_is_selected_stays_so_though_the_filter_hides_it() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        await pressed(pilot, "space", "down", "space", "slash", *"settle", "enter", "home")
        assert "2 selected, 1 hidden · 1 of 8 runs" in status(app)
        await pressed(pilot, "escape", "slash", *"state:f", "enter", "asterisk")
        assert set(fleet_list.selected) == {"payments", "cleaner", "importer"}
        await pressed(pilot, "asterisk", "escape", "escape")
        assert not fleet_list.selected


async def test_a_batch_is_asked_once_lists_all_and_tells_what_became_of_each() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "asterisk", "x", "p")
        dialog = app.screen
        assert isinstance(dialog, ConfirmDialog)
        assert all(one.run_id in dialog._text for one in source.shown.rows)
        assert source.commands.asked == []
        next(b for b in dialog.query(Button) if b.name == "yes").focus()
        await pressed(pilot, "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        held = ["payments", "cleaner", "drifter", "surveyor", "waiter"]
        assert source.commands.asked == [("hold", name, None) for name in held]
        table = app.screen
        assert isinstance(table, AskDialog)
        assert table._title == "5 runs done"
        await pressed(pilot, "escape")
        left = set(app.screen.query_one(FleetList).selected)
        assert left == {"importer", "archivist", "scribe"}


async def test_what_a_batch_could_not_do_is_told_and_stays_selected() -> None:
    source = fleet()
    source.commands.refuse = ConflictError("somebody was faster")
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "space", "x", "c")
        next(b for b in app.screen.query(Button) if b.name == "yes").focus()
        await pressed(pilot, "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        table = app.screen
        assert isinstance(table, AskDialog)
        assert table._title == "0 runs done, 1 not"
        assert "somebody was faster" in table._text
        await pressed(pilot, "escape")
        assert set(app.screen.query_one(FleetList).selected) == {"payments"}


async def test_left_and_right_fold_a_family_and_o_orders_it() -> None:
    app = still_app(families())
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        assert fleet_list.shown == ["parent", "child", "grandchild", "lone"]
        await pressed(pilot, "down", "down", "left", "left")
        assert (fleet_list.cursor, fleet_list.folded) == ("child", {"child"})
        await pressed(pilot, "h", "h")
        assert fleet_list.shown == ["parent", "lone"]
        assert "1 waiting inside" in fleet_list.render_line(0).text
        await pressed(pilot, "right")
        assert fleet_list.shown == ["parent", "child", "lone"]
        await pressed(pilot, "o", "o", "o")
        assert "order: agent" in status(app)


async def test_the_order_stands_still_below_a_menu_however_long() -> None:
    source, app_time = fleet(), [100.0]
    app = still_app(source, setup=Setup(monotonic_s=lambda: app_time[0]))
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        before = list(fleet_list.shown)
        await pressed(pilot, "x")
        app_time[0] += 60
        source.change(replace(source.shown, rows=source.shown.rows[::-1]))
        await ticked(pilot)
        assert fleet_list.shown == before
        await pressed(pilot, "escape")
        app_time[0] += 3.1
        await ticked(pilot)
        assert fleet_list.shown == before[::-1]


async def test_w_goes_on_to_failed_and_adrift_runs_in_their_detail() -> None:
    source = fleet()
    source.shown = replace(source.shown, inbox=())
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        for name in ("importer", "drifter", "importer"):
            await pressed(pilot, "w")
            assert isinstance(app.screen, RunScreen)
            assert app.screen.run_id == name
        await pressed(pilot, "escape")
        assert isinstance(app.screen, FleetScreen)


async def test_a_selected_run_that_is_gone_stays_selected_and_counts_as_hidden() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "end", "space", "home")
        source.change(replace(source.shown, rows=(row("payments", "unknown"),)))
        await ticked(pilot)
        assert "1 selected, 1 hidden · 1 run" in status(app)


async def test_what_can_not_even_be_read_once_says_why() -> None:
    source = FrozenSource(Glimpse())
    app = still_app(source)
    async with app.run_test(size=(100, 24)) as pilot:
        for _ in range(5):
            await ticked(pilot)
        assert "reading…" in str(app.screen.query_one(StatusLine).render())
        source.shown = Glimpse(trouble="a row is damaged")
        for key in ("1", "2"):
            await pressed(pilot, key)
            await ticked(pilot)
            said = str(app.screen.query_one(StatusLine).render())
            assert "nothing can be read: a row is damaged" in said
