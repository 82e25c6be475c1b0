"""Approvals: bound to exactly what will run, used once, and found again by every rerun."""

from datetime import date
from itertools import count

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import (
    ALLOW,
    Decisions,
    Kernel,
    Pause,
    ProposedCall,
    Tool,
    ToolContext,
    Verdict,
    tool_of,
)
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    DeniedError,
    IllegalMoveError,
    InvalidError,
    RunCancelledError,
    RunHeldError,
    RunPausedError,
    StepInterruptedError,
)
from quarterdeck_kernel.tools.toolbox import ToolBox
from tests.kernel.engine.asking import Rule, asked, asks, question, stepped
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    events,
    kernel_of,
    length,
    story,
)


async def test_an_approved_call_is_made_once() -> None:
    world, rule = World(), asks()
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        assert await asked(kernel, run) == pause_id
        assert rule.asked == 1
        await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        assert world.count == 0
        result = await stepped(kernel, run)
        assert (result.value, world.count) == ({"paid": 1}, 1)
        assert await story(kernel, run) == ["pause_requested", "approved", "intent 1", "success"]
        before = rule.asked
        assert (await stepped(kernel, run)).replayed
        assert rule.asked == before
        with pytest.raises(AlreadySettledError, match="approved by operator:ada"):
            await kernel.resume(run, pause_id, decision="rejected", actor=BEN)


async def test_while_a_question_is_open_nothing_new_is_begun() -> None:
    world = World()

    def only_pay(call: ProposedCall) -> Verdict:
        return Pause(title="Pay?") if call.tool == "pay" else ALLOW

    tools = acting(world.acts), acting(world.acts, name="look", effect="read")
    async with kernel_of(*tools, guards=[Rule(only_pay)]) as kernel:
        run = await kernel.start_run(agent="purser")
        await asked(kernel, run)
        before = await length(kernel, run)
        with pytest.raises(RunPausedError, match="Pay"):
            await kernel.step_tool(run=run, step_key="t", tool="look", arguments={})
        assert (world.count, await length(kernel, run)) == (0, before)


def renewed(kernel: Kernel, *tools: Tool) -> None:
    kernel.tools = ToolBox(tools)


async def test_another_version_of_the_tool_is_asked_about_again() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await asked(kernel, run)
        await kernel.resume(run, first, decision="approved", actor=ADA)
        renewed(kernel, acting(world.acts, version="2"))
        second = await asked(kernel, run)
        assert (second != first, world.count) == (True, 0)
        await kernel.resume(run, second, decision="approved", actor=ADA)
        await stepped(kernel, run)
        assert world.count == 1


async def test_other_arguments_are_asked_about_again() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run, 1), decision="approved", actor=ADA)
        second = await asked(kernel, run, 1_000_000)
        assert world.count == 0
        await kernel.resume(run, second, decision="approved", actor=ADA)
        assert (await stepped(kernel, run, 1_000_000)).value == {"paid": 1_000_000}


