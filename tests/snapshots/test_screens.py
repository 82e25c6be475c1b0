"""Pictures of the screens. After a deliberate change: ARGS=--snapshot-update, and look."""

from collections.abc import Callable

import pytest
from textual.app import App
from textual.pilot import Pilot

from quarterdeck.views.glimpse import Glimpse
from tests.app.apps import still_app
from tests.app.frozen import FrozenSource

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


def test_an_empty_workspace(snap_compare: SnapCompare) -> None:
    assert snap_compare(still_app(FrozenSource(Glimpse(loaded=True))), terminal_size=(80, 24))


def test_a_store_that_was_lost(snap_compare: SnapCompare) -> None:
    source = FrozenSource(Glimpse(loaded=True, trouble="the disk refused to read"))
    assert snap_compare(still_app(source), terminal_size=(80, 24))


def test_without_colour(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: App[None] = still_app()
    assert app.no_color
    assert snap_compare(app, terminal_size=(80, 24))
