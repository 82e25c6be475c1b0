"""Every decision from the detail: what is asked for it, and what goes to the clerk."""

from pydantic import JsonValue
from textual.widgets import Static

from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.screens.inbox import InboxScreen
from quarterdeck_kernel.projections.open_items import Person
from tests.app.apps import ticked
from tests.app.frozen import NOW_US
from tests.app.inbox_stage import SCHEMA, Stage, call, in_doubt, question

SIZE = (100, 30)


async def test_armed_u_grants_until_the_run_ends() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "u")
        assert stage.verbs == ["granted"]


async def test_u_alone_asks_first() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "u")
        assert stage.decided == []
        assert isinstance(pilot.app.screen, DecidingDialog)
        await stage.press(pilot, "tab", "tab", "enter")
        assert stage.verbs == ["granted"]


async def test_reject_and_stop_the_run_is_a_button_of_its_own() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "x", "tab", "tab", "tab", "enter")
        assert [(d.verb, d.reason) for d in stage.decided] == [("rejected_stop", "x")]


async def test_reject_needs_a_reason() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "tab", "tab", "enter")
        assert stage.decided == []
        assert "give a reason" in str(pilot.app.screen.query_one("#problem", Static).visual)


async def test_edit_shows_the_difference_and_binds_what_was_looked_at() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "e", "end", "5")
        shown = str(pilot.app.screen.query_one("#outcome", Static).visual)
        assert "amount: 101 → 1015" in shown
        await stage.press(pilot, "tab", "tab", "tab", "enter")
        (decision,) = stage.decided
        assert (decision.verb, decision.digest) == ("edited", "1" * 64)
        assert decision.answer == {"amount": 1015, "to": "dockyard"}


async def test_an_edit_that_does_not_fit_the_schema_is_not_taken() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "e", "end", "x", "tab", "tab", "tab", "enter")
        assert stage.decided == []
        await stage.press(pilot, "escape", "e", "end", "backspace", "tab", "tab", "tab", "enter")
        assert stage.decided == []
        assert "nothing is changed" in str(pilot.app.screen.query_one("#problem", Static).visual)


async def test_a_question_is_answered_in_words() -> None:
    stage = Stage(question(1, schema={"type": "string"}))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "i", "t", "w", "o", "tab", "tab", "enter")
        assert [(d.verb, d.answer) for d in stage.decided] == [("answered", "two")]


async def test_a_question_is_answered_by_a_choice() -> None:
    schema: dict[str, JsonValue] = {"enum": ["north", "south", "east"]}
    stage = Stage(question(1, type="choose", options=("north", "south", "east"), schema=schema))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "i", "down", "enter", "enter")
        assert [(d.verb, d.answer) for d in stage.decided] == [("answered", "south")]


async def test_a_question_with_options_is_answered_by_one_of_them_or_in_own_words() -> None:
    for keys, answer in (
        (("down", "enter", "enter"), "south"),
        (("tab", "w", "e", "s", "t", "tab", "tab", "enter"), "west"),
    ):
        asked = question(1, options=("north", "south"), schema={"type": "string"})
        stage = Stage(asked)
        async with stage.app().run_test(size=SIZE) as pilot:
            await stage.open(pilot)
            await stage.press(pilot, "i", *keys)
            assert [(d.verb, d.answer) for d in stage.decided] == [("answered", answer)]


async def test_a_confirmation_is_approved_or_answered_with_no() -> None:
    schema: dict[str, JsonValue] = {"type": "boolean"}
    stage = Stage(question(1, type="confirm", schema=schema))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "i", "down", "enter", "enter")
        assert [(d.verb, d.answer) for d in stage.decided] == [("answered", False)]


async def test_a_probe_is_asked_only_where_its_tool_is_known() -> None:
    for known, verbs in ((False, []), (True, ["probe"])):
        stage = Stage(in_doubt(1, can_probe=known))
        async with stage.app().run_test(size=SIZE) as pilot:
            await stage.open(pilot)
            await stage.press(pilot, "p")
            if known:
                await stage.press(pilot, "tab", "tab", "enter")
            assert stage.verbs == verbs


async def test_done_and_failed_need_evidence_and_reason() -> None:
    for key, verb in (("d", "done"), ("f", "failed")):
        stage = Stage(in_doubt(1))
        async with stage.app().run_test(size=SIZE) as pilot:
            await stage.open(pilot)
            await stage.press(pilot, key, "tab", "tab", "enter")
            assert stage.decided == []
            await stage.press(pilot, "shift+tab", "shift+tab", "s", "tab", "tab", "enter")
            assert [(d.verb, d.reason) for d in stage.decided] == [(verb, "s")]


async def test_trying_again_needs_a_reason_and_the_name_of_the_tool() -> None:
    stage = Stage(in_doubt(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "t", "tab", *"pay", "tab", "tab", "enter")
        assert stage.decided == []
        assert "give a reason" in str(pilot.app.screen.query_one("#problem", Static).visual)
        await stage.press(pilot, "escape", "t", "s", "tab", "backspace", "tab", "tab", "enter")
        assert stage.decided == []
        assert "type the tool's name" in str(pilot.app.screen.query_one("#problem", Static).visual)
        await stage.press(pilot, "shift+tab", "shift+tab", *"pay", "tab", "tab", "enter")
        assert [(d.verb, d.reason) for d in stage.decided] == [("retry", "s")]


async def test_a_probe_that_said_not_done_stands_for_the_reason() -> None:
    stage = Stage(in_doubt(1, evidence="not_done"))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "t", "tab", *"pay", "tab", "tab", "enter")
        assert stage.verbs == ["retry"]


async def test_of_two_people_nobody_agrees_twice_or_grants_alone() -> None:
    agreed = (Person("ada", "ada@host1"),)
    stage = Stage(call(1, people=2, agreed=agreed))
    matter = stage.matters["run-1", "pause-1"]
    assert matter.me is not None
    stage.put(call(1, people=2, agreed=(matter.me,)))
    app = stage.app()
    async with app.run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "a", "enter", "u")
        assert stage.decided == []
        assert any("another person" in notice.text for notice in app.book.read())
        text = "\n".join(line.text for line in screen.pane.lines)
        assert "needs 2 different people; agreed so far: ada" in text


async def test_what_has_expired_is_not_approved() -> None:
    stage = Stage(call(1, expires_us=NOW_US - 1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        assert stage.decided == []


async def test_when_the_last_item_is_decided_the_list_is_there_again() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "a", "enter")
        await ticked(pilot)
        await pilot.pause()
        assert isinstance(pilot.app.screen, InboxScreen)


async def test_every_decision_can_be_reached_by_arrows_and_enter() -> None:
    stage = Stage(call(1))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "x")
        offered = [row.action.id for row in pilot.app.screen._rows if row]  # type: ignore[attr-defined]
        assert {"approval.approve", "approval.grant", "approval.edit", "approval.reject"} <= set(
            offered
        )
        await stage.press(pilot, *["down"] * offered.index("approval.approve"), "enter", "enter")
        assert stage.verbs == ["approved"]


def test_the_schema_of_the_stage_is_the_one_that_edits_are_held_against() -> None:
    assert SCHEMA["required"] == ["amount", "to"]
