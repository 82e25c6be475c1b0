"""Every key of the timeline at every size, and the state shown at any event of any log."""

import asyncio
import random
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from quarterdeck.app import QuarterdeckApp
from quarterdeck.screens.run import RunScreen
from quarterdeck.views import moment
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.density_strip import DensityStrip
from quarterdeck.widgets.inspector import Inspector
from quarterdeck.widgets.state_panel import StatePanel
from quarterdeck_kernel import Event, Kernel, RunState
from quarterdeck_kernel.engine.log_reader import opened as opened_record
from quarterdeck_kernel.errors import RunHeldError, ToolFailedError
from quarterdeck_kernel.projections.run_state import empty, fold
from tests.app.apps import pressed, still_app, ticked
from tests.app.pasts import HEAD, scrubbed
from tests.app.scrub_hands import Hand, strip_text
from tests.app.test_kernel_link import linked
from tests.app.test_run_screen import EVENTS, opened, settled, status

SIZES = [
    (80, 24),
    pytest.param((120, 40), marks=pytest.mark.crash),
    pytest.param((200, 50), marks=pytest.mark.crash),
]
SEEDS = [7, *[pytest.param(seed, marks=pytest.mark.crash) for seed in range(100, 110)]]
SEEKS = 12


def here(screen: RunScreen) -> tuple[int, int]:
    """Return the events that the column under the cursor of the line stands for."""
    columns = [column for column in screen.query_one(DensityStrip)._columns if column.here]
    assert columns, "the cursor is nowhere on the line"
    return columns[0].first, columns[-1].last


async def found(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pressed(pilot, key)
        await settled(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_of_the_timeline_works_at_every_size(size: tuple[int, int]) -> None:
    hand = Hand()
    app = still_app(scrubbed(), setup=Setup(monotonic_s=hand))
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)
        strip = screen.query_one(DensityStrip)
        strip.focus()
        assert (strip.region.height, strip.region.y) == (2, size[1] - 3)
        assert strip_text(screen)[1].count("?") == 1
        await found(pilot, "left", "h", "left_square_bracket")
        failed = screen.position
        assert EVENTS[failed - 1].kind == "tool_completed"
        await found(pilot, "right_square_bracket")
        unknown = screen.position
        assert unknown == HEAD - 1
        await found(pilot, "right_parenthesis", "left_parenthesis")
        assert screen.position == unknown
        await pressed(pilot, "o")
        assert screen.position == HEAD
        await pressed(pilot, "O")
        # One position: wherever the log is, there is the line, and the other way round.
        for key, seq in (("right", unknown + 1), ("l", HEAD), ("left", HEAD - 1)):
            await pressed(pilot, key)
            assert screen.position == screen.browser.cursor_seq == seq
            first, last = here(screen)
            assert first <= seq <= last
        await pressed(pilot, "m", "left", "M", "left")
        assert (screen.marks().a, screen.marks().b) == (HEAD - 1, HEAD - 2)
        assert {"A", "B"} <= set(strip_text(screen)[1])
        await pressed(pilot, "slash")
        app.screen.query_one(Input).value = "read_chart 3.md"
        await found(pilot, "enter", "N")
        strip.focus()
        assert "*" in strip_text(screen)[1]
        assert screen.marks().hits
        await pressed(pilot, "z", "z")
        shown = strip._shown
        assert shown is not None
        assert shown.window.events == HEAD // 4
        width = strip._width
        for x in (0, width - 1):
            assert await pilot.click(DensityStrip, offset=(x, x % 2))
            await pilot.pause()
            assert screen.position == (shown.window.last if x else shown.window.first)
            first, last = here(screen)
            assert first <= screen.position <= last
        await pressed(pilot, "Z", "Z", "g", "1", "0", "enter")
        await plays(pilot, screen, hand)


async def plays(pilot: Pilot[None], screen: RunScreen, hand: Hand) -> None:
    """Play one event at each speed."""
    for speed, key in ((1, "space"), (5, "plus"), (20, "plus"), (5, "minus")):
        await pressed(pilot, key)
        assert f"PLAY {speed}×" in status(screen)  # noqa: RUF001 - times
        before = screen.position
        hand.now_s += 2.5 / speed
        await ticked(pilot)
        assert screen.position == before + 1
        shown = screen.query_one(DensityStrip)._shown
        assert shown is not None
        assert shown.playing
    await pressed(pilot, "space")
    assert "PAST #14 of" in status(screen)


async def wandered(folder: Path, seed: int) -> list[Event]:
    """Do anything an operator or a driver can do, in any order; return what was logged."""
    chance = random.Random(seed)
    async with await Kernel.open(folder) as kernel:

        @kernel.tool(effect="read")
        async def look(number: int) -> str:
            """Look."""
            if number % 5 == 0:
                raise ValueError(f"fog at {number}")
            return f"saw {number} sails"

        run = await kernel.start_run(agent="lookout", objective="watch", run_id="r")
        for number in range(24):
            what = chance.choice(["look", "look", "say", "budget", "hold", "model"])
            if what == "look":
                key, seen = f"s{number}", {"number": chance.randint(0, 9)}
                try:
                    await kernel.step_tool(run=run, step_key=key, tool="look", arguments=seen)
                except ToolFailedError:
                    pass
                except RunHeldError:
                    await kernel.release(run)
            elif what == "say":
                await kernel.say(run, f"look out {number}")
            elif what == "budget":
                await kernel.change_budget(run, limit=chance.randint(1, 9) * 1_000_000)
            elif what == "hold":
                await kernel.hold(run, reason=f"fog {number}")
                await kernel.release(run)
            else:
                await kernel.swap_model(run, model=f"small-{number}")
        records = await kernel.store.read("r")
        return [await opened_record(kernel.store, record) for record in records]


def rows_at(state: RunState, now_us: int) -> list[tuple[str, str]]:
    """Return what the panel shows, but for how long ago that was."""
    rows = moment.state_rows(state, now_us, None)
    return [(row.label, row.value) for row in rows if row.label != "when"]


async def shown_at(pilot: Pilot[None], screen: RunScreen, seq: int) -> None:
    """Go on until the panels are of an event; the time that takes is bounded."""
    async with asyncio.timeout(20):
        while True:
            await ticked(pilot)
            rows, event = screen.query_one(StatePanel)._rows, screen.query_one(Inspector).event
            if rows and rows[0].label == f"at #{seq:,}" and event is not None and event.seq == seq:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_the_screen_shows_at_n_is_the_fold_up_to_n_over_any_log_and_any_seeks(
    tmp_path: Path, seed: int
) -> None:
    events = await wandered(tmp_path, seed)
    chance = random.Random(seed)
    async with linked(tmp_path) as link:
        app: QuarterdeckApp = still_app(link)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = RunScreen(link, "r", zone=None)
            await app.push_screen(screen)
            await shown_at(pilot, screen, len(events))
            for seq in [chance.randint(1, len(events)) for _ in range(SEEKS)]:
                screen.jump(seq)
                await shown_at(pilot, screen, seq)
                shown = screen.query_one(StatePanel)._rows
                said = [(row.label, row.value) for row in shown if row.label != "when"]
                assert said == rows_at(fold(empty(), events[:seq]), link.now_us())
                assert screen.position == seq
                assert (f"PAST #{seq} of" in status(screen)) == (seq < len(events))
