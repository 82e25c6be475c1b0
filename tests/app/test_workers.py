"""Every worker of the app fails: each is a notice of what failed, what to do, and details to copy.

Which workers there are is read from the source, and every verb of the kernel that a screen can
ask for is among what fails: one that is added without its failure here fails a test.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from quarterdeck.app import Leaving, QuarterdeckApp
from quarterdeck.dialogs.notices import NoticesDialog
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.commands import GrantLine, RunCommands
from quarterdeck.views.decisions import Clerk
from quarterdeck.views.glimpse import Source
from quarterdeck.views.past import Past
from quarterdeck.views.preferences import Preferences
from quarterdeck.views.work import Tell
from quarterdeck.widgets.deck import OSC_52_BYTES, Setup
from quarterdeck.widgets.fleet_list import FleetList
from tests.app.apps import driving, pressed, still_app, ticked
from tests.app.frozen import fleet
from tests.app.inbox_stage import Stage, call
from tests.app.ledgers import spent
from tests.app.pasts import FORK, scrubbed
from tests.app.test_link_failures import LINK
from tests.app.voyage import NAME
from tests.app.worker_sites import fits, in_the_link, on_the_screen, tasks

SIZE = (100, 30)
PORTS: tuple[type, ...] = (RunCommands, Past, Clerk, Source)


def verbs(*ports: type) -> set[str]:
    """Return what screens ask for and wait for."""
    return {
        name
        for port in ports
        for name, method in vars(port).items()
        if inspect.iscoroutinefunction(method)
    }


class Failing:
    """What raises instead of doing what it is asked for, and knows what that was."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def break_all(self, port: object, *protocols: type, but: Sequence[str] = ()) -> None:
        for name in verbs(*protocols) - set(but):
            setattr(port, name, self._failing(name))

    def _failing(self, name: str) -> Callable[..., Awaitable[object]]:
        async def fail(*_: object, **__: object) -> object:
            self.asked.add(name)
            raise RuntimeError("boom")

        return fail


# -- hands


async def done(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], name: str) -> None:
    next(b for b in pilot.app.screen.query(Button) if b.name == name).focus()
    await pressed(pilot, "enter")
    await done(pilot)


async def answer(pilot: Pilot[None], name: str = "yes", **values: str) -> None:
    """Fill a form in, and press its button."""
    for field in pilot.app.screen.query(Input):
        field.value = values.get(field.name or "", field.value or "1")
    await press(pilot, name)


async def act(pilot: Pilot[None], action: str, name: str = "yes", **values: str) -> None:
    """Begin something; fill in the form it may ask for, and press a button there (none: "")."""
    await pilot.app.run_action(f"screen.{action}")
    await done(pilot)
    if name and len(pilot.app.screen.query(Button)):
        await answer(pilot, name, **values)
    await done(pilot)


async def open_run(pilot: Pilot[None], run_id: str = NAME) -> RunScreen:
    pilot.app.screen.query_one(FleetList).pick(run_id)
    await pressed(pilot, "enter")
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


# -- scenes: all that is done here fails


class Scene(NamedTuple):
    """An app, what is done in it, and what of that is told to have failed, in that order."""

    app: Callable[[Failing, pytest.MonkeyPatch, Path], QuarterdeckApp]
    play: Callable[[Pilot[None], Failing], Awaitable[None]]
    told: Sequence[str]


def _broken_fleet(failing: Failing, *_: object) -> QuarterdeckApp:
    source = fleet()
    source.commands.standing = [GrantLine("g1", "pay", 4, "operator:ada", 0, "{}")]
    failing.break_all(source.commands, RunCommands, but=["grants"])
    return still_app(source)


async def _steer(pilot: Pilot[None], _: Failing) -> None:
    rows = pilot.app.screen.query_one(FleetList)
    rows.pick("archivist")
    await act(pilot, "hold")
    rows.pick("importer")
    await act(pilot, "acknowledge")
    rows.pick("surveyor")
    for action in ("hold", "say", "budget", "model", "cancel_run"):
        await act(pilot, action)
    await act(pilot, "tools", scope="all", tools=" ")
    await pilot.app.run_action("screen.grants")
    await done(pilot)
    await answer(pilot)
    rows.action_select()
    await act(pilot, "hold")
    await pressed(pilot, "escape")


def _broken_past(failing: Failing, *_: object) -> QuarterdeckApp:
    source = scrubbed()
    failing.break_all(source.commands, RunCommands)
    failing.break_all(source.past, Past, but=["plan", "restoration"])
    failing.break_all(source, Source)
    return still_app(source)


