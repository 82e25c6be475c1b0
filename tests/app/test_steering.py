"""What can be done to a run from its screen, what is asked first, and what the past leaves."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.dialogs.grants import GrantsDialog
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.commands import GrantLine
from quarterdeck.widgets.deck import Setup
from quarterdeck_kernel.errors import ConflictError
from tests.app.apps import pressed, still_app
from tests.app.frozen import FrozenSource, fleet
from tests.app.test_run_screen import HEAD, SIZE, opened, settled
from tests.app.voyage import NAME, at_sea


async def press_button(pilot: Pilot[None], name: str = "yes") -> None:
    button = next(b for b in pilot.app.screen.query(Button) if b.name == name)
    button.focus()
    await pressed(pilot, "enter")
    await settled(pilot)


async def fill(pilot: Pilot[None], **values: str) -> None:
    for field in pilot.app.screen.query(Input):
        if field.name in values:
            field.value = values[field.name]
    await press_button(pilot)


def asked(source: FrozenSource) -> list[tuple[object, ...]]:
    return source.commands.asked


async def test_each_action_is_asked_of_the_kernel_with_the_revision_that_was_seen() -> None:
    source = at_sea()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pressed(pilot, "x", "p")
        await settled(pilot)
        await pressed(pilot, "x", "s")
        await fill(pilot, text=" mind the reef ")
        await pressed(pilot, "x", "b")
        await fill(pilot, limit="2.50")
        await pressed(pilot, "x", "m")
        await fill(pilot, model="large-2")
        await pressed(pilot, "x", "t")
        await fill(pilot, scope="allow", tools="read_chart, pay")
        await pressed(pilot, "x", "c")
        await press_button(pilot)
        await pressed(pilot, "x", "n")
        await press_button(pilot)
        assert asked(source) == [
            ("hold", NAME, None),
            ("say", NAME, "mind the reef"),
            ("budget", NAME, 2_500_000, 1),
            ("model", NAME, "large-2", 0),
            ("scope", NAME, "allow", ("read_chart", "pay"), 1),
            ("cancel", NAME, False, None),
            ("cancel", NAME, True, None),
        ]
        assert any("recorded: hold" in notice.text for notice in app.book.read())


@pytest.mark.parametrize("key", ["c", "n"])
async def test_a_cancel_that_is_not_confirmed_does_nothing(key: str) -> None:
    source = at_sea()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        for last in ("escape", "enter"):
            await pressed(pilot, "x", key)
            assert isinstance(app.screen, ConfirmDialog)
            await pressed(pilot, last)
        await pressed(pilot, "escape")
        assert asked(source) == []


async def test_in_the_past_only_the_brakes_act_and_say_where() -> None:
    source = at_sea()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "up", "up")
        for key in ("s", "b", "m", "t", "v"):
            await pressed(pilot, "x", key)
            await pressed(pilot, "escape")
            assert app.screen is screen
        for key, last in (("p", ("hold", NAME, None)), ("c", ("cancel", NAME, False, None))):
            await pressed(pilot, "x", key)
            assert isinstance(app.screen, ConfirmDialog)
            assert f"Acts now, at #{HEAD}, not #{HEAD - 2}." in app.screen._text
            await press_button(pilot)
            assert asked(source)[-1] == last
        assert len(asked(source)) == 2
        await pressed(pilot, "L", "x", "s")
        assert app.screen is not screen


async def test_readonly_leaves_nothing_and_says_why() -> None:
    source = at_sea()
    app = still_app(source, setup=Setup(readonly=True))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        for key in "psbmtcn":
            await pressed(pilot, "x", key, "escape")
        assert asked(source) == []


async def test_a_held_run_is_released_and_a_failure_acknowledged_from_the_fleet() -> None:
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "j", "j", "x", "a")
        await settled(pilot)
        await pressed(pilot, "x", "p", "escape")
        await pressed(pilot, "j", "j", "x", "a", "escape", "x", "p")
        await settled(pilot)
        assert asked(source) == [("acknowledge", "importer", None), ("release", "archivist")]


async def test_what_the_kernel_refuses_is_a_notice_and_the_screen_stays() -> None:
    source = at_sea()
    source.commands.refuse = ConflictError("ben was first [/x]")
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pressed(pilot, "x", "p")
        await settled(pilot)
        assert app.screen is screen
        assert any("ben was first [/x]" in notice.text for notice in app.book.read())


@pytest.mark.parametrize("limit", ["", "much", "-1", "nan", "1e999999"])
async def test_a_bound_that_is_none_is_not_sent(limit: str) -> None:
    source = at_sea()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pressed(pilot, "x", "b")
        await fill(pilot, limit=limit)
        assert not isinstance(app.screen, RunScreen)
        assert asked(source) == []


async def test_grants_are_listed_and_revoked_only_by_the_button() -> None:
    source = at_sea()
    source.commands.standing = [
        GrantLine("g1", "read_chart", 40, "operator:ada", 0, "{path: 1.md}"),
        GrantLine("g2", "[b]pay[/x]", 41, "operator:ben", 0, "erased"),
    ]
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pressed(pilot, "x", "v")
        await settled(pilot)
        assert isinstance(app.screen, GrantsDialog)
        await pressed(pilot, "enter", "down")
        assert isinstance(app.screen, GrantsDialog)
        await press_button(pilot)
        assert asked(source) == [("grants", NAME), ("revoke", NAME, "g2")]
