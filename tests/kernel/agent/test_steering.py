"""Steering an agent while it works: what is said to it, and which tools it sees."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec, Decisions, Kernel, Run
from quarterdeck_kernel.engine.model_memory import ModelMemory
from quarterdeck_kernel.errors import (
    ConflictError,
    IllegalMoveError,
    InvalidError,
    RunHeldError,
    RunOverError,
)
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from tests.kernel.agent.agents import (
    calls,
    crewed,
    fails,
    finishes,
    of_kind,
    says,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import ADA, World, acting

SAILOR = AgentSpec(name="sailor", tools=("pay", "row"))
PLAIN = AgentSpec(name="sailor")


def heard(messages: object) -> list[str]:
    """Return what people said, without the objective."""
    return [m.text for m in messages if m.role == "user"][1:]  # type: ignore[attr-defined]


async def working(kernel: Kernel, run: Run, world: World) -> "asyncio.Task[object]":
    """Drive a run until its first call is under way."""
    task: asyncio.Task[object] = asyncio.create_task(kernel.run_agent(run))
    await world.wait_for_call()
    return task


async def test_what_is_said_is_heard_once_at_the_next_boundary() -> None:
    world, model = World(), scripted(calls(("pay", {})), calls(("row", {})), finishes())
    tools = acting(world.waits), acting(World().acts, name="row")
    async with crewed(model, *tools) as kernel:
        run = await started(kernel, SAILOR)
        task = await working(kernel, run, world)
        seq = await kernel.say(run, "mind the rocks", key="k", actor=ADA)
        assert await kernel.say(run, "mind the rocks", key="k") == seq
        world.door.set()
        await task
        assert heard(model.asked[0].messages) == []
        assert heard(model.asked[1].messages) == ["mind the rocks"]
        assert heard(model.asked[2].messages) == ["mind the rocks"]
        (said,) = await of_kind(kernel, run, "operator_message")
        assert said.actor == ADA
        assert run.state.messages == {}


async def test_the_same_key_is_a_duplicate_with_the_same_text_and_a_conflict_with_another() -> None:
    model = scripted(says("hm"), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, PLAIN)
        seq = await kernel.say(run, "north", key="k")
        with pytest.raises(ConflictError, match="'k'"):
            await kernel.say(run, "south", key="k")
        await kernel.hold(run)
        await kernel.release(run)
        assert await kernel.say(run, "north", key="k") == seq
        with pytest.raises(InvalidError, match="empty"):
            await kernel.say(run, "  ")
        await kernel.run_agent(run)
        with pytest.raises(RunOverError):
            await kernel.say(run, "too late")


async def test_a_key_that_was_used_is_still_known() -> None:
    world, model = World(), scripted(calls(("row", {})), calls(("pay", {})), finishes())
    async with crewed(model, acting(world.waits), acting(World().acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        seq = await kernel.say(run, "north", key="k")
        task = await working(kernel, run, world)
        assert run.state.messages == {}
        assert await kernel.say(run, "north", key="k") == seq
        with pytest.raises(ConflictError):
            await kernel.say(run, "south", key="k")
        world.door.set()
        await task
        assert heard(model.asked[-1].messages) == ["north"]


async def test_what_was_said_is_not_lost_if_the_model_call_fails() -> None:
    model = scripted(fails("transient", when={"turns": 0}), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, PLAIN.model_copy(update={"retry": RetryPolicy(tries=1)}))
        await kernel.say(run, "north")
        with pytest.raises(RunHeldError):
            await kernel.run_agent(run)
        assert len(run.state.messages) == 1
        await kernel.release(run)
        await kernel.run_agent(run)
        assert [heard(asked.messages) for asked in model.asked] == [["north"], ["north"]]


async def test_two_messages_with_one_text_are_both_used() -> None:
    model = scripted(says("hm"), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, PLAIN)
        await kernel.say(run, "faster")
        await kernel.say(run, "faster")
        await kernel.run_agent(run)
        assert heard(model.asked[0].messages) == ["faster", "faster"]
        request = (await of_kind(kernel, run, "model_requested"))[0].payload
        assert isinstance(request, ModelRequested)
        named = {part.start for part in request.context.segments if part.source == "event"}
        assert named == {said.seq for said in await of_kind(kernel, run, "operator_message")}


async def test_forgetting_which_of_two_equal_messages_was_named_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mutant: messages are told apart by their text alone."""
    whole = ModelMemory._pieces
    monkeypatch.setattr(
        ModelMemory,
        "_pieces",
        lambda self, messages, digests, _: whole(self, messages, digests, {}),
    )
    with pytest.raises(AssertionError):
        await test_two_messages_with_one_text_are_both_used()


