"""The run screen: one position, the past and its banner, finding the way, folding and copying."""

import asyncio
import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from quarterdeck.app import QuarterdeckApp
from quarterdeck.dialogs.goto import GotoDialog
from quarterdeck.messages import RunOpened
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.timeline import Survey
from quarterdeck.views.work import Work
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
        assert f"#{HEAD} live · ≥0.37 of 1.00" in status(screen)
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
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "up", "up", key)
        assert screen.browser.live


async def test_at_eighty_columns_the_state_is_one_line_and_everything_stands_there() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert not screen.query_one(StatePanel).display
        assert "turn 6" in str(screen.query_one("#state-line", EndsLine).render())
        for kind, least in ((EventBrowser, 8), (Inspector, 6), (DensityStrip, 2)):
            assert screen.query_one(kind).size.height >= least
        await pilot.resize_terminal(200, 50)
        await pilot.pause()
        assert screen.query_one(StatePanel).display
        log, inspector = screen.query_one(EventBrowser).region, screen.query_one(Inspector).region
        assert log.right <= inspector.x


async def test_turns_troubles_and_the_same_tool_are_a_key_away_in_both_directions() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        turns = [e.seq for e in EVENTS if getattr(e.payload, "phase", "") == "perceive"]
        calls = [e.seq for e in EVENTS if getattr(e.payload, "tool", "") == "read_chart"]
        calls = [seq for seq in calls if EVENTS[seq - 1].kind == "tool_requested"]
        await pressed(pilot, "home", "t")
        await settled(pilot)
        assert screen.position == turns[0]
        await pressed(pilot, "t")
        await settled(pilot)
        assert screen.position == turns[1]
        await pressed(pilot, "T")
        await settled(pilot)
        assert screen.position == turns[0]
        screen.browser.go_to(calls[1] + 1)
        await pressed(pilot, "full_stop")
        await settled(pilot)
        assert screen.position == calls[2]
        await pressed(pilot, "comma")
        await settled(pilot)
        assert screen.position == calls[1]
        await pressed(pilot, "end", "left_square_bracket")
        await settled(pilot)
        assert EVENTS[screen.position - 1].kind == "tool_completed"
        assert "unknown" in panel(screen)
        await pressed(pilot, "right_square_bracket")
        await settled(pilot)
        assert screen.position == seqs("pause_requested")[0] == HEAD
        await pressed(pilot, "right_square_bracket")
        await settled(pilot)
        assert screen.position == HEAD
        assert any(f"no trouble after #{HEAD}" in n.text for n in app.book.read())


async def test_jumps_can_be_gone_back_and_forward() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "g", "1", "0", "enter")
        assert screen.position == 10
        await pressed(pilot, "g", "5", "0", "percent_sign", "enter")
        assert screen.position == HEAD // 2
        await pressed(pilot, "o")
        assert screen.position == 10
        await pressed(pilot, "o")
        assert screen.position == HEAD
        await pressed(pilot, "o", "O", "O", "O")
        assert screen.position == HEAD // 2


async def test_g_opens_at_once_so_that_what_is_typed_on_goes_nowhere_else() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        # In one burst, as a terminal sends it: 5 alone would open the settings.
        await pilot.press("g", "5", "enter")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        assert screen.position == 5
        await pilot.press("g", "g")
        await pilot.pause()
        assert app.screen is screen
        assert screen.position == 1


async def test_a_time_can_be_gone_to_and_nonsense_is_said() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "g", "minus", "2", "0", "s", "enter")
        await settled(pilot)
        assert EVENTS[HEAD - 1].at_us - EVENTS[screen.position - 1].at_us == 20_000_000
        await pressed(pilot, "g", "z", "enter")
        assert isinstance(app.screen, GotoDialog)
        await pressed(pilot, "escape")
        assert screen.is_current


async def test_a_search_goes_from_hit_to_hit_and_marks_them() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "home", "slash")
        app.screen.query_one(Input).value = "read_chart 2.md"
        await pressed(pilot, "enter")
        await settled(pilot)
        assert "2.md" in inspected(screen)
        found = screen.position
        await pressed(pilot, "n")
        await settled(pilot)
        assert screen.position == found
        await pressed(pilot, "home", "n")
        await settled(pilot)
        assert screen.position == found
        assert screen._hits == (found,)


