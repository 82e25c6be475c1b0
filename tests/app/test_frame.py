"""The frame round every screen: tabs, ways back, quitting, the size notice, what is withheld."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.binding import BindingType
from textual.widget import Widget

from quarterdeck.actions import ACTIONS, CHAINS, CHANGING, Action, Scope
from quarterdeck.dialogs.actions import ActionsDialog
from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.keymap import keys_of, rekeyed
from quarterdeck.screens.agents import AgentsScreen
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.screens.ledger import LedgerScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.settings import SettingsScreen
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.bars import HeaderBar, SizeNotice
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.footer import FooterBar
from quarterdeck.widgets.keyed import bindings, built, can, offers
from quarterdeck.widgets.pick_list import PickList
from tests.app.apps import pressed, still_app
from tests.app.frozen import fleet

SIZE = (100, 30)


def doing(heard: list[str], method: str) -> Callable[..., None]:
    return lambda _self, *_parameters: heard.append(method)


def own(chain: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The scopes that a screen does not have anyway."""
    return tuple(scope for scope in chain if scope != "global")


def able_screen(chain: tuple[Scope, ...], heard: list[str]) -> DeckScreen:
    """A screen that can do everything of a chain, and notes what it was asked to do."""

    class AbleScreen(DeckScreen):
        BINDINGS: ClassVar[list[BindingType]] = bindings(*own(chain))
        MENU = ("menu", "batch") if chain[0] == "fleet" else ()

        def compose_body(self) -> list[Widget]:
            return []

        def show_news(self) -> None:
            pass

        def copied(self) -> Copied:
            return Copied("text", "it")

    for action in ACTIONS:
        lent = action.scope in (*chain, *AbleScreen.MENU) and not hasattr(
            DeckScreen, f"action_{action.method}"
        )
        if lent and action.scope != "global":
            setattr(AbleScreen, f"action_{action.method}", doing(heard, action.method))
    return AbleScreen(fleet())


SCREEN_CHAINS = [chain for chain in CHAINS if "global" in chain]


@pytest.mark.parametrize("chain", SCREEN_CHAINS, ids=lambda chain: chain[0])
async def test_every_action_is_reached_by_arrows_and_enter(chain: tuple[Scope, ...]) -> None:
    heard: list[str] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        screen = able_screen(chain, heard)
        await app.push_screen(screen)
        scopes = set(chain) | set(screen.MENU[:1])
        wanted = {
            action.does
            for action in ACTIONS
            if action.scope in scopes
            and action.group != "move"
            and any(can(node, action.method) for node in (screen, app))
        }
        # What leads to no screen, the way back, what is only there while something takes long,
        # and the menu itself.
        wanted -= {f"show('{name}')" for name in ("inbox", "ledger", "agents")}
        wanted -= {"menu", "stop_work", "back"}
        await pressed(pilot, "x")
        dialog = app.screen
        assert isinstance(dialog, ActionsDialog)
        shown = [row for row in dialog._rows if row is not None]
        assert wanted - {row.action.does for row in shown} == set()
        target = next(n for n, row in enumerate(shown) if row.action.scope in scopes - {"global"})
        await pressed(pilot, *["down"] * target, "enter")
        assert heard == [shown[target].action.method] or not app.is_running


async def test_no_key_of_a_screen_is_dead() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        for keys in ((), ("enter",), ("5",)):
            await pressed(pilot, *keys)
            for offer in offers(app.screen):
                node = app if offer.action.does.startswith("app.") else offer.node
                assert can(node, offer.action.method), offer.action.id
                assert offer.why_not is None


def test_what_no_screen_can_do_is_known_and_what_has_no_place_is_not_mentioned() -> None:
    there = built()
    assert there["fleet.open"]
    assert there["global.help"]
    assert there["global.filter"], "fleet and run can"
    unbuilt = ACTIONS[0]._replace(id="fleet.nothing", does="nothing_at_all")
    assert unbuilt.id not in there


