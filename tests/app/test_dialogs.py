"""Dialogs keep the rules of INTERFACE: nothing is decided by a key meant for something else."""

import importlib
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual import events
from textual.screen import Screen
from textual.widgets import Button, Input, Static

import quarterdeck
from quarterdeck.dialogs.base import AskDialog, Body, Choice, ConfirmDialog, Dialog, QuitDialog
from quarterdeck.dialogs.notices import NoticesDialog
from quarterdeck.dialogs.text import Field, TextDialog
from quarterdeck.views.notices import Notice
from tests.app.apps import pressed, still_app

SIZE = (80, 24)
HOSTILE = "[red]x[/y] \x1b[2J \u202egnp.exe [@click=app.quit]here[/]"
NAME, WHY = Field("name", "Name"), Field("why", "Why")


def dialogs() -> Sequence[Dialog[str] | Dialog[dict[str, str]]]:
    return [
        ConfirmDialog("Cancel it?", "one\ntwo", decide="Cancel the run"),
        AskDialog("Which?", "text", (Choice("none", "None"), Choice("a", "A"), Choice("b", "B"))),
        QuitDialog(1),
        TextDialog("Reject", (WHY,), decide="Reject"),
    ]


@pytest.mark.parametrize("number", range(4))
async def test_enter_however_often_decides_nothing_and_esc_takes_back(number: int) -> None:
    answers: list[object] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        dialog: Dialog[str] = dialogs()[number]  # type: ignore[assignment]
        await app.push_screen(dialog, answers.append)
        assert not isinstance(app.focused, Button)
        await pressed(pilot, "enter", "enter", "enter")
        assert answers == []
        buttons = list(dialog.query(Button))
        assert buttons[0].has_class("-back")
        assert all(button.has_class("-decides") for button in buttons[1:])
        await pressed(pilot, "escape")
        assert answers == [None]


async def test_a_decision_takes_tab_past_what_takes_back_and_enter() -> None:
    answers: list[object] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(ConfirmDialog("a", "b", decide="Do it"), answers.append)
        await pressed(pilot, "tab", "enter")
        await app.push_screen(ConfirmDialog("a", "b", decide="Do it"), answers.append)
        await pressed(pilot, "tab", "tab", "enter")
        assert answers == [None, "yes"]


async def test_a_decision_that_had_the_focus_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ConfirmDialog, "AUTO_FOCUS", ".-decides")
    answers: list[object] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(ConfirmDialog("a", "b", decide="Do it"), answers.append)
        await pressed(pilot, "enter")
        assert answers == ["yes"]


async def test_arrows_reach_every_button_and_the_way_back_up() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(QuitDialog(2))
        await pilot.pause()
        names = []
        for key in ("down", "right", "right", "left", "up", "up"):
            await pressed(pilot, key)
            names.append(getattr(app.focused, "name", None))
        assert names == ["stay", "drain", "leave", "drain", "stay", None]
        assert isinstance(app.focused, Body)


async def test_a_long_text_is_read_to_its_end_before_the_arrows_leave_it() -> None:
    app = still_app()
    async with app.run_test(size=(60, 16)) as pilot:
        text = "\n".join(str(number) for number in range(40))
        await app.push_screen(ConfirmDialog("Read", text, decide="Do it"))
        await pressed(pilot, "down")
        body = app.screen.query_one(Body)
        assert app.focused is body
        assert body.scroll_offset.y == 1
        buttons = app.screen.query_one("#choices")
        assert buttons.region.bottom <= 16
        await pressed(pilot, "end", "down")
        assert isinstance(app.focused, Button)


async def test_a_form_with_an_effect_is_not_submitted_by_enter_and_keeps_what_was_typed() -> None:
    answers: list[object] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        form = TextDialog("Reject", (NAME, WHY), decide="Reject")
        await app.push_screen(form, answers.append)
        await pressed(pilot, "a", "enter", "b", "enter")
        assert answers == []
        assert "Tab to “Reject”" in str(form.query_one("#problem", Static).visual)
        await pilot.resize_terminal(50, 12)
        await pressed(pilot, "c", "enter")
        await pilot.resize_terminal(*SIZE)
        await pilot.pause()
        await pressed(pilot, "tab", "tab", "enter")
        assert answers == [{"name": "a", "why": "b"}]