async def test_the_inspector_folds_changes_its_view_and_copies_json() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        inspector = screen.query_one(Inspector)
        await pressed(pilot, "tab")
        assert inspector.has_focus
        number = next(n for n, line in enumerate(inspector.lines) if line.label == "paths")
        await pressed(pilot, *["down"] * number)
        assert "charts/2018.md" not in inspected(screen).replace("[charts/2018.md", "")
        await pressed(pilot, "right")
        assert "0 charts/2018.md" in inspected(screen)
        await pressed(pilot, "space")
        assert "0 charts/2018.md" not in inspected(screen)
        await pressed(pilot, "l", "down", "h")
        assert inspector.cursor == number
        await pressed(pilot, "v")
        views = [inspector.view]
        await pressed(pilot, "v")
        assert [*views, inspector.view] == ["full", "json"]
        copied = screen.copied()
        assert copied is not None
        assert json.loads(copied.text)["seq"] == HEAD
        assert screen.position == HEAD


async def test_the_strip_moves_the_one_position() -> None:
    app = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pilot.click(DensityStrip, offset=(1, 0))
        await pilot.pause()
        assert screen.position < 3
        screen.query_one(DensityStrip).focus()
        await pressed(pilot, "right", "right", "left")
        assert screen.position < 4
        assert f"at #{screen.position}" in panel(screen)
        await pressed(pilot, "o")
        assert screen.position == HEAD


async def test_a_run_that_grows_is_followed_at_its_head_and_stands_still_in_the_past() -> None:
    source = at_sea()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)

        async def grow(head: int) -> None:
            source.events[NAME] = voyage(further=5)
            rows = tuple(r._replace(head_seq=head) for r in source.shown.rows)
            source.change(type(source.shown)(rows=rows, loaded=True))
            await ticked(pilot)

        await grow(HEAD + 1)
        assert screen.position == HEAD + 1
        await pressed(pilot, "up")
        await grow(HEAD + 2)
        assert screen.position == HEAD
        assert f"PAST #{HEAD} of {HEAD + 2}" in status(screen)


async def test_what_is_not_read_yet_keeps_the_old_frame_and_says_which_moment_it_shows() -> None:
    class Slow(FrozenSource):
        slow = False

        def state(self, run_id: str, seq: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return None if self.slow else super().state(run_id, seq)

        def event(self, run_id: str, seq: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return None if self.slow else super().event(run_id, seq)

    known = at_sea()
    source = Slow(known.shown, known.events)
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        source.slow = True
        await pressed(pilot, "up", "up")
        assert f"at #{HEAD}" in panel(screen)
        source.slow = False
        source.change(source.shown)
        await ticked(pilot)
        assert f"at #{HEAD - 2}" in panel(screen)


async def test_a_run_that_the_fleet_does_not_list_is_waited_for() -> None:
    app: QuarterdeckApp = still_app(at_sea())
    async with app.run_test(size=SIZE) as pilot:
        app.screen.post_message(RunOpened("elsewhere"))
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        assert "reading" in status(app.screen)
        await pressed(pilot, "t", "v", "g", "x")


class LongLine(FrozenSource):
    """Its timeline is read slowly; `reading` is whoever waits for that."""

    def __init__(self, calm: FrozenSource) -> None:
        super().__init__(calm.shown, calm.events)
        self.reading: list[Work] = []
        self.stopped = 0

    async def read_survey(self, run_id: str, work: Work) -> None:  # noqa: ARG002 - there is one
        self.reading.append(work)
        work.tell(5, HEAD)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise

    def survey(self, run_id: str) -> Survey:  # noqa: ARG002 - as above
        return Survey()


def on_top(app: QuarterdeckApp) -> bool:
    return isinstance(app.screen, RunScreen)


async def test_a_long_timeline_is_read_as_work_until_it_is_stopped_or_the_run_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("quarterdeck.screens.run.READ_AT_ONCE", 5)
    source = LongLine(at_sea())
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pressed(pilot, "k", "k")
        assert len(source.reading) == 1
        (work,) = app.works
        assert (work.label, work.done, work.total) == ("reading the timeline", 5, HEAD)
        await pressed(pilot, "colon")
        assert not on_top(app)
        assert source.stopped == 0, "the run is seen below the dialog"
        await pressed(pilot, "escape", "k", "ctrl+g", "k")
        assert (source.stopped, len(source.reading)) == (1, 1), "nobody wants it begun anew"
        await pressed(pilot, "2")
        await pressed(pilot, "1")
        await pilot.pause()
        assert on_top(app)
        assert len(source.reading) == 2, "who comes back looks at it again"
        assert source.stopped == 1
        await pressed(pilot, "2")
        await pilot.pause()
        assert source.stopped == 2, "another tab"
        await pressed(pilot, "1", "escape")
        await pilot.pause()
        assert not on_top(app)
        assert source.stopped == len(source.reading) == 3
        assert not app.works


async def test_looking_through_the_log_stops_when_the_run_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = at_sea()

    async def seek(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(source, "seek", seek)
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "t")
        assert [work.label for work in app.works] == ["looking through the log"]
        await pressed(pilot, "escape")
        await pilot.pause()
        assert app.screen is not screen
        assert not app.works
