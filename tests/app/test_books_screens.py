"""Ledger, agents and the form of a new run, through their keys."""

import asyncio
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.actions import ActionsDialog
from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.dialogs.new_run import ChoiceInput, NewRunDialog
from quarterdeck.screens.agents import AgentsScreen, CrewList
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.ledger import LedgerScreen
from quarterdeck.views.books import Bounded, LedgerPage, Sum
from quarterdeck.views.crew import Crew
from quarterdeck.views.crew_rows import Key, details
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.new_run import Order
from quarterdeck.widgets.bars import StatusLine, TitleLine
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.ledger_list import LedgerList, ScrolledLines
from quarterdeck.widgets.state_panel import StatePanel
from quarterdeck_kernel.errors import InvalidError
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import NOW_US, FrozenSource, row
from tests.app.ledgers import page, spent

SIZE = (80, 24)


# -- ledger


async def test_keys_and_arrows_part_the_ledger_by_other_things() -> None:
    source = spent()
    source.pages["tenant"] = LedgerPage(grouping="tenant", span="all", sums=(Sum("acme", 9),))
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "3")
        screen = app.screen
        assert isinstance(screen, LedgerScreen)
        table = screen.query_one(LedgerList)
        assert table.shown == ["researcher", "surveyor", "payments", "cleaner", "海図 reader"]
        await pressed(pilot, "o")
        assert table.shown[0] == "cleaner"
        await pressed(pilot, "t")
        assert (table.grouping, table.shown, table.cursor) == ("tenant", ["acme"], "acme")
        seen = [table.grouping]
        for _ in range(5):
            await pressed(pilot, "right")
            seen.append(table.grouping)
        assert seen == ["tenant", "person", "agent", "model", "day", "tenant"]
        await pressed(pilot, "left", "s")
        assert (table.grouping, table.span) == ("day", "month")


async def test_the_cursor_stays_with_its_sum_while_others_overtake_it() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "3", "down")
        table = app.screen.query_one(LedgerList)
        assert table.cursor == "surveyor"
        more = tuple(
            sum_._replace(cost_micros=9_000_000) if sum_.name == "cleaner" else sum_
            for sum_ in page().sums
        )
        source.pages["agent"] = replace(page(), sums=more)
        source.revision += 1
        await ticked(pilot)
        assert table.cursor == "surveyor"
        assert table.rows["cleaner"].cost_micros == 9_000_000


async def test_an_empty_ledger_says_what_will_stand_there() -> None:
    app = still_app(FrozenSource(Glimpse(loaded=True)))
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "3")
        assert app.screen.query_one("#nothing-used", Static).display
        await pressed(pilot, "down", "o", "right", "s", "y")
        assert isinstance(app.screen, LedgerScreen)


async def test_every_budget_can_be_scrolled_to_on_a_small_terminal() -> None:
    source = spent()
    more = tuple(Bounded(f"tenant t{number}", number, 0, 100) for number in range(20))
    source.pages["agent"] = replace(page(), budgets=more)
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "3")
        lines = app.screen.query_one(ScrolledLines)
        title = app.screen.query_one("#budgets-title", TitleLine)
        await ticked(pilot)
        assert "the nearest first · Tab" in str(title.render())
        await pressed(pilot, "tab", "end")
        assert "↑ ↓ scroll" in str(title.render())
        assert lines.has_focus
        shown = [lines.render_line(y).text for y in range(lines.size.height)]
        assert any("tenant t19" in line for line in shown)
        await pressed(pilot, "home", "pagedown", "up", "shift+tab")
        assert app.screen.query_one(LedgerList).has_focus


# -- agents and tools


def test_of_the_secrets_of_a_tool_the_names_are_told() -> None:
    crew = spent().crew()
    told = {
        key: {row.label: row.value for row in details(key, crew, (), NOW_US)}["secrets"]
        for key in (Key("tool", "pay"), Key("tool", "delete"), Key("server", "bank"))
    }
    assert [*told.values()] == ["BANK_PIN", "none", "BANK_TOKEN"]


async def test_what_the_cursor_is_on_is_told_in_full_and_followed() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "4", "down")
        crew = app.screen.query_one(CrewList)
        assert crew.key == Key("agent", "researcher")
        told = {line.label: line.value for line in app.screen.query_one(StatePanel)._rows}
        assert told["source"] == "agents.py"
        assert told["key"] == "ANTHROPIC_API_KEY not set"
        source.crew_shown = replace(source.crew_shown, agents=source.crew_shown.agents[1:])
        source.revision += 1
        await ticked(pilot)
        assert crew.key == Key("agent", "researcher")
        await pressed(pilot, "tab", "down", "end", "home")
        assert isinstance(app.screen, AgentsScreen)


async def test_settings_that_cannot_be_read_and_servers_that_are_down_are_said_first() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "4")
        assert "MCP server down: maps" in app.screen.query_one(StatusLine)._ends[0]
        source.crew_shown = Crew(trouble="quarterdeck.toml: no agent [x]")
        source.revision += 1
        await ticked(pilot)
        lines = [line.left for line in app.screen.query_one(CrewList).lines]
        assert "   cannot be read: quarterdeck.toml: no agent [x]" in lines


async def test_a_grant_is_revoked_after_a_question_and_nothing_else_is() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "4", "r")
        assert isinstance(app.screen, AgentsScreen)
        await pressed(pilot, "end", "r")
        assert isinstance(app.screen, ConfirmDialog)
        await pressed(pilot, "enter", "escape")
        assert source.commands.asked == []
        await pressed(pilot, "r")
        await press(pilot, "yes")
        assert source.commands.asked == [("revoke", "cleaner", "g-1")]


