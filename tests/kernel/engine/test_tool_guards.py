"""What guards, previews and callers have to say of a call before it happens."""

import asyncio

import pytest

from quarterdeck_kernel import (
    ALLOW,
    Deny,
    GuardKind,
    Hold,
    ProposedCall,
    ToolAsk,
    ToolResult,
    Verdict,
    Warn,
)
from quarterdeck_kernel.errors import (
    DeniedError,
    InvalidError,
    RunHeldError,
)
from tests.kernel.engine.asking import Rule, asked, asks, stepped
from tests.kernel.engine.deck import (
    ADA,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    kernel_of,
    story,
)


class Broken:
    name = "broken"
    kind: GuardKind = "policy"

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    async def judge(self, _call: ProposedCall) -> Verdict:
        if self.error is not None:
            raise self.error
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    "error",
    [ValueError("\ud800"), asyncio.CancelledError(), None],
    ids=["raises", "cancels", "none"],
)
async def test_a_guard_that_fails_denies(error: BaseException | None) -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[Rule(ALLOW), Broken(error)]) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(DeniedError, match="denied by broken: the guard failed"):
                await stepped(kernel, run)
        assert await story(kernel, run) == ["guard_denied"]
        assert world.count == 0


async def test_a_denial_is_recorded_and_replays() -> None:
    world, rule = World(), Rule(Deny(reason="not on a Sunday", rule="sunday"))
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(DeniedError, match="not on a Sunday"):
                await stepped(kernel, run)
        assert (rule.asked, world.count) == (1, 0)


async def test_a_warning_stands_before_the_call_it_warns_of() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[Rule(Warn(reason="dear"))]) as kernel:
        run = await kernel.start_run(agent="purser")
        await stepped(kernel, run)
        assert await story(kernel, run) == ["guard_warned", "intent 1", "success"]


async def test_a_guard_that_hangs_denies_and_a_cancel_is_heard_before() -> None:
    clock, world = WatchedClock(), World()

    class Hanging:
        name = "hanging"
        kind: GuardKind = "policy"

        async def judge(self, _call: ProposedCall) -> Verdict:
            world.arrived.set()
            await asyncio.Event().wait()
            return ALLOW

    async with kernel_of(acting(world.acts), guards=[Hanging()], clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await story(kernel, run) == []
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        await clock.passes(30 * SECOND_US)
        with pytest.raises(DeniedError, match="no answer within 30 s"):
            await task
        assert world.count == 0


async def test_a_preview_that_fails_is_a_denial() -> None:
    def shows() -> str:
        raise FileNotFoundError("no such file")

    world = World()
    async with kernel_of(acting(world.acts, preview=shows)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="no such file"):
            await stepped(kernel, run)
        assert world.count == 0


# -- tools that the caller answers


async def test_a_tool_answered_by_the_caller_pauses_and_takes_the_answer() -> None:
    world = World()
    async with kernel_of(acting(world.acts, answered_by_caller=True)) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        with pytest.raises(InvalidError, match="answer it"):
            await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        await kernel.resume(run, pause_id, answer={"paid": 9}, actor=ADA)
        result = await stepped(kernel, run)
        assert (result.value, world.count) == ({"paid": 9}, 0)
        assert await story(kernel, run) == ["pause_requested", "answered", "intent 1", "success"]
        assert (await stepped(kernel, run)).replayed


async def test_an_answer_is_not_taken_for_other_arguments() -> None:
    async with kernel_of(acting(World().acts, answered_by_caller=True)) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await asked(kernel, run, 1)
        await kernel.resume(run, first, answer="one", actor=ADA)
        second = await asked(kernel, run, 2)
        assert second != first
        await kernel.resume(run, second, answer="two", actor=ADA)
        assert (await stepped(kernel, run, 2)).value == "two"


async def test_guards_judge_a_tool_that_the_caller_answers() -> None:
    tool = acting(World().acts, answered_by_caller=True)
    async with kernel_of(tool, guards=[Rule(Deny(reason="no"))]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError):
            await stepped(kernel, run)
    async with kernel_of(tool, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await asked(kernel, run)
        await kernel.resume(run, first, decision="approved", actor=ADA)
        second = await asked(kernel, run)
        await kernel.resume(run, second, answer=7, actor=ADA)
        assert (await stepped(kernel, run)).value == 7


async def test_a_hold_stops_the_batch_and_nothing_of_it_is_on_record() -> None:
    world = World()
    rule = Rule(lambda call: Hold(by="breaker", reason="3 in a row") if call.arguments else ALLOW)
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        calls = [
            ToolAsk(step_key=str(n), tool="pay", arguments={"amount": n + 1}) for n in range(3)
        ]
        results = await kernel.step_tools(run=run, calls=calls)
        assert [type(result) for result in results] == [RunHeldError] * 3
        assert (await story(kernel, run), world.count) == (["circuit_opened", "held"], 0)
        await kernel.release(run, reason=None)
        rule.verdict = ALLOW
        again = await kernel.step_tools(run=run, calls=calls)
        assert [result.replayed for result in again if isinstance(result, ToolResult)] == [
            False
        ] * 3
        assert world.count == 3
