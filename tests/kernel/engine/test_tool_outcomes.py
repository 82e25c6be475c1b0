"""The table of BEHAVIOURS A8: what a return, an error, a timeout or a stop means, by effect."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from quarterdeck_kernel import (
    Kernel,
    RetryPolicy,
    Run,
    Tool,
    ToolContext,
    ToolResult,
    tool_of,
)
from quarterdeck_kernel.errors import (
    PermanentToolError,
    QuarterdeckError,
    ReconciliationRequiredError,
    StepInterruptedError,
    ToolFailedError,
    TransientToolError,
)
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.tools.own_threads import OwnThreads
from quarterdeck_kernel.vocabulary.limits import TOOL_RESULT_BYTES
from quarterdeck_kernel.vocabulary.words import Effect
from tests.kernel.engine.deck import (
    SECOND_US,
    WatchedClock,
    World,
    acting,
    events,
    kernel_of,
    length,
    story,
)

ONE_TRY = RetryPolicy(tries=1, timeout_s=10)
EFFECTS: tuple[Effect, ...] = ("read", "idempotent", "once")

Act = Callable[[], object]


def made(act: Act, effect: Effect, *, threaded: bool, retry: RetryPolicy = ONE_TRY) -> Tool:
    """A tool of either kind that does what `act` does."""
    if threaded:

        def pay() -> object:
            return act()

        return tool_of(pay, effect=effect, retry=retry)

    async def pay_async() -> object:
        value = act()
        return await value if isinstance(value, Awaitable) else value

    return tool_of(pay_async, name="pay", effect=effect, retry=retry)


async def stepped(kernel: Kernel, run: Run) -> ToolResult | QuarterdeckError:
    try:
        return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
    except QuarterdeckError as error:
        return error


async def outcome_of(kernel: Kernel, run: Run) -> ToolCompleted:
    last = (await events(kernel, run))[-1].payload
    assert isinstance(last, ToolCompleted)
    return last


async def usable(kernel: Kernel, run: Run) -> bool:
    """Whether the run goes on with another tool."""
    kernel.tools.add(tool_of(lambda: "ok", name="other", effect="read", description="Looks."))
    other = await kernel.step_tool(run=run, step_key="o", tool="other", arguments={})
    return other.value == "ok"


class Unstorable:
    def __repr__(self) -> str:
        raise RuntimeError("not even this")


def loops() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


RETURNS: dict[str, tuple[Act, bool]] = {
    "nothing": (lambda: None, True),
    "text": (lambda: "aye", True),
    "surrogates": (lambda: "\ud800", True),
    "data": (lambda: {"a": [1, 2.5, None]}, True),
    "an object": (Unstorable, False),
    "a circle": (loops, False),
    "nan": (lambda: float("nan"), False),
    "too much": (lambda: "x" * (TOOL_RESULT_BYTES + 1), False),
    "deep": (lambda: eval("[" * 150 + "]" * 150), False),  # noqa: S307 - our own text
}


@pytest.mark.parametrize("threaded", [False, True], ids=["async", "thread"])
@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("name", RETURNS)
async def test_whatever_is_returned_is_success(
    name: str, effect: Effect, *, threaded: bool
) -> None:
    act, readable = RETURNS[name]
    async with kernel_of(made(act, effect, threaded=threaded)) as kernel:
        run = await kernel.start_run(agent="purser")
        for replayed in (False, True):
            result = await stepped(kernel, run)
            assert isinstance(result, ToolResult)
            assert (result.readable, result.replayed) == (readable, replayed)
            if not readable:
                assert result.value is None
                assert "cannot be stored" in result.message.text
        assert await story(kernel, run) == ["intent 1", "success"]
        assert await usable(kernel, run)


class Mute(Exception):  # noqa: N818 - it is no error of ours
    def __str__(self) -> str:
        raise RuntimeError("no words")


def says(error: BaseException) -> Act:
    def act() -> object:
        raise error

    return act


ERRORS: dict[str, tuple[Act, str, str]] = {
    # what is raised: the outcome of read and idempotent ones, and of `once`
    "transient": (says(TransientToolError("busy")), "transient_error", "transient_error"),
    "permanent": (says(PermanentToolError("no")), "permanent_error", "permanent_error"),
    "other": (says(ValueError("odd")), "transient_error", "unknown_outcome"),
    "connection": (says(ConnectionResetError()), "transient_error", "unknown_outcome"),
    "timeout": (says(TimeoutError()), "transient_error", "unknown_outcome"),
    "exit": (says(SystemExit(3)), "transient_error", "unknown_outcome"),
    "interrupt": (says(KeyboardInterrupt()), "transient_error", "unknown_outcome"),
    "cancelled": (says(asyncio.CancelledError()), "transient_error", "unknown_outcome"),
    "stop": (says(StopIteration(1)), "transient_error", "unknown_outcome"),
    "surrogates": (says(ValueError("\ud800\x00")), "transient_error", "unknown_outcome"),
    "long": (says(ValueError("x" * 100_000)), "transient_error", "unknown_outcome"),
    "mute": (says(Mute()), "transient_error", "unknown_outcome"),
}


@pytest.mark.parametrize("threaded", [False, True], ids=["async", "thread"])
@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("name", ERRORS)
async def test_what_is_raised_means_what_the_effect_says(
    name: str, effect: Effect, *, threaded: bool
) -> None:
    act, safe, once = ERRORS[name]
    expected = once if effect == "once" else safe
    async with kernel_of(made(act, effect, threaded=threaded)) as kernel:
        run = await kernel.start_run(agent="purser")
        error = await stepped(kernel, run)
        assert isinstance(
            error,
            ReconciliationRequiredError if expected == "unknown_outcome" else ToolFailedError,
        )
        recorded = await outcome_of(kernel, run)
        assert recorded.outcome == expected
        assert recorded.error is not None
        assert len(recorded.error) < 5_000
        before = await length(kernel, run)
        # Asked again it says the same, executes nothing and appends nothing.
        assert type(await stepped(kernel, run)) is type(error)
        assert await length(kernel, run) == before
        if expected != "unknown_outcome":
            assert await usable(kernel, run)


@pytest.mark.parametrize("effect", EFFECTS)
async def test_an_async_tool_that_takes_too_long_is_stopped(effect: Effect) -> None:
    clock, world = WatchedClock(), World()
    tool = acting(world.waits, effect=effect, retry=ONE_TRY)
    async with kernel_of(tool, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(10 * SECOND_US)
        error = await task
        recorded = await outcome_of(kernel, run)
        assert recorded.cause == "timeout"
        if effect == "once":
            assert isinstance(error, ReconciliationRequiredError)
            assert recorded.outcome == "unknown_outcome"
        else:
            assert isinstance(error, ToolFailedError)
            assert "did not answer within 10 s" in str(error)


@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_thread_that_never_returns_is_left_behind(effect: Effect) -> None:
    clock, door, began = WatchedClock(), threading.Event(), threading.Event()

    def hangs() -> str:
        began.set()
        door.wait(20)
        return "late"

    async with kernel_of(made(hangs, effect, threaded=True), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await asyncio.to_thread(began.wait, 20)
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)  # the grace in which it could have tidied up
        await task
        expected = "unknown_outcome" if effect == "once" else "transient_error"
        assert (await outcome_of(kernel, run)).outcome == expected
        if effect != "once":
            assert await usable(kernel, run)
        door.set()


@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_tool_that_swallows_its_cancellation_is_left_behind(effect: Effect) -> None:
    clock, world, door = WatchedClock(), World(), asyncio.Event()

    async def stubborn(context: ToolContext, amount: int) -> object:
        world.calls.append(context)
        while not door.is_set():
            try:
                await door.wait()
            except asyncio.CancelledError:
                world.log.append("no")
        return amount

    async with kernel_of(acting(stubborn, effect=effect, retry=ONE_TRY), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)
        await task
        assert world.log == ["no"]
        expected = "unknown_outcome" if effect == "once" else "transient_error"
        assert (await outcome_of(kernel, run)).outcome == expected
        door.set()


async def test_a_tool_that_ends_in_its_grace_is_believed() -> None:
    clock, world = WatchedClock(), World()

    async def tidies(context: ToolContext, amount: int) -> object:
        world.calls.append(context)
        try:
            await world.door.wait()
        except asyncio.CancelledError:
            return {"paid": amount}
        return None

    async with kernel_of(acting(tidies, retry=ONE_TRY), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(10 * SECOND_US)
        result = await task
        assert isinstance(result, ToolResult)
        assert result.value == {"paid": 1}


@pytest.mark.parametrize("effect", EFFECTS)
async def test_an_error_in_the_grace_does_not_hide_that_it_was_broken_off(effect: Effect) -> None:
    world = World()

    async def cleans_badly(context: ToolContext, _amount: int) -> object:
        world.calls.append(context)
        world.arrived.set()
        try:
            await world.door.wait()
        except asyncio.CancelledError:
            raise ValueError("while cleaning up") from None
        return None

    async with kernel_of(acting(cleans_badly, effect=effect, retry=ONE_TRY)) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await outcome_of(kernel, run)).cause == "cancelled"


@pytest.mark.parametrize("threaded", [False, True], ids=["async", "thread"])
async def test_what_is_printed_is_kept_beside_the_outcome(*, threaded: bool) -> None:
    def prints() -> str:
        print("loading \ud83d \x1b[31m")  # noqa: T201 - what a user's tool does
        return "done"

    async with kernel_of(made(prints, "once", threaded=threaded)) as kernel:
        run = await kernel.start_run(agent="purser")
        await stepped(kernel, run)
        recorded = await outcome_of(kernel, run)
        assert recorded.printed is not None
        assert recorded.printed.startswith("loading")


async def test_a_call_that_finds_no_thread_was_not_made_and_goes_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    none = OwnThreads(1)
    none._free.acquire()
    async with kernel_of(made(lambda: "paid", "once", threaded=True)) as kernel:
        run = await kernel.start_run(agent="purser")
        with monkeypatch.context() as patch:
            patch.setattr("quarterdeck_kernel.tools.call.TOOL_CALLS", none)
            assert isinstance(await stepped(kernel, run), StepInterruptedError)
        assert isinstance(await stepped(kernel, run), ToolResult)
        assert await story(kernel, run) == ["intent 1", "not_dispatched", "intent 1", "success"]


async def test_arguments_that_fit_no_more_at_the_call_close_their_intent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tool = made(lambda: "paid", "once", threaded=False)

    def broken(*_: object) -> None:
        raise RecursionError("a validator of the user's")

    async with kernel_of(tool) as kernel:
        run = await kernel.start_run(agent="purser")
        with monkeypatch.context() as patch:
            patch.setattr(type(tool.arguments), "values", broken)
            assert isinstance(await stepped(kernel, run), StepInterruptedError)
        assert isinstance(await stepped(kernel, run), ToolResult)