async def _scrub(pilot: Pilot[None], failing: Failing) -> None:
    pilot.app.screen.query_one(FleetList).pick(FORK)
    await act(pilot, "merge")
    screen = await open_run(pilot)
    await act(pilot, "grants")
    await act(pilot, "export", file="nowhere.recording", **{"with": " "})
    screen.go_to(30)
    await act(pilot, "trouble(1)")
    await act(pilot, "bookmark")
    await act(pilot, "bookmarks", "remove")
    await answer(pilot)
    await act(pilot, "bookmarks", "edit")
    await answer(pilot, note="another")
    await act(pilot, "diff")
    await act(pilot, "compare", "go")
    await act(pilot, "fork", "")
    await press(pilot, "yes")
    await act(pilot, "fork", "")
    failing.break_all(screen.source.past, Past, but=["restoration"])
    pilot.app.screen.query(Input).first().value = "sail"
    await done(pilot)
    await pressed(pilot, "escape")
    await act(pilot, "fork")
    await act(pilot, "restore", "look")
    await answer(pilot)
    failing.break_all(screen.source.past, Past)
    await act(pilot, "restore", "look")


def _broken_timeline(failing: Failing, monkeypatch: pytest.MonkeyPatch, _: Path) -> QuarterdeckApp:
    source = scrubbed()
    failing.break_all(source, Source)
    monkeypatch.setattr("quarterdeck.screens.run.READ_AT_ONCE", -1)
    return still_app(source)


async def _look_on(pilot: Pilot[None], _: Failing) -> None:
    await open_run(pilot)
    await done(pilot)


def _broken_grants(failing: Failing, *_: object) -> QuarterdeckApp:
    source = spent()
    failing.break_all(source.commands, RunCommands)
    return still_app(source)


async def _revoke(pilot: Pilot[None], _: Failing) -> None:
    await pressed(pilot, "n")
    for field in pilot.app.screen.query(Input):
        field.value = {"agent": "cleaner", "objective": "sail"}.get(field.name or "", field.value)
    next(b for b in pilot.app.screen.query(Button) if b.name == "yes").focus()
    await pressed(pilot, "enter")
    await done(pilot)
    await pressed(pilot, "escape", "4", "end", "r")
    await answer(pilot)


def _broken_desk(failing: Failing, *_: object) -> QuarterdeckApp:
    stage = Stage(call(1), call(2, risk="low"))
    failing.break_all(stage, Clerk)
    app = stage.app()
    app.stage = stage  # type: ignore[attr-defined] # for the hands below
    return app


async def _decide(pilot: Pilot[None], _: Failing) -> None:
    stage: Stage = pilot.app.stage  # type: ignore[attr-defined]
    screen = await stage.open(pilot)
    await stage.press(pilot, "a", "enter")
    await done(pilot)
    assert screen.name_shown[0] == "run-1"
    await stage.press(pilot, "n", "escape", "space", "j", "space", "x", "a")
    await stage.press(pilot, "tab", "tab", "enter")
    await done(pilot)
    # What was not asked is in the table all the same.
    assert "not asked  pay number 2" in pilot.app.screen._text  # type: ignore[attr-defined]
    await pressed(pilot, "escape")
    assert isinstance(pilot.app.screen, InboxScreen)


def _broken_home(_: Failing, monkeypatch: pytest.MonkeyPatch, folder: Path) -> QuarterdeckApp:
    async def keep(_preferences: Preferences) -> None:
        raise OSError(30, "boom")

    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    (folder / "boom").write_text("in the way")
    monkeypatch.setattr("quarterdeck.widgets.deck.read_themes", fail)
    setup = Setup(
        keep=keep, keep_habits=fail_to_write, themes_folder=folder, copies_folder=folder / "boom"
    )
    return still_app(setup=setup, hints=True)


def fail_to_write(_: object) -> None:
    raise OSError(30, "boom")


async def _prefer(pilot: Pilot[None], _: Failing) -> None:
    await done(pilot)
    await pressed(pilot, "H")
    await done(pilot)
    app = pilot.app
    assert isinstance(app, QuarterdeckApp)
    assert not app.preferences.hints
    app.copy("x" * (OSC_52_BYTES + 1), "much")
    await done(pilot)