async def test_a_form_without_effect_is_submitted_by_enter_unless_something_is_wrong() -> None:
    answers: list[object] = []
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        form = TextDialog(
            "Go to",
            (NAME,),
            decide="Go",
            has_effect=False,
            problem=lambda values: None if values["name"].isdigit() else "a number, as 4120",
        )
        await app.push_screen(form, answers.append)
        await pressed(pilot, "x", "enter")
        assert "a number, as 4120" in str(form.query_one("#problem", Static).visual)
        await pressed(pilot, "backspace", "7", "enter")
        assert answers == [{"name": "7"}]


async def test_text_of_an_agent_is_shown_and_never_read_as_markup() -> None:
    app = still_app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        for dialog in (
            ConfirmDialog(HOSTILE, HOSTILE, decide=HOSTILE),
            TextDialog(HOSTILE, (Field("a", HOSTILE, hint=HOSTILE),), decide=HOSTILE, text=HOSTILE),
            NoticesDialog((Notice(0, "error", HOSTILE, HOSTILE),), None),
        ):
            screen: Screen[object] = dialog  # type: ignore[assignment]
            await app.push_screen(screen)
            await pilot.pause()
            drawn = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
            assert "[red]x[/y]" in drawn
            assert "\x1b" not in drawn
            assert "\u202e" not in drawn
        while len(app.screen_stack) > 1:
            await app.pop_screen()
        app.notice(HOSTILE, "error", HOSTILE)
        await pilot.pause()
        drawn = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "[red]x[/y] <ESC>[2J <U+202E>" in drawn


async def test_what_arrives_never_takes_the_focus() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        form = TextDialog("Reject", (WHY,), decide="Reject")
        await app.push_screen(form)
        await pressed(pilot, "a")
        app.notice("something came", "warning")
        await pressed(pilot, "b")
        assert form.query_one(Input).value == "ab"


def _heirs(kind: type[object]) -> set[type[object]]:
    return {kind}.union(*(_heirs(heir) for heir in kind.__subclasses__()))


def test_every_screen_and_dialog_says_itself_where_the_focus_begins() -> None:
    for module in pkgutil.walk_packages(quarterdeck.__path__, "quarterdeck."):
        if module.name.startswith(("quarterdeck.screens.", "quarterdeck.dialogs.")):
            importlib.import_module(module.name)
    ours = {kind for kind in _heirs(Screen) if kind.__module__.startswith("quarterdeck.")}
    shown = {kind for kind in ours if not _heirs(kind) & ours - {kind}}
    assert len(shown) > 15
    for kind in shown:
        said = next(vars(base)["AUTO_FOCUS"] for base in kind.__mro__ if "AUTO_FOCUS" in vars(base))
        # Textual's own takes whatever comes first, were that a button.
        assert said is not Screen.AUTO_FOCUS, kind
        assert "Button" not in said, kind


PASTED = {
    "stop\n\n  then look\r\nand wait\n": "say: stop then look and wait",
    " one line\n": "say:  one line",
    "\n\n": "say: ",
    "": "say: ",
}


async def test_all_that_is_pasted_into_a_field_is_in_it() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(TextDialog("Say", (Field("why", "Why", "say: "),), decide="Say"))
        await pilot.pause()
        field = app.screen.query_one(Input)
        for pasted, typed in PASTED.items():
            field.value = "say: "
            await pressed(pilot, "end")
            app.post_message(events.Paste(pasted))
            await pilot.pause()
            assert field.value == typed
            field.value = "say: "
            app._clipboard = pasted
            await pressed(pilot, "end", "ctrl+v")
            assert field.value == typed
        told = [notice.text for notice in app.book.read()]
        assert told == ["3 lines were pasted as one"] * 2


async def test_no_field_loses_what_is_pasted() -> None:
    ours = Path(quarterdeck.__file__).parent.rglob("*.py")
    lossy = [file.name for file in ours if re.search(r"[ (=]Input\(", file.read_text("utf-8"))]
    assert not lossy, "TextLine takes all lines"
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "slash")
        app.post_message(events.Paste("count\nbarrels"))
        await pilot.pause()
        assert app.screen.query_one("#filter", Input).value == "count barrels"
