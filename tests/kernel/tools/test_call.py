"""Calls: awaited or in threads, given up on and still learnt, never a danger to the loop."""

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable

import pytest

from quarterdeck_kernel.errors import ToolAbortedError, ToolNotStartedError, TransientToolError
from quarterdeck_kernel.tools import call as call_module
from quarterdeck_kernel.tools.call import Call
from quarterdeck_kernel.tools.own_threads import OwnThreads
from quarterdeck_kernel.tools.tool_of import tool_of
from tests.kernel.tools.calls import CONTEXT, returned


def begun(function: Callable[[], object], *, threaded: bool) -> Call:
    call = Call("work")
    call.start(function, threaded=threaded)
    return call


async def ended(call: Call) -> None:
    """Wait until the call has truly ended, however that was."""
    await asyncio.wait([call.future])


class Gate:
    """Holds a call until the test lets it go, in a thread or in the loop."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def wait(self) -> str:
        self.entered.set()
        assert self.open.wait(30)
        return "late"


async def entered(gate: Gate) -> None:
    await asyncio.to_thread(gate.entered.wait, 30)


async def test_a_coroutine_runs_in_the_loop_and_a_function_in_a_thread_of_its_own() -> None:
    async def here() -> int:
        return threading.get_ident()

    def there() -> tuple[int, bool, str]:
        thread = threading.current_thread()
        return threading.get_ident(), thread.daemon, thread.name

    assert await returned(here) == threading.get_ident()
    answer = await returned(there)
    assert isinstance(answer, tuple)
    assert answer[0] != threading.get_ident()
    assert answer[1:] == (True, "there")


@pytest.mark.parametrize("threaded", [False, True])
async def test_what_is_raised_is_raised_as_it_is(*, threaded: bool) -> None:
    error = TransientToolError("try again")

    def fail() -> None:
        raise error

    call = begun(fail, threaded=threaded)
    with pytest.raises(TransientToolError) as caught:
        await call.result()
    assert caught.value is error


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        BaseExceptionGroup("a", [SystemExit()]),
    ],
    ids=repr,
)
async def test_what_would_end_the_program_ends_the_call_alone(
    error: BaseException, *, threaded: bool
) -> None:
    def escape() -> None:
        raise error

    call = begun(escape, threaded=threaded)
    with pytest.raises(ToolAbortedError, match="how far it got is not known") as caught:
        await call.result()
    assert caught.value.__cause__ is error
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_an_exit_within_a_coroutine_ends_the_call_alone() -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        sys.exit(3)

    with pytest.raises(ToolAbortedError, match=r"SystemExit\(3\)"):
        await returned(leave)


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_stop_iteration_does_not_get_lost_in_a_future(*, threaded: bool) -> None:
    call = begun(lambda: next(iter(())), threaded=threaded)
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await call.result()


async def test_whoever_stops_waiting_for_a_thread_still_learns_how_it_ended() -> None:
    gate = Gate()
    call = begun(gate.wait, threaded=True)
    waiting = asyncio.create_task(call.result())
    await entered(gate)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    call.cancel()
    assert call.cancelled
    assert not call.future.done()

    learnt: list[object] = []
    call.future.add_done_callback(lambda future: learnt.append(future.result()))
    gate.open.set()
    await ended(call)
    assert learnt == ["late"]


async def test_a_coroutine_that_is_asked_to_stop_says_that_it_did() -> None:
    begins = asyncio.Event()

    async def hang() -> None:
        begins.set()
        await asyncio.Event().wait()

    call = begun(hang, threaded=False)
    await begins.wait()
    call.cancel()
    with pytest.raises(ToolAbortedError, match="was asked to stop, and did"):
        await call.result()


async def test_a_coroutine_that_will_not_stop_is_learnt_of_late() -> None:
    begins, ends = asyncio.Event(), asyncio.Event()

    async def stubborn() -> str:
        begins.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ends.wait()
        return "late"

    call = begun(stubborn, threaded=False)
    await begins.wait()
    call.cancel()
    ends.set()
    assert await call.result() == "late"


async def test_a_coroutine_stopped_before_its_first_step_has_done_nothing() -> None:
    def never() -> None:
        pytest.fail("it was called")

    call = begun(never, threaded=False)
    call.cancel()
    with pytest.raises(ToolAbortedError, match="nothing has happened"):
        await call.result()


async def test_a_failure_that_nobody_waits_for_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        message = "alone"
        raise ValueError(message)

    for threaded in (False, True):
        await ended(begun(fail, threaded=threaded))
    assert not caplog.records


async def test_a_function_may_return_something_to_be_awaited() -> None:
    async def later() -> int:
        return threading.get_ident()

    def now() -> Awaitable[int]:
        return later()

    assert await returned(now) == threading.get_ident()


@pytest.mark.parametrize("step", ["before", "after"])
async def test_something_to_be_awaited_can_be_stopped_too(step: str) -> None:
    gate = Gate()

    async def later() -> None:
        await asyncio.Event().wait()

    def now() -> Awaitable[None]:
        gate.wait()
        return later()

    call = begun(now, threaded=True)
    await entered(gate)
    if step == "before":
        call.cancel()
    gate.open.set()
    if step == "after":
        while call._task is None:  # noqa: ASYNC110 - nobody tells of this moment
            await asyncio.sleep(0)
        call.cancel()
    with pytest.raises(ToolAbortedError):
        await call.result()


async def test_whoever_calls_and_is_cancelled_has_the_tool_stopped() -> None:
    begins = asyncio.Event()
    stopped: list[bool] = []

    async def hang() -> None:
        begins.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    tool = tool_of(hang)
    calling = asyncio.create_task(tool.call(CONTEXT, {}))
    await begins.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await asyncio.sleep(0)
    assert stopped == [True]


async def test_the_callers_context_is_seen_and_not_changed() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("outer")

    def look() -> str:
        seen = variable.get()
        variable.set("inner")
        return seen

    for threaded in (False, True):
        assert await begun(look, threaded=threaded).result() == "outer"
    assert variable.get() == "outer"


async def test_hanging_threads_take_no_place_from_the_shared_pool() -> None:
    gates = [Gate() for _ in range(80)]
    calls = [begun(gate.wait, threaded=True) for gate in gates]
    for gate in gates:
        assert await asyncio.to_thread(gate.entered.wait, 30)
    for gate in gates:
        gate.open.set()
    assert await asyncio.gather(*(call.result() for call in calls)) == ["late"] * 80


async def test_beyond_the_bound_a_call_is_refused_before_anything_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call_module, "TOOL_CALLS", OwnThreads(2))
    gates = [Gate(), Gate()]
    calls = [begun(gate.wait, threaded=True) for gate in gates]
    with pytest.raises(ToolNotStartedError, match="2 calls of synchronous tools are running"):
        begun(lambda: pytest.fail("it was called"), threaded=True)
    gates[0].open.set()
    await calls[0].result()
    # Whoever is told of an end finds the place free.
    assert await begun(lambda: "next", threaded=True).result() == "next"
    gates[1].open.set()
    await calls[1].result()


async def test_places_come_back_whatever_a_call_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "TOOL_CALLS", OwnThreads(1))
    for error in (ValueError(), SystemExit(), StopIteration(), asyncio.CancelledError()):

        def fail(error: BaseException = error) -> None:
            raise error

        await ended(begun(fail, threaded=True))
    assert await begun(lambda: 1, threaded=True).result() == 1


async def test_a_system_without_threads_refuses_before_anything_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(call_module, "TOOL_CALLS", OwnThreads(1))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(ToolNotStartedError, match="the system gives no thread"):
                begun(lambda: 1, threaded=True)
    assert await begun(lambda: 1, threaded=True).result() == 1


def test_a_thread_that_outlives_its_loop_ends_in_silence() -> None:
    gate = Gate()
    threads: list[threading.Thread] = []

    def work() -> str:
        threads.append(threading.current_thread())
        return gate.wait()

    async def give_up() -> None:
        begun(work, threaded=True)
        await entered(gate)

    asyncio.run(give_up())
    gate.open.set()
    threads[0].join(30)
    assert not threads[0].is_alive()


def test_a_hanging_tool_does_not_hold_up_the_exit() -> None:
    program = """
import asyncio, threading
from quarterdeck_kernel.tools.call import Call
entered = threading.Event()
def hang():
    entered.set()
    threading.Event().wait()
async def main():
    call = Call("hang")
    call.start(hang, threaded=True)
    await asyncio.to_thread(entered.wait)
asyncio.run(main())
print("over")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("over\n", "")


async def test_the_end_of_the_loop_stops_a_call_as_anything_else() -> None:
    begins = asyncio.Event()

    async def hang() -> None:
        begins.set()
        await asyncio.Event().wait()

    call = begun(hang, threaded=False)
    await begins.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(ToolAbortedError, match="cancelled from within"):
        await call.result()