# -- a new run


async def press(pilot: Pilot[None], name: str) -> None:
    """Press a button, and wait until something is said to it or its dialog is closed."""
    dialog = pilot.app.screen
    if isinstance(dialog, NewRunDialog):
        dialog._say("")
    button = next(b for b in dialog.query(Button) if b.name == name)
    # For a moment after it was pressed a button hears nothing; a test need not wait for that.
    button.remove_class("-active")
    button.focus()
    await pressed(pilot, "enter")
    async with asyncio.timeout(20):
        while pilot.app.screen is dialog and said(pilot) in {"", "queueing…"}:
            await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def said(pilot: Pilot[None], where: str = "#problem") -> str:
    return str(pilot.app.screen.query_one(where, Static).content)


async def test_a_run_is_started_with_arrows_and_enter_and_the_cursor_waits_for_it() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "n")
        assert isinstance(app.screen, NewRunDialog)
        # The agent is there already; the focus is where something has to be typed.
        assert isinstance(app.focused, ChoiceInput)
        assert app.focused.field == "objective"
        await pressed(pilot, *"tidy", "down", "right", "down", *"1.5", "enter", "enter", "1", "h")
        await pressed(pilot, "enter", "enter", "enter")
        assert "Enter here changes nothing" in said(pilot)
        assert source.commands.asked == []
        await pressed(pilot, "down", "right", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert source.commands.asked == [
            ("start_run", Order("cleaner", "tidy", "offline", 1_500_000, "local", 3_600))
        ]
        assert isinstance(app.screen, FleetScreen)
        assert any("run run-1: it is driven here" in each.text for each in app.book.read())
        glimpse = source.glimpse()
        new = row("run-1", "queued", status="queued", head_seq=0)
        source.change(replace(glimpse, rows=(*glimpse.rows, new)))
        await ticked(pilot)
        assert app.screen.query_one(FleetList).cursor == "run-1"


async def test_what_is_wrong_is_said_the_text_stays_and_the_focus_goes_there() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "n", *"tidy")
        inputs = {each.name: each for each in app.screen.query(Input)}
        for field, typed, problem in (
            ("agent", "cleanr", "did you mean 'cleaner'?"),
            ("objective", "", "say what is to be done"),
            ("model", "a b", "no name of a model"),
            ("budget", "[/x]lots", "no amount in dollars"),
            ("tenant", "", "name whose run it is"),
            ("deadline", "soon", "write it as 90s"),
        ):
            right, inputs[field].value = inputs[field].value, typed
            await press(pilot, "yes")
            assert problem in said(pilot)
            assert inputs[field].value == typed
            assert app.focused is inputs[field]
            inputs[field].value = right
        assert inputs["objective"].value == "tidy"
        await pressed(pilot, "escape")
        assert isinstance(app.screen, FleetScreen)
        assert source.commands.asked == []


async def test_what_the_kernel_refuses_leaves_the_form_as_it_was() -> None:
    source = spent()
    source.commands.refuse = InvalidError("tenant 'local' has no budget [/x]")
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "n", *"tidy")
        await press(pilot, "yes")
        assert said(pilot) == "tenant 'local' has no budget [/x]"
        source.commands.refuse = RuntimeError("the disk is gone")
        await press(pilot, "yes")
        assert said(pilot).startswith("it is not known whether it was queued")
        source.commands.refuse = None
        await press(pilot, "yes")
        assert len(source.commands.asked) == 1


async def test_a_missing_key_is_named_before_the_start_and_once_more_at_it() -> None:
    source = spent()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "4", "down", "n", *"compare")
        assert "needs ANTHROPIC_API_KEY" in said(pilot, "#key")
        await press(pilot, "yes")
        assert "press again to start all the same" in said(pilot)
        assert source.commands.asked == []
        await press(pilot, "yes")
        assert source.commands.asked == [("start_run", Order("researcher", "compare"))]


async def test_readonly_starts_and_revokes_nothing_and_strikes_it_out() -> None:
    source = spent()
    app = still_app(source, setup=Setup(readonly=True))
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "n", "4")
        assert type(app.screen).__name__ == AgentsScreen.__name__
        await pressed(pilot, "n", "end", "r")
        assert type(app.screen).__name__ == AgentsScreen.__name__
        await pressed(pilot, "x")
        assert isinstance(app.screen, ActionsDialog)
        off = {each.action.id for each in app.screen._rows
               if each is not None and each.offer is not None and each.offer.why_not}  # fmt: skip
        assert {"agents.start", "agents.revoke"} <= off
        assert source.commands.asked == []


async def test_the_form_fills_in_what_is_read_after_it_opened() -> None:
    source = spent()
    known, source.crew_shown = source.crew_shown, Crew()
    app = still_app(source)
    async with app.run_test(size=(60, 16)) as pilot:
        await pressed(pilot, "n")
        dialog = app.screen
        assert isinstance(dialog, NewRunDialog)
        await press(pilot, "yes")
        assert said(pilot) == "the agents are still being read"
        source.crew_shown = known
        dialog._look()
        assert dialog.values()["agent"] == "cleaner"
        # In the smallest terminal the buttons are in sight.
        frame = dialog.query_one("#frame").region
        assert all(frame.contains_region(each.region) for each in dialog.query(Button))


async def test_it_is_found_in_the_palette() -> None:
    app = still_app(spent())
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "ctrl+p", *"start a run", "enter")
        await pilot.pause()
        assert isinstance(app.screen, NewRunDialog)
