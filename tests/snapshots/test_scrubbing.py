"""Pictures of the scrubber: marks, playing, zoom, differences, comparing, forks."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from quarterdeck.messages import RunOpened
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from tests.app.apps import pressed, still_app
from tests.app.pasts import scrubbed
from tests.app.voyage import NAME

SnapCompare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]
SIZES = [((80, 24), "clear"), ((120, 40), "dusk"), ((200, 50), "contrast")]
MARKED = ("g", "1", "0", "enter", "m", "g", "4", "1", "enter", "M")


def opened(*keys: str) -> Before:
    async def before(pilot: Pilot[None]) -> None:
        pilot.app.screen.post_message(RunOpened(NAME))
        await pilot.pause()
        await pilot.pause()
        await pressed(pilot, *keys)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.pause()

    return before


SMALL, MIDDLE, LARGE = SIZES
SHOWN = {
    "marks": (*MARKED, "up"),
    "diff": (*MARKED, "d"),
    "compare": ("c", "enter"),
    "fork": ("g", "2", "6", "enter", "f"),
}
QUICK = {("marks", LARGE), ("diff", MIDDLE), ("compare", SMALL), ("fork", SMALL)}
"""One picture of each by default; at the other sizes the long suite looks."""


@pytest.mark.parametrize(
    ("keys", "size", "theme"),
    [
        pytest.param(
            SHOWN[name],
            *look,
            id=f"{name}-{look[0][0]}x{look[0][1]}",
            marks=() if (name, look) in QUICK else pytest.mark.crash,
        )
        for name in SHOWN
        for look in SIZES
    ],
)
def test_scrubbing(
    snap_compare: SnapCompare, keys: tuple[str, ...], size: tuple[int, int], theme: str
) -> None:
    app = still_app(scrubbed(), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=opened(*keys))


@pytest.mark.parametrize(
    "keys",
    ["B", "x r", "up tab tab z z", "up up up i i tab right"],
)
def test_at_eighty_columns(snap_compare: SnapCompare, keys: str) -> None:
    app = still_app(scrubbed())
    assert snap_compare(app, terminal_size=(80, 24), run_before=opened(*keys.split()))


def test_playing(snap_compare: SnapCompare) -> None:
    setup = Setup(preferences=Preferences(theme="dusk"), monotonic_s=lambda: 1_000.0)
    app = still_app(scrubbed(), setup=setup)
    keys = ("g", "2", "0", "enter", "tab", "tab", "plus", "space")
    assert snap_compare(app, terminal_size=(120, 40), run_before=opened(*keys))
