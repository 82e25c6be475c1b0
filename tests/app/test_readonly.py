"""Opened with --readonly the screens show everything, and nothing is asked of the kernel."""

from textual.pilot import Pilot

from quarterdeck.actions import ACTIONS
from quarterdeck.app import QuarterdeckApp
from quarterdeck.keymap import keys_of
from quarterdeck.screens.agents import AgentsScreen
from quarterdeck.screens.base import DeckScreen
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.commands import RunCommands
from quarterdeck.views.past import Past
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.keyed import offers
from tests.app.apps import pressed, still_app
from tests.app.frozen import FrozenSource
from tests.app.ledgers import spent
from tests.app.pasts import FORK, scrubbed
from tests.app.test_workers import Failing, done

SIZE = (100, 30)
READS = {"plan", "between", "compare", "grants", "seek", "export"}
"""What looks, or writes a file that the person names: that may be asked for."""
CHANGES = [action for action in ACTIONS if action.changes or action.writes]


async def _tried(pilot: Pilot[None]) -> None:
    """Try everything that changes something on a screen: its key, and the action by its name."""
    app, screen = pilot.app, pilot.app.screen
    assert isinstance(app, QuarterdeckApp)
    withheld = {offer.action.id: offer.why_not for offer in offers(screen)}
    for action in CHANGES:
        await app.run_action(f"screen.{action.does}")
        if (focused := app.focused) is not None:
            await app.run_action(action.does, focused)
        if action.id in withheld:
            await pressed(pilot, keys_of(action)[0])
        await pilot.pause()
        assert app.screen is screen, action.id
    found = {action.id for action in CHANGES} & withheld.keys()
    assert found
    why = {withheld[name] for name in found}
    assert None not in why
    assert "opened with --readonly" in why


async def _looked_at(source: FrozenSource, screen: type[DeckScreen], *keys: str) -> None:
    failing = Failing()
    failing.break_all(source.commands, RunCommands)
    failing.break_all(source.past, Past)
    app = still_app(source, setup=Setup(readonly=True))
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one(FleetList).pick(source.shown.rows[-1].run_id)
        await pressed(pilot, *keys)
        assert isinstance(app.screen, screen)
        await _tried(pilot)
        await done(pilot)
        assert failing.asked <= READS
        assert source.commands.asked == source.past.asked == []


async def test_readonly_asks_nothing_of_the_kernel_on_any_screen() -> None:
    source = scrubbed()
    assert source.shown.rows[-1].run_id == FORK
    await _looked_at(source, FleetScreen)
    await _looked_at(scrubbed(), RunScreen, "enter")
    await _looked_at(spent(), AgentsScreen, "4", "end")
