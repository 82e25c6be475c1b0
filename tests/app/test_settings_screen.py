"""Settings: a preview while moving, kept by Enter, taken back by leaving."""

from textual import events
from textual.pilot import Pilot

from quarterdeck.screens.settings import SettingsScreen
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.pick_list import PickList
from tests.app.apps import pressed, still_app
from tests.app.test_frame import SIZE


async def test_moving_previews_enter_keeps_and_leaving_takes_back() -> None:
    kept: list[Preferences] = []

    async def keep(preferences: Preferences) -> None:
        kept.append(preferences)

    app = still_app(setup=Setup(keep=keep))
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "5", "down")
        assert app.theme == "dusk"
        assert app.preferences.theme == "night"
        await pressed(pilot, "1")
        assert app.theme == "night"
        await pressed(pilot, "5", "down", "enter")
        await app.workers.wait_for_complete()
        assert app.preferences.theme == "day"
        await pressed(pilot, "down", "escape")
        assert app.theme == "day"
        assert kept == [Preferences(theme="day", hints=False)]


async def test_every_setting_is_chosen_with_arrows_and_enter() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "5")
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        for number, setting in enumerate(screen._settings()):
            if setting.chosen is None:
                continue
            screen.query_one(PickList).go(number)
            await pressed(pilot, "enter")
            assert screen._settings()[number].line.kind == "chosen"
        assert app.preferences == Preferences(
            theme="ansi",
            glyphs="plain",
            notices="none",
            bell=False,
            terminal=False,
            times="utc",
            hints=False,
            mouse=False,
        )
        await pressed(pilot, "1")
        row = app.screen.query_one(FleetList).render_line(1).text
        assert row.startswith("  ! waiting")


async def clicked(pilot: Pilot[None], x: int, y: int) -> None:
    """Click as a terminal does: the pilot's own click goes by the app."""
    for kind in (events.MouseDown, events.MouseUp):
        pilot.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))  # noqa: FBT003 - Textual's order
    await pilot.pause()


async def test_the_mouse_is_left_to_the_terminal_from_the_start_and_again() -> None:
    app = still_app(setup=Setup(preferences=Preferences(mouse=False)))
    async with app.run_test(size=SIZE) as pilot:
        await clicked(pilot, 5, 5)
        assert app.screen.query_one(FleetList).cursor == "payments"
        app.prefer(Preferences(mouse=True))
        await clicked(pilot, 5, 5)
        assert app.screen.query_one(FleetList).cursor == "importer"


async def test_keys_of_ones_own_are_listed() -> None:
    setup = Setup(preferences=Preferences(keymap={"fleet.open": "f5"}))
    app = still_app(setup=setup)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "5")
        lines = [line.left for line in app.screen.query_one(PickList).lines]
        assert lines[-1].split() == ["F5", "fleet.open,", "not", "Enter"]
