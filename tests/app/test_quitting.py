"""Quitting: who drives runs is asked what becomes of them, and a drain can be stopped."""

import asyncio

import pytest

from quarterdeck.dialogs.base import QuitDialog
from quarterdeck.screens.fleet import FleetScreen
from quarterdeck.views.work import Tell
from quarterdeck.widgets.bars import SizeNotice, WorkLine
from quarterdeck.widgets.deck import Setup
from tests.app.apps import driving, pressed, still_app, ticked

SIZE = (100, 30)


async def test_esc_on_the_first_screen_does_nothing_and_q_quits() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "escape", "escape")
        assert app.is_running
        assert isinstance(app.screen, FleetScreen)
        await pressed(pilot, "q")
        assert not app.is_running


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_asks_about_runs_that_are_driven_here(key: str) -> None:
    left: list[str] = []

    async def leave(how: str, _tell: Tell) -> None:
        left.append(how)

    app = still_app(driving(3), leave=leave)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, key)
        assert isinstance(app.screen, QuitDialog)
        await pressed(pilot, "enter", "enter", "escape")
        assert isinstance(app.screen, FleetScreen)
        assert left == []
        await pressed(pilot, key, "down", "right", "enter")
        await pilot.pause()
        assert left == ["drain"]
        assert not app.is_running


async def test_a_drain_says_how_far_it_is_and_can_be_stopped() -> None:
    begun = asyncio.Event()

    async def leave(_how: str, tell: Tell) -> None:
        tell(1, 3)
        begun.set()
        await asyncio.Event().wait()

    now_s = [100.0]
    source = driving(3)
    app = still_app(source, setup=Setup(monotonic_s=lambda: now_s[0]), leave=leave)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "ctrl+q", "down", "right", "enter")
        async with asyncio.timeout(10):
            await begun.wait()
        now_s[0] += 1
        await ticked(pilot)
        line = str(app.screen.query_one(WorkLine).render())
        assert line.strip() == "draining · 1 of 3 · 1 s · ^G stops it"
        await pressed(pilot, "ctrl+g")
        async with asyncio.timeout(10):
            while app.works:
                await pilot.pause()
        assert app.is_running
        stopped, stays = app.book.read()[:2]
        assert stopped.text.startswith("stopped: draining")
        assert "its runs go on here" in stays.text


async def test_nobody_is_asked_when_nothing_is_driven_here() -> None:
    async def leave(_how: str, _tell: Tell) -> None:
        raise AssertionError

    app = still_app(driving(0), leave=leave)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "q")
        assert not app.is_running


async def test_leaving_unseen_takes_the_key_twice_and_says_so() -> None:
    left: list[str] = []

    async def leave(how: str, _tell: Tell) -> None:
        left.append(how)

    app = still_app(driving(2), leave=leave)
    async with app.run_test(size=(50, 12)) as pilot:
        await pressed(pilot, "ctrl+q")
        said = str(app.screen.query_one(SizeNotice).visual)
        assert "2 driven here: Ctrl+Q again leaves them" in said
        assert left == []
        await pressed(pilot, "ctrl+q")
        await pilot.pause()
        assert left == ["leave"]
