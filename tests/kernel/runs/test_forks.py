"""Forking where a person wants to: what is replayed, what happens again, and what asks first."""

import random
from contextlib import suppress

import pytest

from quarterdeck_kernel import (
    AgentSpec,
    Flow,
    ForkChanges,
    Kernel,
    Moments,
    NewResult,
    Run,
    ToolContext,
)
from quarterdeck_kernel.engine.moments import messages_of
from quarterdeck_kernel.errors import (
    InvalidError,
    NotFoundError,
    PermanentToolError,
    RunPausedError,
)
from quarterdeck_kernel.guards.fork import ForkGuard
from quarterdeck_kernel.guards.verdict import ALLOW
from quarterdeck_kernel.projections.panels import panels
from quarterdeck_kernel.vocabulary.messages import Message
from tests.kernel.agent.agents import (
    Player,
    Said,
    calls,
    crewed,
    finishes,
    of_kind,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import World, acting, events

SAILOR = AgentSpec(name="sailor", tools=("pay",), model="small")
WANDERER = AgentSpec(name="wanderer", tools=("pay", "look"), model="small")
TWICE = (calls(("pay", {"amount": 1})), calls(("pay", {"amount": 2})), finishes("paid"))


async def conversation(kernel: Kernel, run_id: str) -> list[Message]:
    head = (await kernel.store.run(run_id)).head.seq
    lines = (await Moments(kernel.store).moment(run_id, head)).lines
    return await messages_of(kernel.store, run_id, lines)


async def completed(kernel: Kernel, run: Run) -> list[int]:
    return [event.seq for event in await of_kind(kernel, run, "tool_completed")]


async def the_rest_equals(kernel: Kernel, world: World, run: Run, seq: int) -> bool:
    """Fork at an event and give the fork the same inputs; tell whether it becomes the same."""
    before = world.count
    left = len([at for at in await completed(kernel, run) if at > seq])
    fork = await kernel.load_run((await kernel.fork(run, seq)).identity.run_id)
    result = await kernel.run_agent(fork)
    same = ("spend", "vitals", "model", "tools", "pauses", "unknowns", "open")
    mine, theirs = panels(fork.state), panels(run.state)
    # What was open is asked anew, and both times count.
    shared = await Moments(kernel.store).state(run.run_id, seq)
    theirs["spend"]["model_calls"] = run.state.spend.model_calls + len(shared.model_intents)
    theirs["spend"]["tool_calls"] = run.state.spend.tool_calls + len(shared.tool_intents)
    for panel in (mine, theirs):
        panel["spend"].pop("busy_us")
        if shared.vitals.error_streak:
            # A fork begins without the errors that were counted against its parent.
            panel["vitals"].pop("error_streak")
    return (
        result.answer == "paid"
        and world.count - before == left
        and await conversation(kernel, fork.run_id) == await conversation(kernel, run.run_id)
        and [mine[name] for name in same] == [theirs[name] for name in same]
    )


async def test_a_fork_of_any_event_with_the_same_inputs_becomes_the_original() -> None:
    world = World()
    async with crewed(scripted(*TWICE), acting(world.acts, effect="idempotent")) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        head = run.state.head_seq
        assert head > 15
        for seq in range(1, head + 1):
            assert await the_rest_equals(kernel, world, run, seq), f"forked at #{seq}"


def wandering(chance: random.Random) -> list[Said]:
    """Say something else each time: a few calls at once, some that fail, tools nobody has, talk."""
    turns: list[Said] = []
    for _ in range(chance.randint(1, 5)):
        made = [
            (chance.choice(("pay", "pay", "look", "sing")), {"amount": chance.randint(1, 9)})
            for _ in range(chance.randint(1, 3))
        ]
        turns.append(calls(*made, text=chance.choice(("", "on we go")), cost=chance.randint(0, 9)))
    return [*turns, finishes("paid")]


@pytest.mark.parametrize("seed", range(6))
async def test_a_fork_of_any_run_with_the_same_inputs_becomes_the_original(seed: int) -> None:
    chance, world = random.Random(seed), World()

    async def acts(context: ToolContext, amount: int) -> object:
        done = await world.acts(context, amount)
        if amount > 6:
            raise PermanentToolError("there is no such purse")
        return done

    tools = [acting(acts, effect="idempotent"), acting(acts, name="look", effect="read")]
    async with crewed(scripted(*wandering(chance)), *tools) as kernel:
        run = await started(kernel, WANDERER)
        assert (await kernel.run_agent(run)).answer == "paid"
        for seq in chance.sample(range(1, run.state.head_seq + 1), 8):
            assert await the_rest_equals(kernel, world, run, seq), f"forked at #{seq}"


async def test_a_fork_that_repeats_what_is_on_record_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mutant: forks know no step of what they share."""
    world = World()
    async with crewed(scripted(*TWICE), acting(world.acts, effect="idempotent")) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        seq = (await completed(kernel, run))[0]

        async def forgets(*_given: object, **_named: object) -> None:
            return None

        monkeypatch.setattr(type(kernel.store), "step", forgets)
        assert not await the_rest_equals(kernel, world, run, seq)


# -- what asks first


async def twice_in_a_fork(kernel: Kernel, world: World) -> int:
    """Pay in a run and go on in a fork from before; return how often was paid unasked."""
    run = await started(kernel, SAILOR)
    await kernel.run_agent(run)
    intent = (await of_kind(kernel, run, "tool_requested"))[0]
    state = await kernel.fork(run, intent.seq - 1, run_id="fork")
    assert state.conditions.asks_before_once
    fork = await kernel.load_run("fork")
    with suppress(RunPausedError):
        await kernel.run_agent(fork)
    return world.count - 1


async def test_a_once_effect_behind_the_fork_asks_before_it_happens_again() -> None:
    world = World()
    model = scripted(calls(("pay", {})), finishes("paid"))
    async with crewed(model, acting(world.acts)) as kernel:
        assert await twice_in_a_fork(kernel, world) == 0
        fork = await kernel.load_run("fork")
        (pause,) = fork.state.pauses.values()
        assert pause.title == "pay, in a fork: its parent may have done it"
        await kernel.resume(fork, pause.pause_id, decision="approved", digest=pause.digest)
        assert (await kernel.run_agent(fork)).answer == "paid"
        assert world.count == 2
        assert len({call.idempotency_key for call in world.calls}) == 2


async def test_without_its_guard_a_fork_pays_again_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ForkGuard, "judge", lambda _self, _call: ALLOW)
    world = World()
    model = scripted(calls(("pay", {})), finishes("paid"))
    async with crewed(model, acting(world.acts)) as kernel:
        assert await twice_in_a_fork(kernel, world) == 1


async def test_a_fork_of_a_fork_asks_too_and_shares_all_before_it() -> None:
    world = World()
    async with crewed(scripted(*TWICE), acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        first, second = await of_kind(kernel, run, "tool_requested")
        await kernel.fork(run, second.seq - 1, run_id="f")
        # The event is the first run's, and so is the fork.
        early = await kernel.fork("f", first.seq - 1, run_id="early")
        assert early.identity.lineage is not None
        assert early.identity.lineage.parent_run_id == run.run_id
        fork = await kernel.load_run("f")
        with pytest.raises(RunPausedError):
            await kernel.run_agent(fork)
        late = await kernel.fork("f", fork.state.head_seq, run_id="late")
        assert late.conditions.asks_before_once
        assert late.pauses == {}
        with pytest.raises(RunPausedError):
            await kernel.run_agent(await kernel.load_run("late"))
        assert world.count == 2
        rows = {row.run_id: row for row in (await kernel.store.fleet()).rows}
        assert (rows["late"].fork_of, rows["f"].fork_of) == ("f", run.run_id)
        assert rows["f"].fork_seq == second.seq - 1
        assert rows[run.run_id].fork_of is None


async def test_a_once_step_of_a_workflow_asks_in_a_fork_too() -> None:
    paid: list[str] = []

    def pay() -> int:
        paid.append("paid")
        return len(paid)

    async def pays(flow: Flow) -> object:
        return await flow.step("pay", pay, effect="once")

    async with crewed(scripted(*TWICE)) as kernel:
        run = await kernel.start_run(agent="purser")
        assert await kernel.run_workflow(pays, run=run) == 1
        (intent,) = await of_kind(kernel, run, "workflow_step_requested")
        await kernel.fork(run, intent.seq - 1, run_id="f")
        fork = await kernel.load_run("f")
        with pytest.raises(RunPausedError, match="pay, in a fork"):
            await kernel.run_workflow(pays, run=fork)
        assert paid == ["paid"]
        (pause,) = fork.state.pauses
        await kernel.resume(fork, pause, decision="approved")
        assert await kernel.run_workflow(pays, run=fork) == 2
        report = await kernel.check_workflow(pays, run="f")
        assert report.equal, str(report)


# -- the plan


async def test_a_plan_tells_what_is_replayed_and_what_would_happen_again() -> None:
    world = World()
    async with crewed(scripted(*TWICE), acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        first, second = await of_kind(kernel, run, "tool_requested")
        head = run.state.head_seq
        plan = await kernel.plan_fork(run, second.seq - 1)
        assert [effect.seq for effect in plan.recorded] == [first.seq]
        assert [(effect.seq, effect.name) for effect in plan.asks_first] == [(second.seq, "pay")]
        assert (plan.replayed.tool_calls, plan.behind.tool_calls) == (1, 1)
        assert (plan.replayed.model_calls, plan.behind.model_calls) == (2, 1)
        assert (plan.again, plan.unknown, plan.more) == ((), (), False)
        within = await kernel.plan_fork(run, second.seq)
        assert [effect.seq for effect in within.unknown] == [second.seq]
        assert [effect.seq for effect in within.recorded] == [first.seq]
        assert within.replayed.tool_calls == 1, "what is in doubt is on no record"
        (asked, *_) = await of_kind(kernel, run, "model_requested")
        assert (await kernel.plan_fork(run, asked.seq)).replayed.model_calls == 0
        assert (await kernel.store.run(run.run_id)).head.seq == head, "a plan writes nothing"
        with pytest.raises(NotFoundError, match=f"fork it from #1 to #{head}"):
            await kernel.plan_fork(run, head + 1)


async def test_a_plan_is_of_the_fork_with_all_that_is_changed_in_it() -> None:
    async with crewed(scripted(*TWICE), acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        (call, _) = await of_kind(kernel, run, "tool_requested")
        for changes, asks, barred in (
            (ForkChanges(message="go on", model="large"), 2, 0),
            (ForkChanges(scope="deny", tools=("pay",)), 0, 2),
            (ForkChanges(scope="all"), 2, 0),
        ):
            plan = await kernel.plan_fork(run, call.seq - 1, changes=changes)
            assert plan.changed == changes.names
            assert (len(plan.asks_first), len(plan.barred)) == (asks, barred)
        for refused in (
            ForkChanges(scope="deny", tools=("sing",)),
            ForkChanges(model=" "),
            ForkChanges(tools=("pay",)),
        ):
            with pytest.raises(InvalidError):
                await kernel.plan_fork(run, 1, changes=refused)


# -- what is changed


async def test_a_fork_is_told_another_result_and_the_tool_is_not_called_for_it() -> None:
    world = World()
    model = Player(calls(("pay", {})), finishes("one"), finishes("two"))
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        (seq,) = await completed(kernel, run)
        changes = ForkChanges(tool_result=NewResult({"paid": "nothing"}))
        state = await kernel.fork(run, seq, changes=changes, run_id="f")
        assert (state.tool_intents, state.unknowns, state.head_seq) == ({}, {}, seq + 1)
        fork = await kernel.load_run("f")
        assert (await kernel.run_agent(fork)).answer == "two"
        assert told(model.asked[2].messages) == ['{"paid":"nothing"}']
        assert told(await conversation(kernel, run.run_id))[0] == '{"paid":1}'
        assert world.count == 1
        plan = await kernel.plan_fork(run, seq, changes=changes)
        assert (plan.unknown, plan.again, plan.seq) == ((), (), seq - 1)
        with pytest.raises(InvalidError, match="name the event of its outcome"):
            await kernel.fork(run, seq + 1, changes=changes)
        assert (await kernel.store.verify()).ok


async def test_a_finished_run_goes_on_in_a_fork_that_is_told_something() -> None:
    model = Player(finishes("one"), finishes("two"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        changes = ForkChanges(message="and now the other one", model="large")
        state = await kernel.fork(run, run.state.head_seq, changes=changes)
        fork = await kernel.load_run(state.identity.run_id)
        assert (await kernel.run_agent(fork)).answer == "two"
        assert model.asked[1].messages[-1].text == "and now the other one"
        assert [request.model for request in model.asked] == ["small", "large"]
        made = next(e for e in await events(kernel, fork) if e.kind == "run_forked")
        assert getattr(made.payload, "changed", ()) == ("model", "message")


async def test_the_tools_of_a_fork_are_narrowed_from_its_first_request_on() -> None:
    model = Player(finishes("one"), finishes("two"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        state = await kernel.fork(
            run, 1, changes=ForkChanges(scope="deny", tools=("pay",)), run_id="f"
        )
        assert state.conditions.scope_tools == ("pay",)
        await kernel.run_agent(await kernel.load_run("f"))
        offered = [[tool.name for tool in request.tools] for request in model.asked]
        assert "pay" in offered[0]
        assert "pay" not in offered[1]
        with pytest.raises(InvalidError, match="no tools"):
            await kernel.fork(run, 1, changes=ForkChanges(scope="deny", tools=("sing",)))
        with pytest.raises(InvalidError, match="the objective is empty"):
            await kernel.fork(run, 1, changes=ForkChanges(objective=" "))