@pytest.mark.parametrize(
    ("readonly", "size", "changes"),
    [(True, SIZE, False), (False, (59, 30), False), (False, SIZE, True)],
)
async def test_read_only_and_unseen_no_key_changes_a_run(
    readonly: bool,  # noqa: FBT001 - a parameter of the test
    size: tuple[int, int],
    changes: bool,  # noqa: FBT001 - as above
) -> None:
    app = still_app(setup=Setup(readonly=readonly))
    async with app.run_test(size=size) as pilot:
        by_scope: dict[Scope, list[Action]] = {}
        for action in CHANGING.values():
            if action.keys:
                by_scope.setdefault(action.scope, []).append(action)
        for scope, actions in by_scope.items():
            heard: list[str] = []
            chain = next((c for c in SCREEN_CHAINS if scope in c), (scope, "global"))
            await app.push_screen(able_screen(chain, heard))
            for action in actions:
                await pressed(pilot, keys_of(action)[0])
                assert heard == [action.method] * changes
                heard.clear()
            await app.pop_screen()


@pytest.mark.parametrize(
    ("setup", "header", "why"),
    [
        (Setup(readonly=True), " read-only ", "opened with --readonly"),
        (
            Setup(recording="the \x1bvoyage.tape"),
            " recording the <ESC>voyage… ",
            "a recording is only looked at",
        ),
    ],
)
async def test_read_only_strikes_out_in_the_footer_and_says_why_in_the_menu(
    setup: Setup, header: str, why: str
) -> None:
    app = still_app(setup=setup)
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(able_screen(("fleet", "list", "global"), []))
        await pilot.pause()
        footer = app.screen.query_one(FooterBar)
        (new,) = (offer for offer in footer.offers if offer.action.id == "fleet.new")
        assert new.why_not == why
        line = footer.render()
        assert any("strike" in str(span.style) for span in line.spans)  # type: ignore[union-attr]
        assert header in str(app.screen.query_one(HeaderBar).render())
        await pressed(pilot, "n")
        assert app.book.read()[0].text == f"not now: new ({why})"
        await pressed(pilot, "x", "p")
        dialog = app.screen
        assert isinstance(dialog, ActionsDialog)
        (hold,) = (row for row in dialog._rows if row is not None and row.action.id == "menu.hold")
        assert f"Not now: {why}." in hold.meaning()
        assert hold.line().kind == "off"


async def test_digits_switch_tabs_and_a_tab_is_found_as_it_was_left() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "j", "enter", "5")
        assert isinstance(app.screen, SettingsScreen)
        await pressed(pilot, "1")
        assert isinstance(app.screen, RunScreen)
        await pressed(pilot, "escape")
        assert app.screen.query_one(FleetList).cursor == "cleaner"
        await pressed(pilot, "3")
        assert type(app.screen).__name__ == LedgerScreen.__name__
        await pressed(pilot, "4")
        assert type(app.screen).__name__ == AgentsScreen.__name__
        await pressed(pilot, "2")
        assert type(app.screen).__name__ == InboxScreen.__name__
        await pressed(pilot, "5", "q")
        assert isinstance(app.screen, FleetScreen)


async def test_a_click_on_a_tab_goes_there() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        line = str(app.screen.query_one(HeaderBar).render())
        await pilot.click(HeaderBar, offset=(line.index("Settings"), 0))
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)


async def test_a_click_in_the_footer_does_what_the_key_does() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        line = str(app.screen.query_one(FooterBar).render())
        await pilot.click(FooterBar, offset=(line.index("open"), 0))
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)


async def test_the_footer_fits_five_labels_and_the_help_at_80_columns() -> None:
    app = still_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(able_screen(("fleet", "list", "global"), []))
        await pilot.pause()
        line = str(app.screen.query_one(FooterBar).render())
        assert len(line) == 80
        for label in ("↵ open", "n new", "x actions", "w next"):
            assert label in line
        assert line.rstrip().endswith("? help  : palette")
        for width in (60, 70, 120, 200):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            line = str(app.screen.query_one(FooterBar).render())
            assert len(line) == width
            assert "? help" in line


