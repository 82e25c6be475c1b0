"""What stands between a key and what it paints: imports, layouts, whole lists drawn anew."""

import subprocess
import sys

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from quarterdeck.views.timeline import Survey, Window, columns, moved_to
from quarterdeck.widgets.lines import LineList

_LOADED = "import quarterdeck.app, quarterdeck.kernel_link.link, sys; print(*sys.modules)"
_LATER = (
    "litellm",
    "quarterdeck.screens.later",
    "quarterdeck_kernel.engine",
    "quarterdeck_kernel.events.union",
    "quarterdeck_kernel.guards",
    "quarterdeck_kernel.tools",
)


def test_the_first_frame_waits_for_no_engine_and_for_no_other_screen() -> None:
    command = [sys.executable, "-c", _LOADED]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "quarterdeck_kernel.store.sqlite.store" in loaded, "the rows come from it"
    assert not [name for name in _LATER if name in loaded]


@pytest.mark.parametrize("head", [3, 40, 1_000])
def test_a_line_whose_cursor_moved_is_the_line_with_the_cursor_there(head: int) -> None:
    survey = Survey()
    for seq in range(head):
        survey.add(seq * 1_000, seq % 4)
    line = columns(survey, Window(1, head), 60, 0)
    for position in (1, 2, head, 1):
        line = moved_to(line, position)
        assert line == columns(survey, Window(1, head), 60, position)


class Numbers(LineList):
    """Its lines are their numbers."""

    drawn = 0

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - they are all blank
        self.drawn += 1
        return self.blank()


class NumbersApp(App[None]):
    laid_out = 0

    def get_default_screen(self) -> Screen[object]:
        app = self

        class Counted(Screen[object]):
            def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's
                app.laid_out += 1
                super()._refresh_layout(size, scroll)

        return Counted()

    def compose(self) -> ComposeResult:
        yield Numbers()


async def settled(pilot: Pilot[None]) -> None:
    """Wait for what a scrollbar that comes or goes brings with it, too."""
    for _ in range(5):
        await pilot.pause(0.02)


async def test_a_line_more_is_laid_out_only_where_the_scrollbar_comes_or_goes() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 10)) as pilot:
        lines = app.query_one(Numbers)
        await settled(pilot)
        counts = []
        for count in (5, 6, 20, 21, 22, 23, 4):
            before = app.laid_out
            lines.set_line_count(count)
            await pilot.pause()
            counts.append(app.laid_out > before)
            assert lines.virtual_size.height == count
        # The first line behind a scrollbar that has just come settles where that stands.
        assert counts == [False, False, True, counts[3], False, False, True]


async def test_of_a_list_only_those_lines_are_drawn_anew_that_changed() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 10)) as pilot:
        lines = app.query_one(Numbers)
        await pilot.pause()
        before, lines.drawn = [*range(10)], 0
        lines.refresh_changed(before, [0, 1, 7, 3, 4, 5, 6, 7, 8])
        await pilot.pause()
        assert lines.drawn == 2, "the third is another, the tenth is gone"
        lines.refresh_changed(before, before)
        await pilot.pause()
        assert lines.drawn == 2