def _broken_frame(_: Failing, monkeypatch: pytest.MonkeyPatch, _folder: Path) -> QuarterdeckApp:
    async def stop() -> None:
        raise RuntimeError("boom")

    async def leave(_leaving: Leaving, _tell: Tell) -> None:
        raise RuntimeError("boom")

    def bring_in() -> None:
        monkeypatch.undo()
        raise RuntimeError("boom")

    monkeypatch.setattr("quarterdeck.app._later", bring_in)
    app = still_app(driving(3), leave=leave)
    app._background = (stop,)
    return app


async def _quit(pilot: Pilot[None], _: Failing) -> None:
    await ticked(pilot)
    await done(pilot)
    for way in ("drain", "leave"):
        await pressed(pilot, "ctrl+q")
        await answer(pilot, way)


SCENES = {
    "steering": Scene(
        _broken_fleet,
        _steer,
        [
            "release …", "acknowledge …", "hold …", "say to …", "change the budget of …",
            "change the model of …", "cancel …", "change the tools of …",
            "revoke a grant of …", "… …",
        ],
    ),
    "the past": Scene(
        _broken_past,
        _scrub,
        [
            "merging", "reading grants", "exporting …", "looking through the log", "bookmark",
            "remove a bookmark", "edit a note", "comparing #… with #…", "comparing … with …",
            "forking", "reading a plan",
            "planning a fork", "restore …", "looking at …",
        ],
    ),
    "the timeline": Scene(_broken_timeline, _look_on, ["reading the timeline"]),
    "grants": Scene(_broken_grants, _revoke, ["starting a run", "revoke a grant"]),
    "deciding": Scene(_broken_desk, _decide, ["recording the decision", "approving"]),
    "one's own": Scene(
        _broken_home, _prefer, ["reading themes", "writing settings", "copy to a file"]
    ),
    "quitting": Scene(
        _broken_frame,
        _quit,
        ["stopped", "bringing in the other screens", "draining", "leaving"],
    ),
}  # fmt: skip
ASKED: dict[str, set[str]] = {
    "steering": verbs(RunCommands) - {"grants", "start_run"},
    "the past": {"grants", "seek"} | verbs(Past),
    "the timeline": {"read_survey"},
    "grants": {"start_run", "revoke"},
    "deciding": {"decide"},
}
"""Which verbs of the kernel fail in a scene."""


def said_of(app: QuarterdeckApp) -> list[str]:
    """Return what failed, the oldest first; each notice must tell what to do, and all of it."""
    found = [notice for notice in app.book.read() if notice.severity == "error"]
    for notice in found:
        first, _, then = notice.text.partition("\n")
        assert "boom" in first, notice.text
        assert then.endswith("."), f"what is one to do? {notice.text}"
        assert "Traceback" in notice.details
        assert "boom" in notice.whole()
    return [notice.text.partition(": ")[0] for notice in reversed(found)]


async def still_there(pilot: Pilot[None]) -> None:
    """The newest failure is copied with its details; then a key is heard as ever."""
    app = pilot.app
    assert isinstance(app, QuarterdeckApp)
    await app.run_action("app.notices")
    await pilot.pause()
    assert isinstance(app.screen, NoticesDialog)
    await pressed(pilot, "y", "escape")
    assert "Traceback (most recent call last)" in app.clipboard
    await pressed(pilot, "1")
    assert app.screen.TAB == "fleet"  # type: ignore[attr-defined]
    assert not app.works


@pytest.mark.parametrize("name", SCENES)
async def test_whatever_fails_is_told_and_the_app_goes_on(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    scene, failing = SCENES[name], Failing()
    app = scene.app(failing, monkeypatch, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await scene.play(pilot, failing)
        said = said_of(app)
        assert len(said) == len(scene.told), said
        for label, site in zip(said, scene.told, strict=True):
            assert fits(label, site), (label, site)
        assert failing.asked == ASKED.get(name, set())
        await still_there(pilot)


def test_every_worker_of_the_app_fails_in_a_test() -> None:
    assert on_the_screen() == {site for scene in SCENES.values() for site in scene.told}
    assert in_the_link() == set(LINK)
    assert verbs(*PORTS) == set().union(*ASKED.values())


def test_every_worker_goes_by_a_way_that_survives() -> None:
    assert tasks() == {
        "widgets/deck.py": {"self._kept(run, what, then)", "self._worked(work, run)"},
        "kernel_link/link.py": {
            "self._watch(store)",
            "self._read_on(store, group)",
            "self._again(what, read)",
            "self._drive(store, self._driving)",
        },
    }
