"""Pictures of the run screen: live, past, folded, searched, and its dialogs."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from quarterdeck.messages import RunOpened
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from tests.app.apps import pressed, still_app
from tests.app.voyage import NAME, at_sea

SnapCompare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 50)]
THEMES = ["night", "day", "contrast"]


def named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def opened(*keys: str) -> Before:
    async def before(pilot: Pilot[None]) -> None:
        pilot.app.screen.post_message(RunOpened(NAME))
        await pilot.pause()
        await pilot.pause()
        await pressed(pilot, *keys)

    return before


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("theme", THEMES)
def test_live(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    app = still_app(at_sea(), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=opened())


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("theme", ["night", "clear", "ansi"])
def test_past(snap_compare: SnapCompare, theme: str, size: tuple[int, int]) -> None:
    app = still_app(at_sea(), theme=theme)
    before = opened("up", "up", "up", "up", "up", "up", "tab", "v", "down")
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_json(snap_compare: SnapCompare) -> None:
    before = opened("g", "1", "0", "enter", "v", "v")
    assert snap_compare(still_app(at_sea()), terminal_size=(120, 40), run_before=before)


def test_the_timeline_has_the_focus(snap_compare: SnapCompare) -> None:
    before = opened("tab", "tab", "left", "left")
    assert snap_compare(still_app(at_sea()), terminal_size=(80, 24), run_before=before)


@pytest.mark.parametrize("keys", ["g", "slash", "x", "x b", "x t"])
def test_dialogs(snap_compare: SnapCompare, keys: str) -> None:
    before = opened(*keys.split())
    assert snap_compare(still_app(at_sea()), terminal_size=(80, 24), run_before=before)


def test_the_brakes_of_the_past(snap_compare: SnapCompare) -> None:
    before = opened("up", "up", "x", "c")
    assert snap_compare(still_app(at_sea()), terminal_size=(80, 24), run_before=before)


def test_plain_glyphs(snap_compare: SnapCompare) -> None:
    app = still_app(at_sea(), setup=Setup(preferences=Preferences(glyphs="plain")))
    assert snap_compare(app, terminal_size=(80, 24), run_before=opened("left"))


def test_without_colour(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(still_app(at_sea()), terminal_size=(80, 24), run_before=opened("left"))
