"""The run screen: one position, the past and its banner, finding the way, folding and copying."""

import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from quarterdeck.app import QuarterdeckApp
from quarterdeck.dialogs.goto import GotoDialog
from quarterdeck.messages import RunOpened
from quarterdeck.screens.run import RunScreen
from quarterdeck.widgets.bars import EndsLine, StatusLine
from quarterdeck.widgets.density_strip import DensityStrip
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.state_panel import StatePanel
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import FrozenSource
from tests.app.voyage import NAME, at_sea, voyage

SIZE = (120, 40)
EVENTS = voyage()
HEAD = len(EVENTS)


def seqs(kind: str) -> list[int]:
    return [event.seq for event in EVENTS if event.kind == kind]


async def opened(pilot: Pilot[None]) -> RunScreen:
    pilot.app.screen.post_message(RunOpened(NAME))
    await pilot.pause()
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def settled(pilot: Pilot[None]) -> None:
    """Wait until what was looked for was found."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


def status(screen: RunScreen) -> str:
    return str(screen.query_one(StatusLine).render())


def panel(screen: RunScreen) -> str:
    return "\n".join(f"{row.label} {row.value}" for row in screen.query_one(StatePanel)._rows)


def inspected(screen: RunScreen) -> str:
    lines = screen.query_one(Inspector).lines
    return "\n".join(f"{line.label} {line.text}" for line in lines)


async def test_elsewhere_than_at_the_head_it_is_past_and_every_panel_is_of_that_moment() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert f"#{HEAD} live · 0.00 of 1.00" in status(screen)
        assert f"at #{HEAD}" in panel(screen)
        assert "pause delete 6 stale charts" in panel(screen)
        await pressed(pilot, "left")
        assert f"PAST #{HEAD - 1} of {HEAD}" in status(screen)
        assert "read-only · L returns to live" in status(screen)
        assert f"at #{HEAD - 1}" in panel(screen)
        assert "pause" not in panel(screen)
        seen = screen.query_one(Inspector).event
        assert seen is not None
        assert seen.seq == HEAD - 1
        await pressed(pilot, "L")
        assert "live" in status(screen)
        assert f"at #{HEAD}" in panel(screen)


@pytest.mark.parametrize("key", ["end", "G", "L"])
async def test_keys_that_lead_to_live(key: str) -> None:
