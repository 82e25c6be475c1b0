"""Loops and errors in a row: what is folded, what is told, what a restart remembers."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel import Kernel, Run, ToolAsk, ToolResult
from quarterdeck_kernel.errors import DeniedError, PermanentToolError, RunHeldError, ToolFailedError
from quarterdeck_kernel.events.guard_events import CircuitOpened, GuardDenied
from quarterdeck_kernel.guards.breaker import BreakerGuard
from quarterdeck_kernel.guards.loop import LoopGuard, repetitions
from tests.kernel.engine.deck import ADA, World, acting, events, kernel_of, raising, story
from tests.kernel.engine.model_stage import STEADY, Stage, says

watched = partial(kernel_of, safeguards=None)
"""With what a kernel has against loops and errors in a row where nobody says otherwise."""

TOLD = "came 3 times in a row"


async def made(kernel: Kernel, run: Run, *amounts: int) -> list[str]:
    """Call `pay` once for each amount; return how it went, in a word each."""
    words: list[str] = []
    for amount in amounts:
        key = f"step-{run.state.head_seq}"
        try:
            result = await kernel.step_tool(
                run=run, step_key=key, tool="pay", arguments={"amount": amount}
            )
        except DeniedError:
            words.append("blocked")
        else:
            words.append("warned" if "in a row" in result.message.text else "done")
    return words


async def test_the_third_same_call_is_warned_of_and_the_fifth_is_not_made() -> None:
    world = World()
    async with watched(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        words = await made(kernel, run, 1, 1, 1, 1, 1, 1)
        assert words == ["done", "done", "warned", "warned", "blocked", "blocked"]
        assert world.count == 4
        denials = [
            e.payload for e in await events(kernel, run) if isinstance(e.payload, GuardDenied)
        ]
        assert [(d.guard, d.rule) for d in denials] == [("loop", "repeated")] * 2
        assert await made(kernel, run, 2, 1, 1) == ["done", "done", "done"]


async def test_what_the_model_is_told_is_on_record_and_replays() -> None:
    async with watched(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        for number in range(3):
            first = await kernel.step_tool(
                run=run, step_key=f"{number}", tool="pay", arguments={"amount": 1}
            )
        again = await kernel.step_tool(run=run, step_key="2", tool="pay", arguments={"amount": 1})
        assert again.replayed
        assert again.message == first.message
        assert TOLD in first.message.text
        assert first.value == {"paid": 1}


async def test_the_order_of_keys_makes_no_other_call() -> None:
    world = World()

    async def move(to: str, by: int) -> str:
        return f"{to} {by} {len(world.log)}"

    async with watched() as kernel:
        kernel.tool(name="move", version="1")(move)
        run = await kernel.start_run(agent="purser")
        given = [{"to": "x", "by": 1}, {"by": 1, "to": "x"}, {"to": "x", "by": 1}]
        for number, arguments in enumerate(given):
            result = await kernel.step_tool(
                run=run, step_key=f"{number}", tool="move", arguments=arguments
            )
        assert TOLD in result.message.text


async def test_calls_in_turn_are_a_loop_too() -> None:
    async with watched(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        words = await made(kernel, run, 1, 2, 1, 2, 1, 2, 1)
        assert words == ["done", "done", "done", "warned", "warned", "blocked", "done"]


async def test_calls_of_one_batch_count() -> None:
    world = World()
    async with watched(acting(world.acts, effect="read")) as kernel:
        run = await kernel.start_run(agent="purser")
        calls = [ToolAsk(step_key=f"{n}", tool="pay", arguments={"amount": 1}) for n in range(6)]
        results = await kernel.step_tools(run=run, calls=calls)
        assert [isinstance(result, ToolResult) for result in results] == [True] * 4 + [False] * 2
        assert world.count == 4


async def test_a_restart_forgets_no_call(tmp_path: Path) -> None:
    words: list[str] = []
    for _ in range(5):
        async with watched(acting(World().acts), at=tmp_path) as kernel:
            run = await kernel.start_run(agent="purser", run_id="r", idempotency_key="r")
            words += await made(kernel, run, 1)
    assert words == ["done", "done", "warned", "warned", "blocked"]


async def test_a_call_that_was_not_dispatched_was_not_made() -> None:
    async with watched(acting(World().acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await made(kernel, run, 1, 1)
        assert len(run.state.recent_calls) == 2
        assert len(set(run.state.recent_calls)) == 1


async def test_without_its_guard_nothing_is_blocked() -> None:
    async with kernel_of(acting(World().acts), safeguards=()) as kernel:
        run = await kernel.start_run(agent="purser")
        assert await made(kernel, run, *[1] * 7) == ["done"] * 7


async def test_other_numbers_may_be_set() -> None:
    guards = [LoopGuard(warn_at=2, block_at=3)]
    async with kernel_of(acting(World().acts), safeguards=guards) as kernel:
        run = await kernel.start_run(agent="purser")
        assert await made(kernel, run, 1, 1, 1) == ["done", "warned", "blocked"]


@given(st.text(alphabet="abc", max_size=20))
def test_a_repetition_is_what_its_definition_says(calls: str) -> None:
    found = dict(repetitions(calls))
    for period in range(1, len(calls) // 2 + 1):
        repeats = 0
        while repeats + period < len(calls) and (
            calls[len(calls) - 1 - repeats] == calls[len(calls) - 1 - repeats - period]
        ):
            repeats += 1
        assert found.get(period, 0) == repeats


# -- errors in a row


def failing(times: int) -> list[Exception | None]:
    return [PermanentToolError("no") for _ in range(times)]


async def failed(kernel: Kernel, run: Run, *keys: str) -> None:
    for key in keys:
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(
                run=run, step_key=key, tool="pay", arguments={"amount": len(key)}
            )


async def test_three_errors_in_a_row_open_the_circuit_and_a_release_closes_it(
    tmp_path: Path,
) -> None:
    world = World()
    tool = acting(raising(world, *failing(3)))
    async with watched(tool, at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser", run_id="r")
        await failed(kernel, run, "a", "bb", "ccc")
    async with watched(tool, at=tmp_path) as kernel:
        run = await kernel.load_run("r")
        for _ in range(2):
            with pytest.raises(
                RunHeldError, match=r"held by breaker since event .*3 errors in a row"
            ):
                await failed(kernel, run, "dddd")
        assert run.state.circuit_open
        assert run.state.mode == "recover"
        await kernel.release(run, actor=ADA)
    async with watched(tool, at=tmp_path) as kernel:
        run = await kernel.load_run("r")
        await kernel.step_tool(run=run, step_key="dddd", tool="pay", arguments={"amount": 4})
        assert (await story(kernel, run))[6:] == [
            "circuit_opened",
            "held",
            "released",
            "circuit_closed",
            "intent 1",
            "success",
        ]
        assert (run.state.circuit_open, run.state.vitals.error_streak) == (False, 0)
        (opened,) = [
            e.payload for e in await events(kernel, run) if isinstance(e.payload, CircuitOpened)
        ]
        assert (opened.streak, opened.threshold) == (3, 3)
        assert world.count == 4


async def test_a_success_between_errors_keeps_the_circuit_closed() -> None:
    errors = [*failing(2), None, *failing(2), None]
    async with watched(acting(raising(World(), *errors))) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            await failed(kernel, run, f"{run.state.head_seq}", f"x{run.state.head_seq}")
            assert await made(kernel, run, run.state.head_seq) == ["done"]
        assert not run.state.circuit_open


async def test_the_threshold_may_be_set() -> None:
    guards = [BreakerGuard(threshold=1)]
    async with kernel_of(acting(raising(World(), *failing(1))), safeguards=guards) as kernel:
        run = await kernel.start_run(agent="purser")
        await failed(kernel, run, "a")
        with pytest.raises(RunHeldError):
            await failed(kernel, run, "bb")


async def test_a_model_is_not_asked_while_the_circuit_is_open(stage: Stage) -> None:
    tool = acting(raising(World(), *failing(3)))
    async with await stage.kernel(says("hi"), tools=[tool]) as kernel:
        run = await kernel.start_run(agent="purser")
        await failed(kernel, run, "a", "bb", "ccc")
        with pytest.raises(RunHeldError):
            await kernel.step_model(run=run, step_key="m", prompt="hi", retry=STEADY)
        assert stage.provider.asked == []
        await kernel.release(run, actor=ADA)
        assert (await kernel.step_model(run=run, step_key="m", prompt="hi")).text == "hi"


async def test_who_releases_another_hold_does_not_close_the_circuit() -> None:
    async with watched(acting(raising(World(), *failing(3)))) as kernel:
        run = await kernel.start_run(agent="purser")
        await failed(kernel, run, "a", "bb", "ccc")
        with pytest.raises(RunHeldError):
            await failed(kernel, run, "dddd")
        await kernel.hold(run, actor=ADA)
        await kernel.release(run, actor=ADA)
        assert (await run.driver.refresh()).circuit_open
        await kernel.release(run, actor=ADA)
        assert not (await run.driver.refresh()).circuit_open
