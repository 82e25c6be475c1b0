"""Probes: asked once, believed when nothing can be on its way any more; and late results."""

import asyncio
import threading
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    CANNOT_TELL,
    NOT_DONE,
    Done,
    RetryPolicy,
    Tool,
    ToolContext,
    tool_of,
)
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
)
from quarterdeck_kernel.events.tool_events import ToolEvidence
from tests.kernel.engine.deck import (
    PATIENT,
    SECOND_US,
    UNKNOWN,
    WatchedClock,
    World,
    acting,
    breaks,
    events,
    in_doubt,
    kernel_of,
    left_open,
    over,
    pays,
    story,
)


def probed(world: World, answer: object) -> Tool:
    """A tool that breaks, and whose probe says `answer`, or raises it."""

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return acting(breaks, probe=probe)


async def test_a_probe_that_says_done_settles_at_once() -> None:
    world = World()
    async with kernel_of(probed(world, Done({"paid": 1}))) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await pays(kernel, run)
        result = await pays(kernel, run)
        assert (result.value, world.count) == ({"paid": 1}, 1)
        assert await story(kernel, run) == [*UNKNOWN, "probe says done"]
        assert (await pays(kernel, run)).replayed


async def test_a_probe_that_says_not_done_lets_the_step_go_again() -> None:
    world, effects = World(), World()

    async def breaks_once(context: ToolContext, amount: int) -> object:
        effects.calls.append(context)
        if effects.count == 1:
            raise ConnectionResetError
        return amount

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        return NOT_DONE

    clock = WatchedClock()
    async with kernel_of(acting(breaks_once, probe=probe), clock=clock) as kernel:
        run = await in_doubt(kernel)
        # The line broke; what was sent over it may be on its way for as long as a call may take.
        clock.advance(121 * SECOND_US)
        result = await pays(kernel, run)
        assert (result.attempt, effects.count, world.count) == (2, 2, 1)
        assert world.calls[0].idempotency_key == effects.calls[0].idempotency_key
        assert await story(kernel, run) == [*UNKNOWN, "probe says retry", "intent 2", "success"]


@pytest.mark.parametrize(
    "answer",
    [CANNOT_TELL, ValueError("\ud800"), SystemExit(1), asyncio.CancelledError(), "yes", None],
    ids=repr,
)
async def test_a_probe_that_cannot_tell_is_evidence_and_is_asked_once(answer: object) -> None:
    world = World()
    async with kernel_of(probed(world, answer)) as kernel:
        run = await in_doubt(kernel)
        for _ in range(3):
            with pytest.raises(ReconciliationRequiredError):
                await pays(kernel, run)
        assert world.count == 1
        assert await story(kernel, run) == [*UNKNOWN, "probe: cannot_tell"]
        # A person may have it asked anew.
        told = await kernel.reconcile_tool(run=run, step_key="s")
        assert (told.outcome, told.settled, told.by) == ("open", False, None)
        assert told.reason is not None
        assert "probe" in told.reason
        assert world.count == 2


async def test_a_probe_that_hangs_cannot_tell() -> None:
    clock, world = WatchedClock(), World()

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        await world.door.wait()
        return NOT_DONE

    async with kernel_of(acting(breaks, probe=probe), clock=clock) as kernel:
        run = await in_doubt(kernel)
        task = asyncio.create_task(pays(kernel, run))
        await clock.passes(30 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        assert await story(kernel, run) == [*UNKNOWN, "probe: cannot_tell"]


async def test_a_step_that_is_cancelled_while_its_probe_hangs_ends_at_once() -> None:
    world = World()

    async def probe(_context: ToolContext) -> object:
        world.arrived.set()
        await world.door.wait()
        return NOT_DONE

    async with kernel_of(acting(breaks, probe=probe)) as kernel:
        run = await in_doubt(kernel)
        task = asyncio.create_task(pays(kernel, run))
        await world.wait_for_call()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await story(kernel, run) == UNKNOWN


async def test_not_done_is_believed_only_when_the_tools_time_has_passed(tmp_path: Path) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    probes = World()

    async def probe(context: ToolContext) -> object:
        probes.calls.append(context)
        return NOT_DONE

    first = kernel_of(acting(lost.waits, retry=PATIENT), at=tmp_path, clock=clock)
    # What counts is the time that the call was given, not what the tool is given now.
    hasty = RetryPolicy(tries=1, timeout_s=1)
    second = kernel_of(acting(world.acts, probe=probe, retry=hasty), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await pays(kernel, run)
        assert probes.count == 1
        clock.advance(2 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await pays(kernel, run)
        assert await story(kernel, run) == [*UNKNOWN, "probe: not_done"]
        clock.advance(9 * SECOND_US)
        assert (await pays(kernel, run)).attempt == 2
        assert (probes.count, world.count) == (2, 1)
        await over(task, lost)


async def test_not_done_is_not_believed_while_a_late_thread_runs() -> None:
    clock, door, began = WatchedClock(), threading.Event(), threading.Event()

    def pay() -> str:
        began.set()
        door.wait(20)
        return "late"

    async def probe() -> object:
        return NOT_DONE

    tool = tool_of(pay, retry=RetryPolicy(tries=1, timeout_s=10), probe=probe)
    async with kernel_of(tool, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(pays(kernel, run))
        await asyncio.to_thread(began.wait, 20)
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        clock.advance(100 * SECOND_US)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await pays(kernel, run)
        assert await story(kernel, run) == [*UNKNOWN, "probe: not_done"]
        door.set()
        # What it says in the end is kept beside the unknown; only then is the probe believed.
        await kernel.store.wait(after=run.state.head_seq, run_id=run.run_id)
        assert (await story(kernel, run))[-1] == "late_result: done"


async def test_the_late_result_of_a_call_is_kept_as_evidence() -> None:
    clock, world = WatchedClock(), World()

    async def stubborn(_context: ToolContext, amount: int) -> object:
        while not world.door.is_set():
            try:
                await world.door.wait()
            except asyncio.CancelledError:
                continue
        return {"paid": amount}

    async with kernel_of(acting(stubborn), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(pays(kernel, run))
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        world.door.set()
        await kernel.store.wait(after=run.state.head_seq, run_id=run.run_id)
        evidence = (await events(kernel, run))[-1].payload
        assert isinstance(evidence, ToolEvidence)
        assert (evidence.source, evidence.verdict, evidence.detail) == (
            "late_result",
            "done",
            {"paid": 1},
        )
        with pytest.raises(ReconciliationRequiredError):
            await pays(kernel, run)
