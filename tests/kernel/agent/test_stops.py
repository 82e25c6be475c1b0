"""What stops an agent, and how it goes on: people, unknowns, holds, time, a lost process."""

import asyncio
from pathlib import Path
from typing import get_args

import pytest

from quarterdeck_kernel import (
    AgentSpec,
    ModelAnswer,
    ModelRequest,
    Script,
    ScriptedModel,
    ToolContext,
)
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    RunPausedError,
    UnknownToolError,
)
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.guards.verdict import Deny, Pause, Verdict
from quarterdeck_kernel.models.port import TextListener
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.words import Phase
from tests.kernel.agent.agents import (
    calls,
    crewed,
    fails,
    finishes,
    kinds,
    of_kind,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import SECOND_US, WatchedClock, World, acting, breaks, dies

SAILOR = AgentSpec(name="sailor", tools=("pay",))


class Asks:
    """A guard that wants a person's word on every call."""

    name = "approval"
    kind = "approval"

    async def judge(self, call: object) -> Verdict:
        del call
        return Pause(title="pay?", rule="r1")


class Refuses(Asks):
    """A guard that lets nothing through."""

    name = "policy"
    kind = "policy"

    async def judge(self, call: object) -> Verdict:
        del call
        return Deny(reason="not on a Sunday")


async def test_an_approval_stops_the_loop_and_its_answer_lets_it_go_on() -> None:
    world, model = World(), scripted(calls(("pay", {}), ("pay", {"amount": 2})), finishes())
    async with crewed(model, acting(world.acts), guards=[Asks()]) as kernel:
        run = await started(kernel, SAILOR)
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)
        first, second = run.state.pauses
        assert (run.state.phase, world.count) == ("gate", 0)
        await kernel.resume(run, first, decision="approved")
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)
        assert world.count == 1
        await kernel.resume(run, second, decision="rejected", reason="too much")
        assert (await kernel.run_agent(run)).status == "succeeded"
        paid, rejected = told(model.asked[1].messages)
        assert paid == '{"paid":1}'
        assert "too much" in rejected
        assert (world.count, len(model.asked)) == (1, 2)
        entered = [e.payload for e in await of_kind(kernel, run, "phase_entered")]
        phases = [p.phase for p in entered if isinstance(p, PhaseEntered) and p.turn == 1]
        assert phases == list(get_args(Phase))


async def test_what_a_guard_denies_is_told_to_the_model() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(world.acts), guards=[Refuses()]) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        assert "not on a Sunday" in told(model.asked[1].messages)[0]
        assert world.count == 0


async def test_an_unknown_outcome_stops_the_loop_until_it_is_settled() -> None:
    model = scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(breaks)) as kernel:
        run = await started(kernel, SAILOR)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await kernel.run_agent(run)
        assert len(model.asked) == 1
        await kernel.reconcile_tool(
            run=run, step_key="turn-1/0", verdict="done", result={"paid": 1}, reason="statement"
        )
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert told(model.asked[1].messages) == ['{"paid":1}']


async def test_a_hold_stops_the_loop_at_its_boundary_and_release_lets_it_go_on() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(world.waits)) as kernel:
        run = await started(kernel, SAILOR)
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        await kernel.hold(run)
        world.door.set()
        with pytest.raises(RunHeldError):
            await task
        assert len(model.asked) == 1
        await kernel.release(run)
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert world.count == 1


async def test_cancelling_ends_the_run_behind_what_is_under_way() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(world.waits)) as kernel:
        run = await started(kernel, SAILOR)
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        await kernel.cancel(run)
        world.door.set()
        assert (await task).status == "cancelled"
        (completed,) = await of_kind(kernel, run, "tool_completed")
        assert getattr(completed.payload, "outcome", "") == "success"
        assert (await kernel.run_agent(run)).status == "cancelled"


async def test_cancelling_now_breaks_off_what_may_be() -> None:
    world, model = World(), scripted(calls(("look", {})), finishes())
    clock = WatchedClock()
    tool = acting(world.waits, name="look", effect="read")
    async with crewed(model, tool, clock=clock) as kernel:
        run = await started(kernel, AgentSpec(name="looker", tools=("look",)))
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        await kernel.cancel(run, now=True)
        await clock.passes(50_000)
        assert (await task).status == "cancelled"


