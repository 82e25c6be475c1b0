"""An event loop in which nothing is left to chance but what a seed decides.

One callback at a time, chosen at random among those that are ready; time passes only when nobody
is, straight to the next alarm. It never sleeps, starts no thread, opens no socket, and says who
waits for what when nothing can ever happen again.

Every callback belongs to a lane: a simulated process with a clock of its own, which can be stopped
or ended while the others go on. A task's lane is inherited by the tasks it makes.
"""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

from quarterdeck_kernel.clock import Timer
from quarterdeck_kernel.store.sqlite.folder import LockFile
from quarterdeck_kernel.testing.fake_clock import FakeClock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SECOND_US = 1_000_000
_DRIFTS_ONE_IN = 16
_FRAMES = 3


class DeadlockError(AssertionError):
    """Nothing is ready, no alarm is set, and yet somebody waits."""


class OverrunError(AssertionError):
    """The simulation goes on beyond its bounds: something waits in a circle."""


class Lane:
    """One simulated process, as far as the loop is concerned."""

    def __init__(self, name: str) -> None:
        """Begin with a clock that reads as everybody's at the start."""
        self.name = name
        self.clock = FakeClock()
        self.stopped = False
        self.stands_still = True
        self.owed_us = 0
        self.dead = False
        self.parked: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.locks: list[LockFile] = []

    def drop_locks(self) -> None:
        """Let go of all lock files, as the operating system does when a process has ended."""
        for lock in self.locks:
            if lock._file is not None:  # noqa: SLF001 - nobody but a dying process may do this
                lock._file.close()  # noqa: SLF001
                lock._file = None  # noqa: SLF001
        self.locks.clear()


LANE: ContextVar[Lane] = ContextVar("LANE")
"""The process that the running code belongs to."""