@pytest.mark.parametrize("width", [60, 80, 120, 200])
async def test_the_footer_always_tells_the_way_out_and_the_help(width: int) -> None:
    app = still_app()
    async with app.run_test(size=(width, 24)) as pilot:
        for keys, out in (((), "q quit"), (("enter",), "esc back"), (("2",), "esc back")):
            await pressed(pilot, *keys)
            line = str(app.screen.query_one(FooterBar).render())
            assert f" {out}  ? help " in line
            assert "x actions" in line
            assert len(line) == width


async def test_below_the_least_size_nothing_is_heard_and_a_dialog_keeps_its_text() -> None:
    answers: list[str | None] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(
            ConfirmDialog("Cancel it?", "text", decide="Cancel it"), answers.append
        )
        await pressed(pilot, "tab", "tab")
        await pilot.resize_terminal(59, 30)
        await pilot.pause()
        assert app.screen.query_one(SizeNotice).display
        await pressed(pilot, "enter", "escape", "y", "j")
        assert answers == []
        await pilot.resize_terminal(*SIZE)
        await pilot.pause()
        assert app.focused is not None
        assert app.focused.name == "yes"
        await pressed(pilot, "enter")
        assert answers == ["yes"]


async def test_a_keymap_changes_keys_footer_and_help() -> None:
    mapping = {"fleet.open": "f5", "global.menu": "ctrl+x", "fleet.quit": "F10"}
    app = still_app(setup=Setup(preferences=Preferences(keymap=mapping)))
    async with app.run_test(size=SIZE) as pilot:
        line = str(app.screen.query_one(FooterBar).render())
        assert "F5 open" in line
        assert "^X actions" in line
        await pressed(pilot, "enter", "x")
        assert isinstance(app.screen, FleetScreen)
        await pressed(pilot, "ctrl+x")
        assert isinstance(app.screen, ActionsDialog)
        await pressed(pilot, "escape", "f5")
        assert isinstance(app.screen, RunScreen)


async def test_two_actions_may_swap_their_keys() -> None:
    heard: list[str] = []
    mapping = {"fleet.new": "o", "fleet.order": "n"}
    assert rekeyed(mapping)
    app = still_app(setup=Setup(preferences=Preferences(keymap=mapping)))
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(able_screen(("fleet", "list", "global"), heard))
        await pressed(pilot, "o", "n")
        assert heard == ["new_run", "order"]


async def test_gg_goes_to_the_first_line_and_one_g_goes_nowhere() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        await pressed(pilot, "G", "g")
        assert fleet_list.cursor == "scribe"
        await pressed(pilot, "g")
        assert fleet_list.cursor == "payments"


async def test_what_lies_beneath_a_dialog_goes_on() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "x")
        source.change(source.shown.__class__(loaded=True))
        app._tick()
        await pilot.pause()
        below = app.screen_stack[0]
        assert below.query_one(FleetList).virtual_size.height == 0


async def test_the_menu_takes_a_row_by_its_key() -> None:
    heard: list[str] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(able_screen(("fleet", "list", "global"), heard))
        await pressed(pilot, "x", "p")
        assert heard == ["hold"]
        await pressed(pilot, "x", "n")
        assert heard == ["hold", "cancel_now"]


async def test_the_palette_finds_by_name_and_enter_does_it() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "colon", *"setti")
        rows = app.screen.query_one(PickList)
        assert rows.lines[0].left.split()[1] == "Settings"
        await pressed(pilot, "enter")
        assert isinstance(app.screen, SettingsScreen)
        await pressed(pilot, "ctrl+p", *"zzzz", "enter", "escape")
        assert isinstance(app.screen, SettingsScreen)


async def test_help_lists_the_keys_of_every_screen_there_is_and_says_what_is_not_yet() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "f1")
        dialog = app.screen
        assert isinstance(dialog, ActionsDialog)
        rows = {row.action.id: row for row in dialog._rows if row is not None}
        assert "global.quit" in rows
        assert "log.back" in rows
        assert "fleet.open" in rows
        assert not rows["global.ledger"].absent
        absent = [row for row in rows.values() if row.absent]
        assert all("No screen can do this yet." in row.meaning() for row in absent)
