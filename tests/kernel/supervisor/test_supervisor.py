"""The supervisor: what it drives, what it leaves alone, what wakes it, how it stops."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec, Kernel, Run
from quarterdeck_kernel.agent.result import AgentResult
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import InvalidError, LeaseHeldError
from quarterdeck_kernel.kernel.supervising import SupervisedKernel
from quarterdeck_kernel.store.subscription import subscribe
from quarterdeck_kernel.supervisor import supervisor as module
from quarterdeck_kernel.supervisor.lookout import Lookout
from quarterdeck_kernel.supervisor.supervisor import LOOK_US, Supervisor
from tests.kernel.agent.agents import calls, crewed, finishes, of_kind, scripted, started
from tests.kernel.engine.deck import SECOND_US, WatchedClock, World, acting
from tests.kernel.supervisor.watch import watched

SAILOR = AgentSpec(name="sailor", tools=("pay",))
PAYS = (calls(("pay", {})), finishes())
ASKS = (calls(("ask", {"question": "on?"})), finishes())


async def status(kernel: Kernel, run: Run) -> str:
    return (await kernel.journal(run)).state.status


async def until(kernel: Kernel, run_id: str | None, kind: str) -> None:
    """Wait until an event of a kind is written."""
    async with asyncio.timeout(20):
        async for _, record in subscribe(kernel.store, run_id=run_id):
            if record.kind == kind:
                return


async def test_runs_that_are_queued_before_and_after_it_begins_are_driven_to_their_end() -> None:
    world = World()
    async with crewed(scripted(*PAYS), acting(world.acts)) as kernel:
        before = [await started(kernel, SAILOR) for _ in range(3)]
        async with watched(kernel) as watch:
            await watch.idle()
            after = await started(kernel, SAILOR)
            await watch.idle()
        for run in (*before, after):
            assert await status(kernel, run) == "succeeded"
        assert world.count == 4
        assert watch.told("ended") == ["succeeded"] * 4


async def test_no_more_runs_are_at_work_than_it_may_drive_and_tenants_take_turns() -> None:
    world, most = World(), 0
    order: list[str] = []

    async def body(context: object, amount: int) -> object:
        nonlocal most
        most = max(most, len(watch.supervisor.at_work))
        order.append(context.tenant)  # type: ignore[attr-defined]
        return await world.acts(context, amount)  # type: ignore[arg-type]

    async with crewed(scripted(*PAYS), acting(body)) as kernel:
        for _ in range(6):
            await started(kernel, SAILOR, tenant="big")
        await started(kernel, SAILOR, tenant="small")
        async with watched(kernel, at_once=2) as watch:
            await watch.idle()
        assert most == 2
        assert len(order) == 7
        # It was queued last, and does not wait for six others.
        assert order.index("small") <= 2


async def test_a_decision_wakes_the_run_that_waits_for_it() -> None:
    async with crewed(scripted(*ASKS)) as kernel:
        run = await started(kernel, AgentSpec(name="asker"))
        async with watched(kernel) as watch:
            await watch.idle()
            assert len(watch.told("stopped")) == 1
            journal = await kernel.journal(run)
            (pause_id,) = journal.state.pauses
            await kernel.resume(run, pause_id, answer="yes")
            await watch.idle()
        assert await status(kernel, run) == "succeeded"


async def test_a_decision_made_through_another_store_wakes_it_too(tmp_path: Path) -> None:
    async with crewed(scripted(*ASKS), at=tmp_path) as kernel, watched(kernel) as watch:
        run = await started(kernel, AgentSpec(name="asker"))
        await watch.idle()
        async with crewed(scripted(), at=tmp_path) as other:
            (pause_id,) = (await other.journal(run.run_id)).state.pauses
            await other.resume(run.run_id, pause_id, answer="yes")
            await watch.idle()
            assert await status(other, run) == "succeeded"


async def test_what_waits_is_left_waiting_and_what_is_held_is_left_held() -> None:
    async with crewed(scripted(*ASKS)) as kernel:
        waits = await started(kernel, AgentSpec(name="asker"))
        async with watched(kernel) as watch:
            await watch.idle()
        held = await started(kernel, AgentSpec(name="asker"))
        await kernel.hold(held)
        async with watched(kernel) as watch:
            await watch.idle()
            assert watch.notices == []
            await kernel.release(held)
            await watch.idle()
            assert len(watch.told("stopped")) == 1
        assert (await kernel.journal(waits)).state.pauses


async def test_a_run_that_is_to_be_cancelled_while_it_waits_ends() -> None:
    async with crewed(scripted(*ASKS)) as kernel:
        run = await started(kernel, AgentSpec(name="asker"))
        async with watched(kernel) as watch:
            await watch.idle()
            await kernel.cancel(run)
            await watch.idle()
        assert await status(kernel, run) == "cancelled"


async def test_a_deadline_ends_a_run_that_waits_when_its_time_is_over() -> None:
    clock = WatchedClock()
    async with crewed(scripted(*ASKS), clock=clock) as kernel:
        spec = AgentSpec(name="asker", deadline_s=60)
        run = await started(kernel, spec)
        async with watched(kernel) as watch:
            await watch.idle()
            clock.advance(61 * SECOND_US)
            await until(kernel, run.run_id, "run_timed_out")
        assert await status(kernel, run) == "timed_out"


async def test_a_run_that_its_driver_left_is_seen_and_taken_up_though_no_event_tells_of_it() -> (
    None
):
    clock, world = WatchedClock(), World()
    async with crewed(scripted(*PAYS), acting(world.acts), clock=clock) as kernel:
        run = await started(kernel, SAILOR)
        await run.driver.take_up()
        async with watched(kernel) as watch:
            await watch.idle()
            assert watch.notices == []
            await kernel.let_go(run)
            while not watch.notices:
                await clock.passes(LOOK_US)
                await watch.idle()
        assert await status(kernel, run) == "succeeded"


async def test_an_error_nobody_expected_holds_its_run_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, whole = World(), SupervisedKernel.go_on

    async def stumbles(host: SupervisedKernel, driver: RunDriver) -> AgentResult:
        if driver.run_id == bad.run_id:
            await driver.take_up()
            raise ZeroDivisionError("by nothing")
        return await whole(host, driver)

    monkeypatch.setattr(SupervisedKernel, "go_on", stumbles)
    async with crewed(scripted(*PAYS), acting(world.acts)) as kernel:
        bad = await started(kernel, SAILOR)
        good = [await started(kernel, SAILOR) for _ in range(3)]
        async with watched(kernel) as watch:
            await watch.idle()
        assert [await status(kernel, run) for run in good] == ["succeeded"] * 3
        state = (await kernel.journal(bad)).state
        assert state.hold is not None
        assert state.hold.reason == "ZeroDivisionError: by nothing"
        assert watch.told("failed") == ["ZeroDivisionError: by nothing"]


async def test_a_registered_agent_that_was_changed_is_adopted_and_an_unusable_one_is_not() -> None:
    world = World()
    async with crewed(scripted(*ASKS, finishes()), acting(world.acts)) as kernel:
        one = await started(kernel, AgentSpec(name="one"))
        two = await started(kernel, AgentSpec(name="two"))
        kernel.agent(AgentSpec(name="one", prompt="Row."))
        kernel.agent(AgentSpec(name="two", tools=("never registered",)))
        async with watched(kernel) as watch:
            await watch.idle()
            for run in (one, two):
                (pause_id,) = (await kernel.journal(run)).state.pauses
                await kernel.resume(run, pause_id, answer="yes")
            await watch.idle()
        assert len(await of_kind(kernel, one, "agent_changed")) == 1
        assert await of_kind(kernel, two, "agent_changed") == []
        assert [await status(kernel, run) for run in (one, two)] == ["succeeded"] * 2


async def test_a_child_is_left_to_the_tool_of_its_parent() -> None:
    world = World()
    child = AgentSpec(name="mate", tools=("pay",))
    captain = AgentSpec(name="captain", lends=("pay",), sub_agents=(child,))
    model = scripted(
        calls(("mate", {"task": "pay it"}), times=1),
        calls(("pay", {}), when={"said": "pay it", "results": 0}),
        finishes(times=None),
    )
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, captain, "sail")
        async with watched(kernel) as watch:
            await watch.idle()
        assert await status(kernel, run) == "succeeded"
        assert [n.run_id for n in watch.notices if n.what == "taken_up"] == [run.run_id]


async def test_draining_lets_a_step_finish_and_begins_nothing_new() -> None:
    world = World()
    model = scripted(calls(("pay", {})), calls(("pay", {"amount": 2})), finishes())
    async with crewed(model, acting(world.waits, effect="once")) as kernel:
        run = await started(kernel, SAILOR)
        async with watched(kernel) as watch:
            await world.wait_for_call()
            watch.supervisor.drain()
            later = await started(kernel, SAILOR)
            world.door.set()
            async with asyncio.timeout(20):
                await asyncio.wait([watch.task])
        state = (await kernel.journal(run)).state
        assert state.status == "running"
        assert not state.unknowns
        assert world.count == 1
        assert len(await of_kind(kernel, run, "tool_completed")) == 1
        assert not (await kernel.store.lease(run.run_id)).live
        assert await status(kernel, later) == "queued"


async def _drained_and_taken_back() -> list[str]:
    """Take a drain back while a run is at work; one was begun meanwhile. Return what became."""
    world = World()
    model = scripted(*PAYS, *PAYS)
    async with crewed(model, acting(world.waits)) as kernel:
        run = await started(kernel, SAILOR)
        async with watched(kernel) as watch:
            await world.wait_for_call()
            watch.supervisor.drain()
            later = await started(kernel, SAILOR)
            watch.supervisor.go_on()
            world.door.set()
            await watch.idle()
        return [await status(kernel, each) for each in (run, later)]


async def test_a_drain_that_is_taken_back_leaves_nothing_behind() -> None:
    assert await _drained_and_taken_back() == ["succeeded", "succeeded"]


async def test_a_drain_that_cannot_be_taken_back_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Supervisor, "go_on", lambda _: None)
    assert (await _drained_and_taken_back())[1] == "queued"


async def test_draining_does_not_wait_for_a_child_that_waits_for_a_person() -> None:
    captain = AgentSpec(name="captain", sub_agents=(AgentSpec(name="mate"),))
    model = scripted(
        calls(("ask", {"question": "which?"}), when={"said": "pay it"}),
        calls(("mate", {"task": "pay it"})),
    )
    async with crewed(model) as kernel:
        run = await started(kernel, captain, "sail")
        async with watched(kernel) as watch:
            await until(kernel, None, "pause_requested")
            watch.supervisor.drain()
            async with asyncio.timeout(20):
                await asyncio.wait([watch.task])
        state = (await kernel.journal(run)).state
        assert state.status == "running"
        assert not state.unknowns
        assert not state.tool_intents


async def one_beside_a_child_that_waits(patience_s: float = 20) -> list[str]:
    """Drive, one at once, a parent whose child waits for a person, and another run behind it."""
    captain = AgentSpec(name="captain", sub_agents=(AgentSpec(name="mate"),))
    model = scripted(
        calls(("ask", {"question": "on?"}), when={"said": "pay it"}),
        calls(("mate", {"task": "pay it"}), when={"said": "command"}),
        finishes(times=None),
    )
    async with crewed(model) as kernel:
        first = await started(kernel, captain, objective="command")
        async with watched(kernel, at_once=1) as watch:
            await until(kernel, None, "pause_requested")
            other = await started(kernel, AgentSpec(name="cook"))
            async with asyncio.timeout(patience_s):
                await until(kernel, other.run_id, "run_succeeded")
            (row,) = (await kernel.store.inbox()).rows
            await kernel.resume(row.run_id, row.item_id, answer="yes")
            await watch.idle()
        return [await status(kernel, run) for run in (first, other)]


async def test_a_run_whose_sub_agents_wait_for_a_person_keeps_nobody_from_work() -> None:
    assert await one_beside_a_child_that_waits() == ["succeeded", "succeeded"]


async def test_a_run_that_keeps_its_place_while_its_child_waits_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SupervisedKernel, "rests", lambda *_: False)
    with pytest.raises(TimeoutError):
        await one_beside_a_child_that_waits(patience_s=0.5)


async def test_a_second_stop_breaks_off_what_is_under_way_and_tells_the_truth() -> None:
    world = World()
    model = scripted(*PAYS)
    async with crewed(model, acting(world.waits, effect="once")) as kernel:
        run = await started(kernel, SAILOR)
        async with watched(kernel) as watch:
            await world.wait_for_call()
            watch.supervisor.drain()
            watch.supervisor.stop()
            async with asyncio.timeout(20):
                await asyncio.wait([watch.task])
        assert len((await kernel.journal(run)).state.unknowns) == 1


async def test_a_run_that_code_drives_is_left_to_it() -> None:
    async with crewed(scripted()) as kernel:
        run = await kernel.start_run(agent="script")
        async with watched(kernel) as watch:
            await watch.idle()
            assert watch.notices == []
        assert await status(kernel, run) == "queued"


async def test_a_run_that_somebody_drives_already_is_left_to_them() -> None:
    world = World()
    async with crewed(scripted(*PAYS), acting(world.waits)) as kernel:
        run = await started(kernel, SAILOR)
        mine = asyncio.create_task(kernel.run_agent(run))
        await world.wait_for_call()
        async with watched(kernel) as watch:
            await kernel.say(run, "hurry")
            await watch.idle()
            assert watch.notices == []
            with pytest.raises(LeaseHeldError):
                await kernel.run_agent(run)
            world.door.set()
            assert (await mine).status == "succeeded"


async def test_none_at_once_is_refused() -> None:
    async with crewed(scripted()) as kernel:
        with pytest.raises(InvalidError, match="1 or more"):
            kernel.supervisor(at_once=0)


async def test_mutants_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above rest upon: without it they fail."""

    async def anybody(_self: Lookout, _row: object) -> bool:
        return True

    with monkeypatch.context() as patch:
        patch.setattr(module, "WAKING", frozenset())
        with pytest.raises(AssertionError):
            await test_a_decision_wakes_the_run_that_waits_for_it()
    with monkeypatch.context() as patch:
        patch.setattr(Lookout, "wants_driver", anybody)
        with pytest.raises((AssertionError, TimeoutError)):
            await test_a_child_is_left_to_the_tool_of_its_parent()
