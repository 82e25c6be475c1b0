"""Every worker of the app fails: each is a notice with details to copy, and the app goes on."""

import ast
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

import quarterdeck
from quarterdeck.app import QuarterdeckApp
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views.decisions import Decision
from quarterdeck.views.preferences import Preferences
from quarterdeck.views.sought import Sought
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from tests.app.apps import pressed, still_app
from tests.app.frozen import FrozenSource, fleet
from tests.app.inbox_stage import Stage, call

SIZE = (100, 30)
PACKAGE = Path(quarterdeck.__file__).parent
ERRORS = [
    RuntimeError("boom"),
    OSError(5, "boom"),
    ExceptionGroup("several", [ValueError("boom"), ExceptionGroup("in", [TypeError("boom")])]),
]


def calls(name: str) -> set[str]:
    """Return in which files of the app something of this name is called or decorates."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == name:
                found.add(file.relative_to(PACKAGE).as_posix())
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {
                    file.name
                    for decorator in node.decorator_list
                    if isinstance(decorator, ast.Name) and decorator.id == name
                }
    return found


def test_every_worker_goes_by_the_one_way_that_survives() -> None:
    assert calls("run_worker") == {"widgets/deck.py"}
    assert calls("work") >= {"screens/steering.py", "screens/seeking.py", "app.py"}
    screens = {name for name in calls("create_task") if name.split("/")[0] in {"screens", "app.py"}}
    assert not screens, "a task of its own that fails is heard by nobody"


def failures(app: QuarterdeckApp) -> list[str]:
    found = [notice for notice in app.book.read() if notice.severity == "error"]
    assert all("boom" in notice.text for notice in found)
    assert all("Traceback" in notice.details and "boom" in notice.whole() for notice in found)
    return [notice.text.partition(":")[0] for notice in reversed(found)]


async def done(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_whatever_a_worker_raises_is_a_notice_with_details(error: Exception) -> None:
    async def fail(_work: Work | None = None) -> None:
        raise error

    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        app.beside(fail, "beside")
        app.work("work", fail)
        await done(pilot)
        assert sorted(failures(app)) == ["beside", "work"]
        assert not app.works
        await pressed(pilot, "j")
        assert app.screen.query_one(FleetList).cursor == "cleaner"


class Broken(FrozenSource):
    """A source that cannot look for anything."""

    async def seek(self, run_id: str, sought: Sought, work: Work) -> int | None:
        raise RuntimeError(f"boom {run_id} {sought.what} {work.label}")


async def press_yes(pilot: Pilot[None]) -> None:
    for field in pilot.app.screen.query(Input):
        field.value = field.value or "1"
    next(b for b in pilot.app.screen.query(Button) if b.name == "yes").focus()
    await pressed(pilot, "enter")


async def test_each_thing_that_is_done_to_a_run_may_fail() -> None:
    whole = fleet()
    source = Broken(whole.shown, whole.events)
    source.commands.refuse = RuntimeError("boom")
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        app.screen.query_one(FleetList).pick("surveyor")
        for key, asks in (("p", False), ("s", True), ("b", True), ("m", True), ("c", True)):
            await pressed(pilot, "x", key)
            if asks:
                await press_yes(pilot)
            await done(pilot)
        assert len(failures(app)) == 5
        await pressed(pilot, "space", "x", "p")
        await press_yes(pilot)
        await done(pilot)
        # Of several each is told of in the table; what nobody thought of ends it, and is told too.
        assert len(failures(app)) == 6
        await pressed(pilot, "escape", "escape", "enter")
        assert isinstance(app.screen, RunScreen)
        for _ in range(2):
            await pressed(pilot, "right_parenthesis")
            await done(pilot)
        assert failures(app)[6:] == ["looking through the log"] * 2
        assert not app.works
        await pressed(pilot, "k")
        assert not app.screen.browser.live


async def test_what_is_a_persons_own_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(_preferences: Preferences) -> None:
        raise OSError(30, "boom")

    def read(_folder: Path) -> None:
        raise RuntimeError("boom")

    def keep_habits(_habits: object) -> None:
        raise OSError(30, "boom")

    monkeypatch.setattr("quarterdeck.widgets.deck.read_themes", read)
    setup = Setup(keep=keep, keep_habits=keep_habits, themes_folder=tmp_path)
    app = still_app(setup=setup, hints=True)
    async with app.run_test(size=SIZE) as pilot:
        await done(pilot)
        await pressed(pilot, "H")
        await done(pilot)
        assert failures(app) == ["reading themes", "writing settings"]
        assert not app.preferences.hints
    assert app.return_code in {0, None}


async def test_a_decision_that_fails_leaves_the_item_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def decide(_decision: Decision) -> str:
        raise RuntimeError("boom")

    stage = Stage(call())
    monkeypatch.setattr(stage, "decide", decide)
    app = stage.app()
    async with app.run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        await done(pilot)
        assert failures(app) == ["recording the decision"]
        await stage.press(pilot, "escape", after=0.1)
        assert isinstance(app.screen, InboxScreen)
