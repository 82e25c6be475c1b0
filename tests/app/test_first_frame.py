"""What stands between a key and what it paints: imports, layouts, whole lists drawn anew."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import cast
from unittest.mock import Mock

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from quarterdeck.kernel_link.link import look_after_s
from quarterdeck.kernel_link.moments import WishedMoments
from quarterdeck.messages import RunOpened
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.plain import cells_of
from quarterdeck.views.timeline import Survey, Window, columns, moved_to
from quarterdeck.widgets.event_log import EventBrowser
from quarterdeck.widgets.footer import FooterBar
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.lines import LineList
from quarterdeck.widgets.quiet_bar import QuietBar
from quarterdeck_kernel import EventStore, Moments
from tests.app.apps import pressed, still_app, ticked
from tests.app.voyage import NAME, at_sea, voyage

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


def counted(monkeypatch: pytest.MonkeyPatch, kind: type, method: str) -> list[object]:
    """Return what becomes the list of whose method was called."""
    calls: list[object] = []
    called = getattr(kind, method)

    def counting(self: object, *args: object, **kwargs: object) -> object:
        calls.append(self)
        return called(self, *args, **kwargs)

    monkeypatch.setattr(kind, method, counting)
    return calls


async def test_a_scrollbar_is_drawn_anew_only_where_its_thumb_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 10)) as pilot:
        lines = app.query_one(Numbers)
        lines.set_line_count(100_000)
        await settled(pilot)
        drawn = counted(monkeypatch, QuietBar, "render")
        lines.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert len(drawn) == 1
        for count in range(100_001, 100_010):
            lines.set_line_count(count)
            lines.scroll_end(animate=False, immediate=True)
            await pilot.pause()
        assert len(drawn) == 1, "an event among so many moves it by no eighth of a cell"
        lines.scroll_home(animate=False, immediate=True)
        await pilot.pause()
        assert len(drawn) == 2
        before = lines.vertical_scrollbar.render_line(0)
        app.theme = "textual-light"
        await settled(pilot)
        assert lines.vertical_scrollbar.render_line(0) != before, "another theme is seen"


async def test_a_scrollbar_stands_where_it_was_told_to_while_it_came() -> None:
    class Filled(Numbers):
        def on_mount(self) -> None:
            self.set_line_count(30)

        def on_resize(self) -> None:
            self.scroll_end(animate=False, immediate=True)

    class FilledApp(App[None]):
        def compose(self) -> ComposeResult:
            yield Filled()

    app = FilledApp()
    async with app.run_test(size=(40, 12)) as pilot:
        await settled(pilot)
        bar = app.query_one(Filled).vertical_scrollbar
        shown = [strip.text for strip in bar.render_lines(bar.size.region)]
        bar.notify_style_update()
        bar._set_dirty()
        assert shown == [strip.text for strip in bar.render_lines(bar.size.region)]
        assert "".join(shown).strip(), "its thumb begins within a cell"


@pytest.mark.parametrize(
    "text", ["", "plain", "cut…", "• new", "a → b", "漢字", "e\u0301", "\u200b", "👩‍🚀 up", "▾ ok"]
)
def test_a_text_takes_the_cells_that_it_takes_in_a_terminal(text: str) -> None:
    assert cells_of(text) == cell_len(text)


@pytest.mark.parametrize(("text", "shown"), [("ab", "ab  "), ("abcd", "abcd"), ("ab漢字", "ab漢")])
async def test_a_line_is_as_wide_as_its_list(text: str, shown: str) -> None:
    app = NumbersApp()
    async with app.run_test(size=(4, 3)) as pilot:
        await pilot.pause()
        strip = app.query_one(Numbers).strip([(text, Style())], Style())
        assert (strip.text, strip.cell_length) == (shown, 4)


@pytest.mark.parametrize(
    ("came", "pause_s", "after_s"),
    [(0, 0.1, 0.1), (20, 0.1, 0.1), (21, 0.1, 0.25), (125, 0.25, 0.25), (50, 0.25, 0.1)],
)
def test_more_events_than_anybody_can_read_are_followed_in_larger_steps(
    came: int, pause_s: float, after_s: float
) -> None:
    assert look_after_s(came, pause_s) == after_s


async def test_an_event_that_comes_paints_a_line_of_the_log_once_and_no_panel_that_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = at_sea()
    async with still_app(source).run_test(size=(120, 30)) as pilot:
        screen = await opened(pilot)
        log, head = screen.browser, len(voyage())
        assert log.size.height < head, "it is scrolled"
        lines = counted(monkeypatch, EventBrowser, "render_line")
        others = counted(monkeypatch, FooterBar, "render")
        layouts = counted(monkeypatch, Compositor, "reflow")
        # The newest is one more line: all others stand a line higher.
        (row,) = source.shown.rows
        grown = row._replace(head_seq=head + 1)
        source.shown = replace(source.shown, rows=(grown,))
        source.events[NAME] = voyage(further=1)
        source.revision += 1
        await ticked(pilot)
        await pilot.pause()
        assert log.cursor_seq == head + 1
        assert len(lines) == log.size.height
        assert not others
        assert not layouts


async def test_a_step_in_the_log_lays_nothing_out_whatever_the_inspector_has_to_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with still_app(at_sea()).run_test(size=(120, 30)) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "k")
        inspector = screen.query_one(Inspector)
        layouts = counted(monkeypatch, Compositor, "reflow")
        lines = counted(monkeypatch, EventBrowser, "render_line")
        fits = set()
        for _ in range(8):
            await pressed(pilot, "k")
            fits.add(len(inspector.lines) > inspector.size.height)
        assert fits == {True, False}, "a bar that came and went would have been laid out"
        assert not layouts
        assert len(lines) == 16, "where the cursor was and where it is"


async def opened(pilot: Pilot[None]) -> RunScreen:
    pilot.app.screen.post_message(RunOpened(NAME))
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def test_a_line_of_the_log_that_was_read_is_drawn_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, head = at_sea(), len(voyage())
    read, missing = source.line, {head - 3, head - 5}
    monkeypatch.setattr(
        source, "line", lambda name, seq: None if seq in missing else read(name, seq)
    )
    async with still_app(source).run_test(size=(120, 30)) as pilot:
        screen = await opened(pilot)
        lines = counted(monkeypatch, EventBrowser, "render_line")
        screen.show_news()
        await pilot.pause()
        assert not lines, "nothing was read meanwhile"
        missing.remove(head - 3)
        screen.show_news()
        await pilot.pause()
        assert len(lines) == 1
        missing.clear()
        screen.show_news()
        await pilot.pause()
        assert len(lines) == 2
        screen.show_news()
        await pilot.pause()
        assert len(lines) == 2


async def test_the_panels_are_told_of_what_was_read_and_of_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = at_sea()
    async with still_app(source).run_test(size=(120, 30)) as pilot:
        screen = await opened(pilot)
        # That somebody walks in the past is news, once.
        await pressed(pilot, "k")
        source.revision += 1
        await ticked(pilot)
        await ticked(pilot)
        read = source.state
        monkeypatch.setattr(source, "state", lambda _run_id, _seq: None)
        shown = counted(monkeypatch, RunScreen, "_show_run")
        await pressed(pilot, "k")
        for _ in range(100):
            await pilot.pause(0.01)
            if screen._looked == 4:
                break
        assert screen._looked == 4, "it was looked for again"
        assert len(shown) == 1, "but nothing was read"
        await pressed(pilot, "k")
        monkeypatch.setattr(source, "state", read)
        source.revision += 1
        await pressed(pilot)
        for _ in range(100):
            await pilot.pause(0.01)
            if len(shown) == 3:
                break
        assert len(shown) == 3
        await ticked(pilot)
        assert len(shown) == 3, "the tick has nothing more to tell"


async def test_of_the_moments_that_a_held_key_passes_the_first_and_the_last_are_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folded: list[tuple[str, int]] = []

    async def state(_self: Moments, run_id: str, seq: int) -> None:
        folded.append((run_id, seq))

    monkeypatch.setattr(Moments, "state", state)
    monkeypatch.setattr(Moments, "known", lambda *_: None)
    wished, store = WishedMoments(), cast("EventStore", None)
    wished.state("r", 9)
    await wished.fold_next(store)
    assert folded == [("r", 9)], "at once"
    wished.state("r", 8)
    fold = asyncio.create_task(wished.fold_next(store))
    for seq in (7, 6, 5):
        await asyncio.sleep(0.002)
        wished.state("r", seq)
    async with asyncio.timeout(5):
        await fold
    assert folded == [("r", 9), ("r", 5)]


@pytest.mark.parametrize("opened_for_it", [True, False])
async def test_what_stays_is_not_looked_through_for_garbage_where_the_screen_was_opened_for_it(
    monkeypatch: pytest.MonkeyPatch, *, opened_for_it: bool
) -> None:
    collector = Mock()
    collector.isenabled.return_value = not opened_for_it
    monkeypatch.setattr("quarterdeck.app.gc", collector)
    async with still_app(at_sea()).run_test(size=(80, 24)) as pilot:
        await ticked(pilot)
        await pilot.app.workers.wait_for_complete()
    # What the first frame needs, and all the other screens.
    assert collector.freeze.call_count == collector.enable.call_count == 2 * opened_for_it
    if opened_for_it:
        young, _, old = collector.set_threshold.call_args.args
        assert young * old >= 1_000_000, "a look through everything takes three frames"
