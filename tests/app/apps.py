"""The app as tests run it: a frozen source, UTC, nothing that moves."""

from dataclasses import replace
from datetime import UTC

from textual.pilot import Pilot

from quarterdeck.app import Leave, QuarterdeckApp
from quarterdeck.views.decisions import Clerk
from quarterdeck.views.glimpse import Source
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from tests.app.frozen import FrozenSource, fleet


def still_app(
    source: Source | None = None,
    *,
    theme: str = "night",
    setup: Setup | None = None,
    leave: Leave | None = None,
    clerk: Clerk | None = None,
    hints: bool = False,
) -> QuarterdeckApp:
    """Return the app. What is under test is seldom a hint, which would be in every picture."""
    setup = setup or Setup(preferences=Preferences(theme=theme))
    setup = replace(setup, preferences=replace(setup.preferences, hints=hints))
    app = QuarterdeckApp(source or fleet(), zone=UTC, setup=setup, leave=leave, clerk=clerk)
    app.animation_level = "none"
    return app


def driving(runs: int) -> FrozenSource:
    source = fleet()
    source.shown = replace(source.shown, driven_here=runs)
    return source


async def pressed(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, each seen before the next."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def ticked(pilot: Pilot[None]) -> None:
    """Let the app's next tick come now, whatever the machine is busy with."""
    assert isinstance(pilot.app, QuarterdeckApp)
    pilot.app._tick()
    await pilot.pause()
