"""All calls of a turn: judged first, begun at once, and each carried out by its effect."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    ALLOW,
    Deny,
    GuardKind,
    Kernel,
    Pause,
    ProposedCall,
    Run,
    ToolAsk,
    ToolContext,
    ToolResult,
    Verdict,
)
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.errors import (
    DeniedError,
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    RunPausedError,
)
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from tests.kernel.engine.deck import (
    ADA,
    WatchedClock,
    World,
    acting,
    events,
    kernel_of,
    length,
    story,
)


class ByName:
    """Asks about tools named `ask…`, denies those named `deny…`."""

    name = "names"
    kind: GuardKind = "policy"

    async def judge(self, call: ProposedCall) -> Verdict:
        if call.tool.startswith("ask"):
            return Pause(title=f"May I {call.tool}?")
        return Deny(reason="never") if call.tool.startswith("deny") else ALLOW


async def batch(kernel: Kernel, run: Run, *tools: str) -> list[Result]:
    calls = [ToolAsk(step_key=f"s{n}", tool=tool, arguments={}) for n, tool in enumerate(tools)]
    return await kernel.step_tools(run=run, calls=calls)


async def test_intents_and_questions_of_a_batch_are_written_at_once() -> None:
    world = World()
    tools = [acting(world.acts, name=name) for name in ("ask", "deny", "go")]
    tools.append(acting(world.acts, name="look", effect="read"))
    async with kernel_of(*tools, guards=[ByName()]) as kernel:
        run = await kernel.start_run(agent="purser")
        results = await batch(kernel, run, "ask", "go", "deny", "look")
        kinds = [type(result) for result in results]
        assert kinds == [RunPausedError, ToolResult, DeniedError, ToolResult]
        # Both intents, then the question and the denial: behind an open question none could be.
        assert (await story(kernel, run))[:4] == [
            "intent 1",
            "intent 1",
            "pause_requested",
            "guard_denied",
        ]
        times = {event.at_us for event in (await events(kernel, run))[2:6]}
        assert len(times) == 1
        pause = results[0]
        assert isinstance(pause, RunPausedError)
        await kernel.resume(run, pause.pause_id, decision="approved", actor=ADA)
        again = await batch(kernel, run, "ask", "go", "deny", "look")
        assert [isinstance(r, ToolResult) and r.replayed for r in again] == [
            False,
            True,
            False,
            True,
        ]
        assert world.count == 3


@pytest.mark.parametrize("point", ["journal.append.before", "journal.append.after"])
async def test_a_crash_leaves_a_batch_whole_or_not_at_all(point: str) -> None:
    world = World()
    tools = [acting(world.acts, name=name) for name in ("ask", "go", "go2")]
    async with kernel_of(*tools, guards=[ByName()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        before = await length(kernel, run)
        with RaiseAt(point), pytest.raises(Crashed):
            await batch(kernel, run, "go", "ask", "go2")
        after = 0 if point.endswith("before") else 3
        assert (await length(kernel, run), world.count) == (before + after, 0)


async def test_reads_go_together_and_once_effects_one_at_a_time_in_order() -> None:
    world, together = World(), asyncio.Barrier(3)
    running: set[str] = set()

    async def looks(context: ToolContext, _amount: int) -> object:
        async with asyncio.timeout(10):
            await together.wait()
        return context.step_key

    async def pays(context: ToolContext, _amount: int) -> object:
        assert not running, "one at a time"
        running.add(context.step_key)
        world.log.append(context.step_key)
        await asyncio.sleep(0)
        running.discard(context.step_key)
        return None

    tools = acting(looks, name="look", effect="read"), acting(pays)
    async with kernel_of(*tools) as kernel:
        run = await kernel.start_run(agent="purser")
        results = await batch(kernel, run, "pay", "look", "pay", "look", "pay", "look")
        assert all(isinstance(result, ToolResult) for result in results)
        assert world.log == ["s0", "s2", "s4"]


async def test_once_steps_asked_for_at_once_go_one_at_a_time() -> None:
    running: list[str] = []
    most = 0

    async def pays(context: ToolContext, _amount: int) -> object:
        nonlocal most
        running.append(context.step_key)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.remove(context.step_key)
        return None

    async with kernel_of(acting(pays)) as kernel:
        run = await kernel.start_run(agent="purser")
        steps = [
            kernel.step_tool(run=run, step_key=f"s{n}", tool="pay", arguments={}) for n in range(8)
        ]
        await asyncio.gather(*steps)
        assert most == 1


@pytest.mark.parametrize("how", ["hold", "cancel", "cancel now", "unknown"])
async def test_a_later_once_effect_is_not_dispatched_if_something_came_between(how: str) -> None:
    world = World()
    runs: list[Run] = []

    async with kernel_of() as kernel:

        async def first(context: ToolContext, _amount: int) -> object:
            world.calls.append(context)
            if how == "hold":
                await kernel.hold(runs[0].run_id, reason="stop", actor=ADA)
            elif how.startswith("cancel"):
                await kernel.cancel(runs[0].run_id, now=how.endswith("now"), actor=ADA)
            elif world.count == 1:
                raise ConnectionResetError
            return "first"

        kernel.tools.add(acting(first, name="first"))
        kernel.tools.add(acting(world.acts, name="second"))
        runs.append(await kernel.start_run(agent="purser"))
        run = runs[0]
        results = await batch(kernel, run, "first", "second")
        assert world.count == 1
        words = await story(kernel, run)
        assert "not_dispatched" in words
        expected = {"hold": RunHeldError, "unknown": ReconciliationRequiredError}
        assert isinstance(results[1], expected.get(how, RunCancelledError))
        if how.startswith("cancel"):
            assert run.state.status == "cancelled"
            return
        if how == "hold":
            await kernel.release(run, actor=ADA)
        else:
            await kernel.reconcile_tool(
                run=run, step_key="s0", verdict="done", result=1, reason="seen", actor=ADA
            )
        again = await batch(kernel, run, "first", "second")
        assert all(isinstance(result, ToolResult) for result in again)
        assert world.count == 2


async def test_an_approved_once_effect_that_was_stopped_goes_later_by_the_same_approval() -> None:
    world = World()
    runs: list[Run] = []

    async with kernel_of(guards=[ByName()]) as kernel:

        async def first(context: ToolContext, _amount: int) -> object:
            world.calls.append(context)
            if world.count == 1:
                await kernel.hold(runs[0].run_id, reason="stop", actor=ADA)
            return "first"

        kernel.tools.add(acting(first, name="ask1"))
        kernel.tools.add(acting(world.acts, name="ask2"))
        runs.append(await kernel.start_run(agent="purser"))
        run = runs[0]
        for asked in await batch(kernel, run, "ask1", "ask2"):
            assert isinstance(asked, RunPausedError)
            await kernel.resume(run, asked.pause_id, decision="approved", actor=ADA)
        await batch(kernel, run, "ask1", "ask2")
        assert world.count == 1
        await kernel.release(run, actor=ADA)
        results = await batch(kernel, run, "ask1", "ask2")
        assert all(isinstance(result, ToolResult) for result in results)
        assert (await story(kernel, run)).count("pause_requested") == 2


async def test_a_held_run_still_says_what_is_on_record() -> None:
    world = World()
    tools = [acting(world.acts, name=name) for name in ("go", "new")]
    async with kernel_of(*tools) as kernel:
        run = await kernel.start_run(agent="purser")
        await batch(kernel, run, "go")
        await kernel.hold(run, reason="stop", actor=ADA)
        before = await length(kernel, run)
        done, refused = await batch(kernel, run, "go", "new")
        assert isinstance(done, ToolResult)
        assert isinstance(refused, RunHeldError)
        assert await length(kernel, run) == before


async def test_a_retry_that_a_person_allowed_goes_while_another_effect_is_unknown() -> None:
    world = World()

    async def breaks(context: ToolContext, _amount: int) -> object:
        world.calls.append(context)
        if context.attempt == 1:
            raise ConnectionResetError
        return "mended"

    # Both were under way when something else failed: a crash leaves two unknowns at once.
    async with kernel_of(acting(breaks), acting(breaks, name="refund")) as kernel:
        run = await kernel.start_run(agent="purser")
        await batch(kernel, run, "pay")
        await kernel.reconcile_tool(run=run, step_key="s0", verdict="retry", actor=ADA)
        await kernel.hold(run, reason="look first", actor=ADA)
        (held,) = await batch(kernel, run, "pay")
        assert isinstance(held, RunHeldError)
        await kernel.release(run, actor=ADA)
        (done,) = await batch(kernel, run, "pay")
        assert isinstance(done, ToolResult)


async def test_a_batch_goes_on_in_a_second_process_where_the_first_died(tmp_path: Path) -> None:
    from tests.kernel.engine.deck import dies

    clock, lost, world = WatchedClock(), World(), World()
    names = ("look", "pay")
    first = [
        acting(lost.waits, name="look", effect="read"),
        acting(lost.acts, name="pay"),
    ]
    second = [acting(world.acts, name=n, effect="read" if n == "look" else "once") for n in names]
    async with (
        kernel_of(*first, at=tmp_path, clock=clock) as dead,
        kernel_of(*second, at=tmp_path, clock=clock) as kernel,
    ):
        run = await dead.start_run(agent="purser")
        task = asyncio.create_task(batch(dead, run, *names))
        await lost.wait_for_call()
        seen = run.state.head_seq
        while "success" not in await story(dead, run):
            seen = await dead.store.wait(after=seen, run_id=run.run_id) or seen
        dies(dead)
        results = await batch(kernel, await kernel.load_run(run.run_id), *names)
        assert [isinstance(r, ToolResult) and r.replayed for r in results] == [False, True]
        assert world.count == 1
        lost.door.set()
        await task
