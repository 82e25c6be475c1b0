"""Pictures of the screens. After a deliberate change: ARGS=--snapshot-update, and look."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.app import App
from textual.pilot import Pilot

from quarterdeck.views.glimpse import Glimpse
from tests.app.apps import pressed, still_app
from tests.app.frozen import FrozenSource, fleet
from tests.app.test_fleet_views import FAMILY

SnapCompare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 50), (40, 12)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_fleet(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(still_app(), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_log_at_full_height(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def open_surveyor(pilot: Pilot[None]) -> None:
        await pilot.press("j", "j", "j", "j", "j", "enter")
        await pilot.pause()
        await pilot.press("k", "k", "k")

    assert snap_compare(still_app(), terminal_size=size, run_before=open_surveyor)


def test_hostile_text_is_shown_not_obeyed(snap_compare: SnapCompare) -> None:
    assert snap_compare(still_app(), terminal_size=(80, 24), press=["j", "j", "enter", "home"])


@pytest.mark.parametrize(
    ("size", "theme"), [((80, 24), "clear"), ((120, 40), "dusk"), ((200, 50), "contrast")]
)
def test_families_filtered_and_selected(
    snap_compare: SnapCompare, size: tuple[int, int], theme: str
) -> None:
    async def choose(pilot: Pilot[None]) -> None:
        await pressed(pilot, "end", "space", "home", "space", "down", "right")
        await pressed(pilot, "slash", *"state:w,run")

    source = fleet()
    source.shown = replace(source.shown, rows=(*FAMILY, *source.shown.rows))
    app = still_app(source, theme=theme, hints=True)
    assert snap_compare(app, terminal_size=size, run_before=choose)


def test_an_empty_workspace(snap_compare: SnapCompare) -> None:
    assert snap_compare(
        still_app(FrozenSource(Glimpse(loaded=True)), hints=True), terminal_size=(80, 24)
    )


def test_a_store_that_was_lost(snap_compare: SnapCompare) -> None:
    source = FrozenSource(Glimpse(loaded=True, trouble="the disk refused to read"))
    assert snap_compare(still_app(source), terminal_size=(80, 24))


def test_without_colour(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: App[None] = still_app()
    assert app.no_color
    assert snap_compare(app, terminal_size=(80, 24))
