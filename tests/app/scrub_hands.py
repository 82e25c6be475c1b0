"""Hands for the tests of scrubbing."""

from typing import Any, TypeVar

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from quarterdeck.screens.run import RunScreen
from quarterdeck.widgets.density_strip import DensityStrip
from tests.app.frozen import FrozenSource
from tests.app.test_run_screen import settled

Kind = TypeVar("Kind")


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def strip_text(screen: RunScreen) -> list[str]:
    strip = screen.query_one(DensityStrip)
    return ["".join(segment.text for segment in strip.render_line(y)) for y in (0, 1)]


def body(dialog: Screen[Any]) -> str:
    return str(dialog.query_one("#body Static", Static).render())


def problem(dialog: Screen[Any]) -> str:
    return str(dialog.query_one("#problem", Static).render())


def did(source: FrozenSource) -> list[tuple[object, ...]]:
    return source.past.asked


def on_top(app: App[None], kind: type[Kind]) -> Kind:
    found = app.screen
    assert isinstance(found, kind), found
    return found


async def at(pilot: Pilot[None], screen: RunScreen, seq: int) -> None:
    screen.go_to(seq)
    await pilot.pause()


async def done(pilot: Pilot[None]) -> None:
    await settled(pilot)
    await pilot.pause()
