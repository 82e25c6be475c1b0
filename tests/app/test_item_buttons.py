"""Buttons and clicks of deciding: what a hand did not mean decides nothing there either."""

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input

from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.screens.item import ItemScreen
from quarterdeck.widgets.footer import FooterBar
from tests.app.apps import ticked
from tests.app.inbox_stage import Stage, call, in_doubt
from tests.app.test_item_accidents import SIZE, said


async def test_enter_held_down_on_a_button_decides_once() -> None:
    stage = Stage(call(1), call(2), in_doubt(3))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n", "o", "tab", "tab", "enter")
        for _ in range(20):
            await stage.press(pilot, "enter", after=0.033)
        assert stage.verbs == ["rejected"]
        assert isinstance(pilot.app.screen, ItemScreen)


@pytest.mark.parametrize("disturbance", ["resize", "focus"])
async def test_what_disturbs_while_a_dialog_is_open_starts_it_over(disturbance: str) -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n", "o", "tab", "tab")
        stage.now_s += 5
        if disturbance == "resize":
            await pilot.resize_terminal(90, 28)
        else:
            pilot.app.post_message(events.AppBlur())
            pilot.app.post_message(events.AppFocus())
        await ticked(pilot)
        await ticked(pilot)
        await stage.press(pilot, "enter", after=0.2)
        assert stage.decided == []
        dialog = pilot.app.screen
        assert isinstance(dialog, DecidingDialog)
        button = next(b for b in dialog.query(Button) if "-decides" in b.classes)
        # For a moment after it was pressed a button hears nothing; a test need not wait for that.
        button.remove_class("-active")
        button.focus()
        await stage.press(pilot, "enter")
        assert stage.verbs == ["rejected"]


async def clicked(pilot: Pilot[None], x: int, y: int) -> None:
    """Click as a terminal tells it, by way of the app: the pilot's own clicks pass that by."""
    for kind in (events.MouseDown, events.MouseUp):
        pilot.app.post_message(
            kind(None, x, y, 0, 0, 1, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y)
        )
        await ticked(pilot)
    await ticked(pilot)


async def test_two_clicks_of_a_hand_that_trembles_arm_and_decide_nothing() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        footer = screen.query_one(FooterBar)
        line, bottom = str(footer.render()), footer.region.y
        # Too soon after the first paint, and then too soon after the click before.
        for _ in range(3):
            stage.now_s += 0.2
            await clicked(pilot, line.index("approve"), bottom)
        assert "ARMED" not in said(screen)
        stage.now_s += 0.6
        await clicked(pilot, line.index("reject"), bottom)
        dialog = pilot.app.screen
        assert isinstance(dialog, DecidingDialog)
        dialog.query_one(Input).value = "no"
        button = next(b for b in dialog.query(Button) if "-decides" in b.classes)
        x, y = button.region.offset
        stage.now_s += 0.1
        await clicked(pilot, x + 2, y)
        assert stage.decided == []
        assert pilot.app.screen is dialog
        button.remove_class("-active")
        stage.now_s += 0.6
        await clicked(pilot, x + 2, y)
        await pilot.app.workers.wait_for_complete()
        assert stage.verbs == ["rejected"]