async def test_a_process_that_stops_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    world = World()
    rules = (calls(("pay", {})), calls(("pay", {"amount": 2})), finishes("all paid"))
    async with crewed(scripted(*rules), acting(world.waits), at=tmp_path) as kernel:
        run = await started(kernel, SAILOR, run_id="r-1")
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        task.cancel()
        await asyncio.wait([task])
    model = scripted(*rules)
    async with crewed(model, acting(world.acts), at=tmp_path) as kernel:
        run = await kernel.load_run("r-1")
        await kernel.reconcile_tool(
            run=run, step_key="turn-1/0", verdict="done", result={"paid": 1}, reason="seen"
        )
        assert (await kernel.run_agent(run)).answer == "all paid"
        assert told(model.asked[-1].messages) == ['{"paid":1}', '{"paid":2}']
        assert world.count == 2


async def test_the_deadline_ends_a_run_that_works() -> None:
    world, model, clock = World(), scripted(calls(("look", {})), finishes()), WatchedClock()
    tool = acting(world.waits, name="look", effect="read", retry=RetryPolicy(timeout_s=1_000))
    async with crewed(model, tool, clock=clock) as kernel:
        run = await started(kernel, AgentSpec(name="looker", tools=("look",), deadline_s=7))
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        clock.advance(7 * SECOND_US)
        result = await task
        assert (result.status, result.error) == ("timed_out", "deadline")


async def test_the_longest_run_time_ends_a_run_that_works() -> None:
    world, model, clock = World(), scripted(calls(("look", {})), finishes()), WatchedClock()
    tool = acting(world.waits, name="look", effect="read", retry=RetryPolicy(timeout_s=1_000))
    async with crewed(model, tool, clock=clock) as kernel:
        run = await started(kernel, AgentSpec(name="looker", tools=("look",), max_run_time_s=7))
        clock.advance(100 * SECOND_US)
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        clock.advance(7 * SECOND_US)
        result = await task
        assert (result.status, result.error) == ("timed_out", "run_time")


async def test_the_deadline_ends_a_run_that_waits_for_a_person() -> None:
    model, clock = scripted(calls(("pay", {})), finishes()), WatchedClock()
    async with crewed(model, acting(World().acts), clock=clock, guards=[Asks()]) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"deadline_s": 7}))
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)
        clock.advance(7 * SECOND_US)
        assert (await kernel.run_agent(run)).status == "timed_out"


async def test_a_run_whose_time_is_up_waits_for_what_is_unknown() -> None:
    world, model, clock = World(), scripted(calls(("pay", {})), finishes()), WatchedClock()
    tool = acting(world.waits, retry=RetryPolicy(timeout_s=1_000))
    async with crewed(model, tool, clock=clock) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"deadline_s": 7}))
        task = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        clock.advance(7 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        await kernel.reconcile_tool(run=run, step_key="turn-1/0", verdict="failed", reason="no")
        assert (await kernel.run_agent(run)).status == "timed_out"


async def test_a_model_that_cannot_be_reached_holds_the_run_and_loses_nothing() -> None:
    retry = RetryPolicy(tries=1)
    model = scripted(fails("transient", when={"turns": 0}), calls(("pay", {})), finishes("paid"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"retry": retry}))
        with pytest.raises(RunHeldError, match="could not be reached"):
            await kernel.run_agent(run)
        assert run.state.hold is not None
        assert run.state.hold.by == "breaker"
        await kernel.release(run)
        assert (await kernel.run_agent(run)).answer == "paid"
        assert [e.payload.step_key for e in await of_kind(kernel, run, "model_requested")] == [  # type: ignore[union-attr]
            "turn-1/model",
            "turn-1/model-2",
            "turn-2/model",
        ]


async def test_a_model_that_refuses_for_good_fails_the_run() -> None:
    model = scripted({"failure": {"kind": "permanent", "message": "no such model"}})
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="sailor"))
        result = await kernel.run_agent(run)
        assert (result.status, result.error) == ("failed", "model_failed")
        assert "no such model" in (result.message or "")


