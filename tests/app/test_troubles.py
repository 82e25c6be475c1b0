"""What goes wrong beside the screen is told once, with what to do and with details to copy."""

import pytest

from quarterdeck.views.troubles import SAID_AGAIN_US, Trouble, Troubles, failure, sentence
from quarterdeck.views.work import Work
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck_kernel.errors import SettingsError, StoreFullError
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import fleet
from tests.app.test_workers import SIZE, done, said_of

ERRORS = [
    RuntimeError("boom"),
    OSError(5, "boom"),
    ExceptionGroup("several", [ValueError("boom"), ExceptionGroup("in", [TypeError("boom")])]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_whatever_a_worker_raises_is_a_notice_with_details(error: Exception) -> None:
    async def fail(_work: Work | None = None) -> None:
        raise error

    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        app.beside(fail, "beside")
        app.work("work", fail)
        await done(pilot)
        assert sorted(said_of(app)) == ["beside", "work"]
        assert not app.works
        await pressed(pilot, "j")
        assert app.screen.query_one(FleetList).cursor == "cleaner"


def test_of_many_problems_the_first_speaks_and_how_many_there_are() -> None:
    problems = ("a.toml:1: keymap: no\x1b", "a.toml:2: theme: no", "a.toml:3: no")
    error = SettingsError("\n".join(problems), problems=problems)
    told = failure("equipping the workspace", error)
    assert told.text == "equipping the workspace: a.toml:1: keymap: no<ESC>; and 2 more like it"
    assert all(text in told.details for text in ("a.toml:2: theme", "a.toml:3"))
    assert sentence(SettingsError("one", problems=("one",))) == "one"


async def test_what_went_wrong_while_nobody_waited_is_told_at_the_next_tick() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        source.troubles.tell(Trouble("run a: boom\nOpen it.", "Traceback: boom", "error"))
        await ticked(pilot)
        assert said_of(app) == ["run a"]
        await ticked(pilot)
        assert len(app.book.read()) == 1


def test_what_goes_wrong_again_and_again_is_told_once_a_minute() -> None:
    now_us = [0]
    troubles = Troubles(lambda: now_us[0])
    for _ in range(10):
        troubles.tell(failure("reading", RuntimeError("boom")))
    troubles.tell(failure("reading", StoreFullError("no room is left; free some")))
    first, second = troubles.take()
    assert first.text.startswith("reading: RuntimeError: boom\nNobody expected this.")
    # What we say ourselves says what to do.
    assert second.text == "reading: no room is left; free some"
    now_us[0] += SAID_AGAIN_US
    troubles.tell(failure("reading", RuntimeError("boom")))
    assert len(troubles.take()) == 1
    assert troubles.take() == []


async def test_a_form_that_was_closed_meanwhile_hears_of_its_refusal_by_a_notice() -> None:
    source = fleet()
    source.commands.refuse = StoreFullError("no room is left; free some")
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "n")
        dialog = app.screen
        await pressed(pilot, "escape")
        app.work("starting a run", lambda work: dialog._start(None, work))  # type: ignore[attr-defined]
        await done(pilot)
        assert app.book.read()[0].text == "starting a run: no room is left; free some"
