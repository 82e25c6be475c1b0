"""The accidents of deciding, played: whatever happens, nothing is decided that was not meant."""

from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Input

from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.screens.item import ItemScreen
from quarterdeck.widgets.bars import StatusLine
from quarterdeck.widgets.matter_pane import MatterPane
from tests.app.apps import ticked
from tests.app.inbox_stage import BEN, Stage, call, in_doubt, question, settled

SIZE = (100, 30)


def said(screen: ItemScreen) -> str:
    return str(screen.query_one(StatusLine).render())


async def test_a_then_enter_approves_once_what_was_looked_at() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        assert [(d.verb, d.digest) for d in stage.decided] == [("approved", "1" * 64)]


async def test_enter_alone_decides_nothing() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "enter", "enter")
        assert stage.decided == []


async def test_a_decision_key_within_half_a_second_of_the_first_paint_does_nothing() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        assert "ready in 0.5 s" in said(screen)
        await stage.press(pilot, "a", after=0.3)
        assert "ARMED" not in said(screen)
        await stage.press(pilot, "enter")
        assert stage.decided == []


async def test_an_ignored_key_is_not_made_up_for_later() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "r", "a", after=0.2)
        for _ in range(5):
            await stage.wait(pilot, 1.0)
        assert stage.decided == []
        assert pilot.app.screen is screen
        assert "ready" in said(screen)


async def test_enter_twice_approves_one_item_not_the_next_as_well() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        await stage.press(pilot, "enter", after=0.05)
        await stage.press(pilot, "enter", "enter")
        assert stage.verbs == ["approved"]
        assert screen.name_shown == ("run-2", "pause-2")


@pytest.mark.parametrize("key", ["a", "enter", "u"])
async def test_a_key_held_down_with_auto_advance_approves_nothing_more(key: str) -> None:
    stage = Stage(*(call(number) for number in range(1, 6)))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        # Held: the first repeat after the delay of a keyboard, then thirty a second.
        await stage.press(pilot, key, after=0.7)
        for _ in range(20):
            await stage.press(pilot, key, after=0.033)
        assert stage.verbs == ["approved"]


async def test_a_held_from_the_beginning_never_approves() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "a")
        for _ in range(20):
            await stage.press(pilot, "a", after=0.033)
        assert stage.decided == []


async def test_caps_lock_decides_nothing() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "A", "enter", "U", "R", "E", "I")
        assert stage.decided == []
        assert pilot.app.screen is screen


async def test_text_that_is_pasted_without_brackets_decides_nothing() -> None:
    for paste in (("a", "enter"), ("y", "a", "enter"), ("a", "u"), ("a", "enter", "enter")):
        stage = Stage(call(1))
        async with stage.app().run_test(size=SIZE) as pilot:
            await stage.open(pilot)
            await stage.wait(pilot, 5)
            await stage.burst(pilot, *paste)
            await stage.press(pilot, "enter")
            assert stage.decided == []


async def test_text_that_is_pasted_with_brackets_decides_nothing_and_disturbs() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a")
        stage.now_s += 1
        pilot.app.post_message(events.Paste("enter\nu\n"))
        await ticked(pilot)
        await stage.press(pilot, "enter")
        assert stage.decided == []
        await stage.wait(pilot)
        pilot.app.post_message(events.Paste("x"))
        await ticked(pilot)
        await ticked(pilot)
        assert "ready in 0.5 s" in said(screen)


async def test_a_reason_pasted_with_line_ends_and_tabs_rejects_nothing() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r")
        stage.now_s += 5
        await stage.burst(pilot, "n", "o", "enter", "tab", "tab", "enter", "enter")
        assert stage.verbs == []
        dialog = pilot.app.screen
        assert isinstance(dialog, DecidingDialog)
        assert dialog.values() == {"reason": "no"}


async def test_any_other_key_between_arming_and_enter_lets_go() -> None:
    for other in ("j", "pagedown", "z", "n"):
        stage = Stage(call(1))
        async with stage.app().run_test(size=SIZE) as pilot:
            screen = await stage.open(pilot)
            await stage.press(pilot, "a")
            assert "ARMED" in said(screen)
            await stage.press(pilot, other, "enter")
            assert stage.decided == []
            assert "ARMED" not in said(screen)


async def test_what_was_armed_and_forgotten_lets_go() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a")
        await stage.press(pilot, "enter", after=11)
        assert stage.decided == []


async def test_content_that_changes_while_it_is_read_starts_over() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a")
        stage.now_s += 0.6
        stage.put(call(1, arguments={"amount": 9_999, "to": "somebody else"}))
        await pilot.press("enter")
        await ticked(pilot)
        await ticked(pilot)
        await stage.press(pilot, "enter")
        assert stage.decided == []
        assert "somebody else" in "".join(line.text for line in screen.pane.lines)