async def test_what_is_said_while_the_agent_finishes_is_not_lost() -> None:
    world = World()
    model = scripted(calls(("pay", {}), ("finish", {"answer": "done"})), finishes("done, and more"))
    async with crewed(model, acting(world.waits), acting(World().acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        task = await working(kernel, run, world)
        await kernel.say(run, "one more thing")
        world.door.set()
        await task
        assert (await kernel.run_agent(run)).answer == "done, and more"
        assert heard(model.asked[1].messages) == ["one more thing"]


async def test_what_was_said_may_be_taken_back_while_it_is_unused() -> None:
    model = scripted(finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, PLAIN)
        await kernel.say(run, "north", key="k")
        await kernel.unsay(run, "k")
        with pytest.raises(IllegalMoveError):
            await kernel.unsay(run, "k")
        await kernel.run_agent(run)
        assert heard(model.asked[0].messages) == []


async def test_another_process_may_say_something(tmp_path: Path) -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes())
    tools = acting(world.waits), acting(World().acts, name="row")
    async with crewed(model, *tools, at=tmp_path) as kernel:
        run = await started(kernel, SAILOR)
        task = await working(kernel, run, world)
        decisions = Decisions(kernel.store)
        await decisions.say(run.run_id, "from the bridge")
        world.door.set()
        await task
        assert heard(model.asked[1].messages) == ["from the bridge"]


# -- tools


def offered(asked: object) -> set[str]:
    return {tool.name for tool in asked.tools} - {"ask", "finish"}  # type: ignore[attr-defined]


async def test_a_scope_is_staged_and_applies_from_the_next_request_on() -> None:
    world, model = World(), scripted(calls(("pay", {})), calls(("row", {})), finishes())
    rowed = World()
    async with crewed(model, acting(world.waits), acting(rowed.acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        task = await working(kernel, run, world)
        changed = await kernel.scope(run, "deny", ["row"], actor=ADA)
        assert changed.actor == ADA
        conditions = run.state.conditions
        await run.driver.refresh()
        conditions = run.state.conditions
        assert (conditions.scope_revision, conditions.scope_applied) == (1, 0)
        world.door.set()
        await task
        assert [offered(asked) for asked in model.asked] == [{"pay", "row"}, {"pay"}, {"pay"}]
        assert told(model.asked[2].messages)[-1].startswith("access denied: 'row'")
        assert rowed.count == 0
        assert run.state.conditions.scope_applied == 1


async def test_a_call_asked_for_before_the_scope_changed_is_still_made() -> None:
    world, rowed = World(), World()
    model = scripted(calls(("pay", {}), ("row", {})), finishes())
    async with crewed(model, acting(world.waits), acting(rowed.acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        task = await working(kernel, run, world)
        await kernel.scope(run, "allow", ["pay"])
        world.door.set()
        await task
        assert rowed.count == 1


async def test_filters_combine_so_that_each_must_let_a_tool_through() -> None:
    model = scripted(says("hm"), says("hm"), finishes())
    async with crewed(model, acting(World().acts), acting(World().acts, name="row")) as kernel:
        run = await started(kernel, AgentSpec(name="sailor", tools=("pay",)))
        with pytest.raises(InvalidError, match="no tools"):
            await kernel.scope(run, "allow", ["fly"])
        await kernel.scope(run, "allow", ["row"])
        await kernel.run_agent(run)
        assert [offered(asked) for asked in model.asked] == [set(), set(), set()]


async def test_a_filter_for_one_turn_stands_upon_the_others_and_is_gone_behind_it() -> None:
    model = scripted(says("hm"), says("hm"), finishes())
    async with crewed(model, acting(World().acts), acting(World().acts, name="row")) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.scope(run, "deny", ["row"], for_turn=True)
        await kernel.run_agent(run)
        assert [offered(asked) for asked in model.asked] == [
            {"pay"},
            {"pay", "row"},
            {"pay", "row"},
        ]


async def test_control_tools_cannot_be_filtered_and_a_stale_revision_changes_nothing() -> None:
    async with crewed(scripted(finishes())) as kernel:
        run = await started(kernel, PLAIN)
        for name in ("finish", "ask"):
            with pytest.raises(InvalidError, match="cannot be filtered"):
                await kernel.scope(run, "deny", [name])
        with pytest.raises(InvalidError, match="no scope"):
            await kernel.scope(run, "most", ["x"])  # type: ignore[arg-type]
        with pytest.raises(InvalidError):
            await kernel.scope(run, "allow", [])
        await kernel.scope(run, "all", revision=0)
        with pytest.raises(ConflictError, match="revision 1"):
            await kernel.scope(run, "all", revision=0)
        result = await kernel.run_agent(run)
        assert result.status == "succeeded"


async def test_who_has_no_tools_knows_those_that_the_run_has_pinned(tmp_path: Path) -> None:
    tools = acting(World().acts), acting(World().acts, name="row")
    async with crewed(scripted(finishes()), *tools, at=tmp_path) as kernel:
        run = await started(kernel, SAILOR)
        await Decisions(kernel.store).scope(run.run_id, "deny", ["row"])
        with pytest.raises(InvalidError, match="fly"):
            await Decisions(kernel.store).scope(run.run_id, "deny", ["fly"])