async def test_a_changed_agent_is_adopted_by_an_event_and_never_wedges_its_run() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes("x"))
    async with crewed(model, acting(world.acts), acting(world.acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.hold(run)
        with pytest.raises(RunHeldError):
            await kernel.run_agent(run)
        await kernel.release(run)
        changed = AgentSpec(name="sailor", prompt="Row instead.", tools=("pay", "row"))
        await kernel.run_agent(run, changed)
        assert "agent_changed" in await kinds(kernel, run)
        assert run.state.conditions.config_digest == changed.digest()
        assert model.asked[0].messages[0].text.startswith("Row instead.")
        assert "row" in {tool.name for tool in model.asked[0].tools}


class Silent(ScriptedModel):
    """Answers once, and then never again."""

    def __init__(self) -> None:
        rules = [calls(("pay", {})), fails("silence", times=None)]
        super().__init__(Script.model_validate({"rules": rules}), remember=5)
        self.fell_silent = asyncio.Event()

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        if len(self.asked) == 1:
            self.fell_silent.set()
        return await super().complete(request, listener=listener)


async def test_an_open_request_is_asked_again_as_it_stands(tmp_path: Path) -> None:
    """Whatever was changed since: tools, prompt, what an operator said."""
    world = World()
    silent = Silent()
    clock = WatchedClock()
    async with crewed(silent, acting(world.acts), at=tmp_path, clock=clock) as kernel:
        run = await started(kernel, SAILOR, run_id="r-1")
        task = asyncio.create_task(kernel.run_agent(run))
        await silent.fell_silent.wait()
        assert len(run.state.model_intents) == 1
        sent = silent.asked[-1]
        dies(kernel)
        model = scripted(calls(("pay", {})), finishes("paid"))
        row = acting(world.acts, name="row")
        async with crewed(model, acting(world.acts), row, at=tmp_path) as other:
            run = await other.load_run("r-1")
            await other.say(run, "hurry")
            changed = AgentSpec(name="sailor", prompt="Row.", tools=("pay", "row"))
            result = await other.run_agent(run, changed)
            assert (result.status, result.answer) == ("failed", None) or result.answer == "paid"
            first = model.asked[0]
            assert (first.messages, first.tools) == (sent.messages, sent.tools)
            asked = await of_kind(other, run, "model_requested")
            assert len(asked) == len(model.asked) + 1
            assert world.count == 1
        task.cancel()
        await asyncio.wait([task])


async def test_a_tool_that_was_removed_since_does_not_wedge_the_run(tmp_path: Path) -> None:
    world = World()

    async def waits(context: ToolContext, amount: int) -> object:
        return await world.acts(context, amount)

    async with crewed(scripted(calls(("pay", {})), finishes()), acting(waits), at=tmp_path) as k:
        run = await started(k, SAILOR, run_id="r-1")
        await k.hold(run)
        with pytest.raises(RunHeldError):
            await k.run_agent(run)
        await k.release(run)
    model = scripted(finishes("without"))
    async with crewed(model, at=tmp_path) as kernel:
        with pytest.raises(UnknownToolError):
            await started(kernel, SAILOR)
        assert (await kernel.run_agent(await kernel.load_run("r-1"))).answer == "without"
        assert {tool.name for tool in model.asked[0].tools} == {"ask", "finish"}


async def test_cancelling_a_run_that_waits_for_a_person_ends_it() -> None:
    model = scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(World().acts), guards=[Asks()]) as kernel:
        run = await started(kernel, SAILOR)
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)
        await kernel.cancel(run)
        assert (await kernel.run_agent(run)).status == "cancelled"


async def test_a_run_that_is_to_be_cancelled_before_it_began_ends_at_once() -> None:
    model = scripted(finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="sailor"))
        await kernel.cancel(run)
        try:
            result = await kernel.run_agent(run)
        except RunCancelledError:
            pytest.fail("a run that has ended has a result")
        assert (result.status, len(model.asked)) == ("cancelled", 0)