async def test_changed_content_counts_from_its_own_first_paint() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.wait(pilot, 5)
        stage.put(call(1, arguments={"amount": 9_999, "to": "somebody else"}))
        await ticked(pilot)
        await ticked(pilot)
        assert "ready in 0.5 s" in said(screen)
        await stage.press(pilot, "a", after=0.3)
        assert "ARMED" not in said(screen)


async def test_a_resize_starts_over() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.wait(pilot, 5)
        await pilot.resize_terminal(90, 28)
        await ticked(pilot)
        assert "ready in 0.5 s" in said(screen)
        await stage.press(pilot, "a", after=0.3)
        assert "ARMED" not in said(screen)


async def test_coming_back_to_the_terminal_starts_over() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.wait(pilot, 5)
        pilot.app.post_message(events.AppBlur())
        stage.now_s += 5
        pilot.app.post_message(events.AppFocus())
        await ticked(pilot)
        await ticked(pilot)
        assert "ready in 0.5 s" in said(screen)
        await stage.press(pilot, "a", after=0.3)
        assert "ARMED" not in said(screen)


async def test_another_item_starts_over() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a", "n")
        assert screen.name_shown[0] == "run-2"
        await stage.press(pilot, "enter")
        await stage.press(pilot, "a", after=0.2)
        assert stage.decided == []
        assert "ARMED" not in said(screen)


async def test_answered_at_another_terminal_it_turns_inert_where_it_stands() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a")
        stage.put(settled(call(1), by=BEN))
        await ticked(pilot)
        assert "approved by ben" in said(screen)
        assert "on host2" in said(screen)
        assert screen.name_shown[0] == "run-1"
        await stage.press(pilot, "enter", "a", "enter", "r")
        assert stage.decided == []
        assert pilot.app.screen is screen


async def test_answered_elsewhere_while_a_reason_is_typed_the_text_is_kept() -> None:
    stage = Stage(call(1), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "t", "w", "o")
        stage.put(settled(call(1), by=BEN))
        await ticked(pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, DecidingDialog)
        assert dialog.inert is not None
        assert "approved by ben" in dialog.inert
        await stage.press(pilot, "o", "tab", "tab", "enter")
        assert stage.decided == []
        assert dialog.is_current
        assert dialog.values() == {"reason": "twoo"}


async def test_what_a_form_is_about_changes_while_it_is_filled_in() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "e")
        stage.put(call(1, arguments={"amount": 9_999, "to": "somebody else"}))
        await ticked(pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, DecidingDialog)
        await stage.press(pilot, "1", "tab", "tab", "tab", "enter")
        assert stage.decided == []
        assert dialog.inert is not None
        assert "changed meanwhile" in dialog.inert


async def test_what_was_typed_is_there_again_when_the_dialog_is() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n", "o", "escape", "r")
        assert pilot.app.screen.query_one(Input).value == "no"


async def test_a_pause_that_arrives_in_mid_typing_takes_neither_focus_nor_keys() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n")
        field = pilot.app.focused
        stage.put(call(2), in_doubt(3))
        await ticked(pilot)
        assert pilot.app.focused is field
        await stage.press(pilot, "a")
        assert isinstance(field, Input)
        assert field.value == "na"
        assert stage.decided == []


async def test_a_refused_decision_leaves_the_item_as_it_is_and_says_why() -> None:
    from quarterdeck_kernel.errors import ConflictError

    stage = Stage(call(1), call(2))
    stage.refusal = ConflictError("pause 'pause-1' shows something else; look again")
    app = stage.app()
    async with app.run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        assert screen.name_shown[0] == "run-1"
        assert any("look again" in notice.text for notice in app.book.read())


async def test_a_dialog_over_changed_content_does_not_count_as_having_read_it() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "r")
        stage.put(call(1, arguments={"amount": 9_999, "to": "somebody else"}))
        await stage.wait(pilot, 5)
        assert screen.query_one(MatterPane).shown_s is None
        assert screen.pane.unread > 0
        await stage.press(pilot, "escape")
        await ticked(pilot)
        assert screen.pane.unread == 0


async def test_readonly_shows_decisions_struck_out_and_takes_none() -> None:
    stage = Stage(call(1), in_doubt(2, can_probe=True), question(3), readonly=True)
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        for _ in range(3):
            await stage.press(pilot, *"aureipdft", "enter")
            assert pilot.app.screen is screen
            await stage.press(pilot, "n")
        assert stage.decided == []


async def test_at_a_small_terminal_no_key_decides() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a")
        await pilot.resize_terminal(50, 12)
        await stage.press(pilot, "enter", "r")
        await pilot.resize_terminal(100, 30)
        await stage.press(pilot, "enter")
        assert stage.decided == []
        assert pilot.app.screen is screen


async def test_a_lost_store_lets_nothing_be_decided() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        stage.change(replace(stage.shown, trouble="the disk refused to read"))
        await stage.press(pilot, "a", "enter", "r")
        assert stage.decided == []
        assert "nothing can be decided" in said(screen)