class _Task(asyncio.Task[T]):
    """A task whose place in a set does not depend on where it lies in memory."""

    _numbers = count()

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - those of asyncio.Task
        self._number = next(_Task._numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _LoopTimer(asyncio.TimerHandle):
    """A timer of the loop that is an alarm of its lane's clock."""

    alarm: Timer | None = None

    def cancel(self) -> None:
        """Take the alarm away too: time is not to run to it."""
        super().cancel()
        if self.alarm is not None:
            self.alarm.cancel()


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs the callbacks of all lanes in an order that follows from the seed."""

    def __init__(
        self,
        rng: random.Random,
        *,
        drift_us: int = 0,
        limit_us: int = 24 * 3600 * _SECOND_US,
        limit_steps: int = 2_000_000,
    ) -> None:
        """Begin with one lane, for whatever belongs to no process.

        With `drift_us` up to so much time passes between two callbacks now and then.
        """
        super().__init__()
        self.root = Lane("outside")
        self.lanes = [self.root]
        self.steps = 0
        self.passed_us = 0
        self.failures: list[dict[str, Any]] = []
        self._rng = rng
        self._drift_us = drift_us
        self._limit_us = limit_us
        self._limit_steps = limit_steps
        self._runnable: list[tuple[Lane, asyncio.Handle]] = []
        self.set_debug(False)
        self.set_exception_handler(_note)
        self.set_task_factory(self._made)

    # -- what asyncio asks of a loop

    def time(self) -> float:
        """Return the waking time of the lane that asks."""
        return self._lane(None).clock.monotonic_us() / _SECOND_US

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Add to what is ready; nothing says that who comes first goes first."""
        handle = asyncio.Handle(callback, args, self, context)
        self._queue(self._lane(context), handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set an alarm of the lane's clock."""
        lane = self._lane(context)
        when = lane.clock.monotonic_us() / _SECOND_US + delay
        timer = _LoopTimer(when, callback, args, self, context)
        timer.alarm = lane.clock.call_later(
            math.ceil(delay * _SECOND_US), lambda: self._queue(lane, timer)
        )
        return timer

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set an alarm of the lane's clock."""
        delay = when - self._lane(context).clock.monotonic_us() / _SECOND_US
        return self.call_later(delay, callback, *args, context=context)

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002 - there are no threads to choose from
        func: Callable[[Unpack[Ts]], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        """Run what was meant for a thread, some time later, in this one."""
        future: asyncio.Future[T] = self.create_future()
        self.call_soon(settle, future, lambda: func(*args))
        return future

    def _run_once(self) -> None:
        """Run one callback, or let time pass until there is one."""
        self.steps += 1
        if self.steps > self._limit_steps:
            raise OverrunError(f"{self.steps:,} steps, and no end; {self._who_waits()}")
        if self._drift_us and self._rng.randrange(_DRIFTS_ONE_IN) == 0:
            self.pass_time(self._rng.randrange(self._drift_us))
        ready = self._runnable
        if not ready:
            self._to_next_alarm()
            return
        place = self._rng.randrange(len(ready))
        ready[place], ready[-1] = ready[-1], ready[place]
        lane, handle = ready.pop()
        if lane.stopped or lane.dead:
            lane.parked.append(handle)
        elif not handle.cancelled():
            handle._run()  # noqa: SLF001 - as every loop does

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Hear of a cancelled timer, which has taken its alarm away itself."""

    # -- lanes

    def _lane(self, context: Context | None) -> Lane:
        return LANE.get(self.root) if context is None else context.get(LANE, self.root)

    def _queue(self, lane: Lane, handle: asyncio.Handle) -> None:
        if lane.stopped or lane.dead:
            lane.parked.append(handle)
        else:
            self._runnable.append((lane, handle))

    def _made(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **options: Any,  # noqa: ANN401 - those of asyncio.Task
    ) -> asyncio.Task[T]:
        task: asyncio.Task[T] = _Task(coroutine, loop=loop, **options)
        self._lane(options.get("context")).tasks.append(task)
        return task

    def add_lane(self, lane: Lane) -> None:
        """Let another process take part; it begins at the time that it is now."""
        lane.clock.suspend(self.passed_us)
        self.lanes.append(lane)

    def resume(self, lane: Lane) -> None:
        """Go on with a lane that was stopped; what fell due meanwhile is overdue now."""
        lane.stopped = False
        owed_us, lane.owed_us = lane.owed_us, 0
        lane.clock.advance(owed_us)
        parked, lane.parked = lane.parked, []
        for handle in parked:
            self._queue(lane, handle)

    # -- time

    def pass_time(self, us: int) -> None:
        """Let time pass for everyone; who is stopped sleeps through it, or owes it."""
        self.passed_us += us
        if self.passed_us > self._limit_us:
            raise OverrunError(f"{self.passed_us:,} µs, and no end; {self._who_waits()}")
        for lane in self.lanes:
            if lane.dead:
                continue
            if not lane.stopped:
                lane.clock.advance(us)
            elif lane.stands_still:
                lane.clock.suspend(us)
            else:
                lane.owed_us += us

    def _to_next_alarm(self) -> None:
        alarms = [
            us
            for lane in self.lanes
            if not (lane.stopped or lane.dead) and (us := lane.clock.next_alarm_us) is not None
        ]
        if not alarms:
            raise DeadlockError(f"nothing can happen any more; {self._who_waits()}")
        self.pass_time(min(alarms))

    def _who_waits(self) -> str:
        waiting = [
            f"{lane.name}{' (stopped)' if lane.stopped else ''}: {task.get_name()} {_where(task)}"
            for lane in self.lanes
            if not lane.dead
            for task in lane.tasks
            if not task.done()
        ]
        return "who waits:\n  " + "\n  ".join(waiting or ["nobody"])


def settle(future: asyncio.Future[T], work: Callable[[], T]) -> None:
    """Do the work, and tell who still waits for it."""
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as a thread would
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep what went wrong in a callback: the simulation raises it."""
    assert isinstance(loop, SimulatedLoop)
    if "handle" in context:
        loop.failures.append(context)


def _where(task: asyncio.Task[Any]) -> str:
    """Return where a task waits, the innermost place last."""
    places = []
    waiting: Any = task.get_coro()
    while waiting is not None and hasattr(waiting, "cr_frame"):
        frame = waiting.cr_frame
        if frame is not None:
            places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        waiting = waiting.cr_await
    return " > ".join(places[-_FRAMES:])