async def test_another_preview_is_asked_about_again() -> None:
    world, shows = World(), ["-a +b"]
    tool = acting(world.acts, preview=lambda: shows[0])
    async with kernel_of(tool, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        shows[0] = "-everything"
        second = await asked(kernel, run)
        assert world.count == 0
        details = (await question(kernel, run)).details
        assert isinstance(details, dict)
        assert details["preview"] == "-everything"
        await kernel.resume(run, second, decision="approved", actor=ADA)
        await stepped(kernel, run)
        assert world.count == 1


async def test_another_rule_is_asked_about_again() -> None:
    world, rule = World(), asks()
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        rule.verdict = Pause(title="Really?", rule="a stricter one")
        await asked(kernel, run)
        assert world.count == 0


# -- edits


async def test_an_edited_call_is_made_as_it_was_edited() -> None:
    world = World()

    async def act(context: ToolContext, amount: int, note: str = "thanks") -> object:
        world.calls.append(context)
        return [amount, note]

    tool = tool_of(act, name="pay")
    async with kernel_of(tool, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run, 5)
        await kernel.resume(run, pause_id, decision="edited", answer={"amount": 3}, actor=ADA)
        result = await stepped(kernel, run, 5)
        assert (result.value, world.count) == ([3, "thanks"], 1)
        intent = (await events(kernel, run))[-2].payload
        assert getattr(intent, "arguments", None) == {"amount": 3, "note": "thanks"}
        # The step is still the one that was asked for.
        assert (await stepped(kernel, run, 5)).replayed


async def test_an_edit_that_does_not_fit_the_tool_is_refused_and_changes_nothing() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        before = await length(kernel, run)
        misfits: list[JsonValue] = [{"amuont": 3}, {"amount": "three"}, {"amount": 3.0}]
        for answer in misfits:
            with pytest.raises(InvalidError, match="does not fit"):
                # From anywhere: who answers has no tool.
                await Decisions(kernel.store).resume(
                    run.run_id, pause_id, decision="edited", answer=answer, actor=ADA
                )
        assert await length(kernel, run) == before


async def test_an_edit_that_only_the_tool_sees_is_wrong_is_a_denial_that_says_so() -> None:
    async def sail(day: date) -> str:
        return str(day)

    async with kernel_of(tool_of(sail, name="pay"), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        step = {"run": run, "step_key": "s", "tool": "pay", "arguments": {"day": "2026-01-02"}}
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(**step)  # type: ignore[arg-type]
        edit: JsonValue = {"day": "the day after"}
        await kernel.resume(run, paused.value.pause_id, decision="edited", answer=edit, actor=ADA)
        for _ in range(2):
            with pytest.raises(DeniedError, match="day"):
                await kernel.step_tool(**step)  # type: ignore[arg-type]
        assert await story(kernel, run) == ["pause_requested", "edited", "guard_denied"]


async def test_an_edit_under_another_rule_is_asked_about_as_edited() -> None:
    world = World()

    def by_amount(call: ProposedCall) -> Verdict:
        return Pause(title="Pay?", rule="big" if call.arguments["amount"] == 3 else "small")

    async with kernel_of(acting(world.acts), guards=[Rule(by_amount)]) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await asked(kernel, run, 5)
        await kernel.resume(run, first, decision="edited", answer={"amount": 3}, actor=ADA)
        second = await asked(kernel, run, 5)
        details = (await question(kernel, run)).details
        assert isinstance(details, dict)
        assert (details["arguments"], details["asked"]) == ({"amount": 3}, {"amount": 5})
        await kernel.resume(run, second, decision="approved", actor=ADA)
        assert (await stepped(kernel, run, 5)).value == {"paid": 3}
        assert world.count == 1


@pytest.mark.parametrize("answer", [None, [1], "text", {"amount": float("nan")}])
async def test_an_edit_that_is_no_object_is_refused(answer: JsonValue) -> None:
    async with kernel_of(acting(World().acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        with pytest.raises(InvalidError):
            await kernel.resume(run, pause_id, decision="edited", answer=answer, actor=ADA)
        assert pause_id in (await kernel.load_run(run.run_id)).state.pauses


# -- no


async def test_a_rejected_call_is_denied_from_then_on() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        await kernel.resume(run, pause_id, decision="rejected", reason="too dear", actor=ADA)
        before = await length(kernel, run)
        for _ in range(2):
            with pytest.raises(DeniedError, match="rejected by operator:ada: too dear"):
                await stepped(kernel, run)
        assert (world.count, await length(kernel, run)) == (0, before)


async def test_a_call_rejected_with_the_run_ends_the_run() -> None:
    world = World()
    tools = acting(world.acts), acting(world.acts, name="other")
    async with kernel_of(*tools, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        await kernel.resume(run, pause_id, decision="rejected_stop", actor=ADA)
        with pytest.raises((DeniedError, RunCancelledError)):
            await stepped(kernel, run)
        assert run.state.status == "cancelled"
        assert world.count == 0


async def test_a_question_nobody_answers_in_time_is_a_denial() -> None:
    clock, world = WatchedClock(), World()
    rule = asks(expires_after_s=60)
    async with kernel_of(acting(world.acts), guards=[rule], clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        clock.advance(60 * SECOND_US)
        with pytest.raises(IllegalMoveError, match="expired"):
            await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        for _ in range(2):
            with pytest.raises(DeniedError, match="expired"):
                await stepped(kernel, run)
        assert await story(kernel, run) == ["pause_requested", "pause_expired"]


async def test_two_people_have_to_agree_where_two_are_needed() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks(people_needed=2)]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        assert await asked(kernel, run) == pause_id
        with pytest.raises(IllegalMoveError, match="another person"):
            await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        await kernel.resume(run, pause_id, decision="approved", actor=BEN)
        await stepped(kernel, run)
        assert world.count == 1


async def test_an_approval_is_used_by_one_call_only() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        await stepped(kernel, run)
        with pytest.raises(RunPausedError):
            await kernel.step_tool(run=run, step_key="t", tool="pay", arguments={"amount": 1})
        assert world.count == 1


@pytest.mark.parametrize("decision", ["approved", "edited"])
async def test_an_approval_whose_call_was_not_dispatched_can_be_used_again(decision: str) -> None:
    world, rule = World(), asks()
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        answer: JsonValue = {} if decision == "edited" else None
        await kernel.resume(run, pause_id, decision=decision, answer=answer, actor=ADA)  # type: ignore[arg-type]
        driver = run.driver
        real, looks = driver.sure, count(1)

        async def stops() -> bool:
            # The first look is when the step begins, the second right before the call.
            if next(looks) == 2:
                driver.sure = real  # type: ignore[method-assign]
                driver._stops[next(iter(driver._stops))].request("caller")
            return False

        driver.sure = stops  # type: ignore[method-assign]
        with pytest.raises(StepInterruptedError):
            await stepped(kernel, run)
        assert world.count == 0
        assert (await stepped(kernel, run)).value == {"paid": 1}
        assert await story(kernel, run) == [
            "pause_requested",
            decision,
            "intent 1",
            "not_dispatched",
            "intent 1",
            "success",
        ]


async def test_an_approval_does_not_lift_a_hold() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        await kernel.hold(run, reason="wait", actor=BEN)
        with pytest.raises(RunHeldError, match="wait"):
            await stepped(kernel, run)
        await kernel.release(run, actor=BEN)
        await stepped(kernel, run)
        assert world.count == 1
