"""What a workflow waits for: times, signals, and being told to end; the same at every execution."""

import asyncio

import pytest

from quarterdeck_kernel import Decisions, Flow
from quarterdeck_kernel.engine.workflow_record import WorkflowRecord
from quarterdeck_kernel.errors import (
    ConsistencyError,
    InvalidError,
)
from quarterdeck_kernel.testing.fake_clock import FakeClock
from tests.kernel.kernel.flow_stage import (
    HOUR_US,
    MINUTE_US,
    Stage,
    again,
    begun,
    kinds,
    leave,
    passes,
    sleeps,
    until_recorded,
)

# -- timers


async def test_a_timer_outlasts_its_process_and_fires_once(stage: Stage, clock: FakeClock) -> None:
    async with stage.kernel() as kernel:
        first = asyncio.create_task(kernel.run_workflow(sleeps, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        await leave(first)
    clock.advance(HOUR_US // 2)
    async with stage.kernel() as kernel:
        second = asyncio.create_task(kernel.run_workflow(sleeps, run=await again(kernel)))
        await passes(clock, HOUR_US // 4, second)
        assert not second.done()
        await leave(second)
    clock.advance(HOUR_US)
    async with stage.kernel() as kernel:
        assert await kernel.run_workflow(sleeps, run=await again(kernel)) == "awake"
        names = await kinds(kernel)
        assert (names.count("timer_set"), names.count("timer_fired")) == (1, 1)


async def test_a_timer_fires_while_it_is_waited_for(stage: Stage, clock: FakeClock) -> None:
    async with stage.kernel() as kernel:
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        began_us = clock.now_us()
        while not task.done():
            await passes(clock, 2 * MINUTE_US, task)
        assert await task == "awake"
        assert clock.now_us() - began_us >= HOUR_US - MINUTE_US


@pytest.mark.parametrize(
    "jump", ["forwards", "suspended", "rebooted"], ids=["forwards", "suspended", "rebooted"]
)
async def test_a_clock_that_went_on_without_us_fires_what_is_due(
    stage: Stage, clock: FakeClock, jump: str
) -> None:
    async with stage.kernel() as kernel:
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        await leave(task)
    if jump == "rebooted":
        clock.reboot(down_us=2 * HOUR_US)
        async with stage.kernel() as kernel:
            assert await kernel.run_workflow(sleeps, run=await again(kernel)) == "awake"
        return
    async with stage.kernel() as kernel:
        run = await again(kernel)
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=run))
        await passes(clock, MINUTE_US, task)
        if jump == "forwards":
            clock.jump_wall(2 * HOUR_US)
        else:
            clock.suspend(2 * HOUR_US)
        while not task.done():
            await passes(clock, MINUTE_US, task)
        assert await task == "awake"
        assert (await kinds(kernel)).count("timer_fired") == 1


async def test_a_clock_that_is_set_back_delays_a_timer_and_loses_none(
    stage: Stage, clock: FakeClock
) -> None:
    async with stage.kernel() as kernel:
        task = asyncio.create_task(kernel.run_workflow(sleeps, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        clock.jump_wall(-2 * HOUR_US)
        await passes(clock, HOUR_US, task)
        assert not task.done()
        clock.jump_wall(2 * HOUR_US)
        while not task.done():
            await passes(clock, MINUTE_US, task)
        assert await task == "awake"


async def test_two_timers_side_by_side_fire_in_their_own_time(
    stage: Stage, clock: FakeClock
) -> None:
    async def part(flow: Flow, minutes: int) -> None:
        await flow.sleep(minutes * 60)
        stage.done.append(f"{minutes} min")

    async def workflow(flow: Flow) -> None:
        await flow.gather(part(flow, 30), part(flow, 10))

    async with stage.kernel() as kernel:
        task = asyncio.create_task(kernel.run_workflow(workflow, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set", 2)
        while not task.done():
            await passes(clock, MINUTE_US, task)
        await task
        assert (await kinds(kernel)).count("timer_fired") == 2
    assert stage.done == ["10 min", "30 min"]


# -- signals


async def listens(flow: Flow) -> list[object]:
    return [await flow.signal("wind"), await flow.signal("wind")]


async def test_signals_come_in_order_before_or_while_they_are_waited_for(stage: Stage) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        await kernel.signal("voyage", "wind", data="north")
        await kernel.signal("voyage", "tide", data="low")
        task = asyncio.create_task(kernel.run_workflow(listens, run=run))
        await until_recorded(kernel, "run_started")
        await kernel.signal("voyage", "wind", data="south")
        assert await task == ["north", "south"]
        assert (await kernel.check_workflow(listens, run="voyage")).complete


async def test_the_same_key_twice_is_one_signal(stage: Stage) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        first = await kernel.signal("voyage", "wind", data="north", key="k")
        assert await kernel.signal("voyage", "wind", data="other", key="k") == first
        await kernel.signal("voyage", "wind", data="south", key="l")
        assert await kernel.run_workflow(listens, run=run) == ["north", "south"]


async def test_the_same_key_at_once_from_everywhere_is_one_signal(stage: Stage) -> None:
    async with stage.kernel() as kernel, stage.kernel() as other:
        await begun(kernel)
        sends = [each.signal("voyage", "wind", data="north", key="k") for each in (kernel, other)]
        sends += [kernel.signal("voyage", "wind", data="north", key="k") for _ in range(4)]
        assert len(set(await asyncio.gather(*sends))) == 1
        found = await kernel.store.read("voyage", kinds=("signal_received",))
        assert len(found) == 1


async def test_a_signal_from_another_process_arrives(stage: Stage) -> None:
    async with stage.kernel() as kernel, stage.kernel() as other:
        task = asyncio.create_task(kernel.run_workflow(listens, run=await begun(kernel)))
        await until_recorded(kernel, "run_started")
        await Decisions(other.store).signal("voyage", "wind", data="north")
        await other.signal("voyage", "wind", data="south")
        assert await task == ["north", "south"]


async def test_a_signal_between_two_events_of_the_workflow_is_not_passed_over(
    stage: Stage,
) -> None:
    async with stage.kernel() as kernel, stage.kernel() as other:

        async def body() -> None:
            await other.signal("voyage", "wind", data="north")

        async def workflow(flow: Flow) -> object:
            await flow.step("call", body)
            return await flow.signal("wind")

        assert await kernel.run_workflow(workflow, run=await begun(kernel)) == "north"


async def test_a_record_that_only_looks_behind_its_own_events_misses_signals(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = WorkflowRecord.took

    def careless(record: WorkflowRecord, event: object) -> None:
        took(record, event)  # type: ignore[arg-type]
        record.seq = event.seq  # type: ignore[attr-defined]

    monkeypatch.setattr(WorkflowRecord, "took", careless)
    async with stage.kernel() as kernel, stage.kernel() as other:

        async def workflow(flow: Flow) -> object:
            await flow.step("call", lambda: other.signal("voyage", "wind", data="north"))
            return await flow.signal("wind")

        task = asyncio.create_task(kernel.run_workflow(workflow, run=await begun(kernel)))
        await until_recorded(kernel, "workflow_step_completed")
        for _ in range(50):
            await asyncio.to_thread(lambda: None)
        assert not task.done(), "the mutant waits for ever"
        await leave(task)


async def waits_an_hour(flow: Flow) -> object:
    try:
        return await flow.signal("wind", timeout_s=3600)
    except TimeoutError as error:
        await flow.sleep(0)
        return str(error)


async def test_a_signal_that_is_late_is_a_timeout_at_every_execution(
    stage: Stage, clock: FakeClock
) -> None:
    async with stage.kernel() as kernel:
        task = asyncio.create_task(kernel.run_workflow(waits_an_hour, run=await begun(kernel)))
        await until_recorded(kernel, "timer_set")
        await leave(task)
    clock.advance(2 * HOUR_US)

    async def then_asks(flow: Flow) -> object:
        answer = await waits_an_hour(flow)
        await flow.signal("go")
        return answer

    async with stage.kernel() as kernel:
        run = await again(kernel)
        task = asyncio.create_task(kernel.run_workflow(then_asks, run=run))
        await until_recorded(kernel, "timer_fired", 2)
        await leave(task)
        await kernel.signal("voyage", "wind", data="too late")
        await kernel.signal("voyage", "go")
        answer = await kernel.run_workflow(then_asks, run=run)
        assert answer == "no signal 'wind' came within 3600 s"
        assert (await kernel.check_workflow(then_asks, run="voyage")).complete


async def test_a_signal_that_is_in_time_wins_at_every_execution(
    stage: Stage, clock: FakeClock
) -> None:
    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(waits_an_hour, run=run))
        await until_recorded(kernel, "timer_set")
        await leave(task)
        await kernel.signal("voyage", "wind", data="north")
    clock.advance(2 * HOUR_US)
    async with stage.kernel() as kernel:
        assert await kernel.run_workflow(waits_an_hour, run=await again(kernel)) == "north"
        assert (await kinds(kernel)).count("timer_fired") == 0


async def test_two_who_wait_for_one_signal_at_once_are_refused(stage: Stage) -> None:
    async def workflow(flow: Flow) -> None:
        await flow.gather(flow.signal("wind"), flow.signal("wind"))

    async with stage.kernel() as kernel:
        with pytest.raises(InvalidError, match="let one wait"):
            await kernel.run_workflow(workflow, run=await begun(kernel))


# -- values


async def test_time_chance_and_ids_are_the_same_at_every_execution(
    stage: Stage, clock: FakeClock
) -> None:
    seen: list[object] = []

    async def workflow(flow: Flow) -> None:
        seen.append((await flow.now(), await flow.random(), await flow.uuid(), await flow.uuid()))
        await flow.signal("go")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(workflow, run=run))
        await until_recorded(kernel, "value_recorded", 4)
        await leave(task)
        clock.advance(HOUR_US)
        await kernel.signal("voyage", "go")
    async with stage.kernel() as kernel:
        await kernel.run_workflow(workflow, run=await again(kernel))
    assert seen[0] == seen[1]
    values = seen[0]
    assert isinstance(values, tuple)
    assert values[2] != values[3]
    assert 0 <= values[1] < 1


async def test_another_kind_of_value_is_named(stage: Stage) -> None:
    async def one(flow: Flow) -> None:
        await flow.now()
        await flow.signal("go")

    async def other(flow: Flow) -> None:
        await flow.uuid()

    async def none(flow: Flow) -> None:
        await flow.signal("go")

    async with stage.kernel() as kernel:
        run = await begun(kernel)
        task = asyncio.create_task(kernel.run_workflow(one, run=run))
        await until_recorded(kernel, "value_recorded")
        await leave(task)
        with pytest.raises(ConsistencyError, match=r"as now \(event #\d+\).*asks for uuid"):
            await kernel.run_workflow(other, run=run)
        await kernel.signal("voyage", "go")
        with pytest.raises(ConsistencyError, match="lacks now"):
            await kernel.run_workflow(none, run=run)
