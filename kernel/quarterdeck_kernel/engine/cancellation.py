"""Cancellation: the rules, and the little that is needed to keep them.

An outside cancel (of the task that awaits a step) always wins: the awaiting call ends with
`CancelledError`. But first the log is made true. So a step runs in a task of its own that nobody
cancels; it is *told* to stop, and what that means depends on where it stands:

* before the intent is written: nothing is written;
* while the intent is being written: it is written or refused, as the store decides, and then
  closed as `not_dispatched`, because nothing was;
* during the call: the call is cancelled. A model request is closed as cancelled; a tool that is
  `read` or `idempotent` as a transient error, so that it goes again when it is asked again; a
  `once` effect is *unknown*, because it may have happened before the cancel arrived;
* while the outcome is being written: it is written; nothing changes;
* between two tries: no further try is begun, and the last failure stands until the step is asked
  for again. A model request is closed as cancelled, and asked afresh then.

A run that is to be cancelled *now* stops its calls in the same way, but for `once` effects: those
are never broken off by a person who wants the run to end. They finish, time out, or become
unknown and are settled; then the run ends. A run that is to be cancelled at its *boundary* lets
every call finish. In both cases no new intent is written, and the run ends as soon as nothing of
it is open.

Closing the kernel counts as an outside cancel of every step under way. A process that dies tells
nobody: what it left open is closed by who takes the run up (`recovery`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import StepInterruptedError

T = TypeVar("T")

_A_WHILE_US = 60_000_000
_FOREIGN_US = 30_000_000
"""A preview, or all guards together, that take longer have failed."""

Reason = Literal["caller", "run"]
"""Who told a step to stop: whoever awaited it, or somebody who wants the run to end."""


class Stop:
    """Tells one step to stop, once."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._heard_by: list[Callable[[], None]] = []

    def request(self, reason: Reason) -> None:
        """Tell it. A caller's word is heard even by what a person's wish does not break off."""
        if self.reason not in ("caller", reason):
            self.reason = reason
            for hears in tuple(self._heard_by):
                hears()

    def concerns(self, *, once: bool) -> bool:
        """Tell whether a call must be broken off: a `once` effect only for its caller."""
        return self.reason == "caller" or (self.reason == "run" and not once)

    def add(self, hears: Callable[[], None]) -> None:
        """Have `hears` called when the step is told to stop."""
        self._heard_by.append(hears)

    def remove(self, hears: Callable[[], None]) -> None:
        """Undo `add`."""
        self._heard_by.remove(hears)


Ended = Literal["done", "time", "stop"]


async def ended(
    future: asyncio.Future[Any] | None,
    *,
    clock: Clock,
    within_us: int,
    stop: Stop,
    once: bool = False,
) -> Ended:
    """Wait until a future is done, the time is over, or the step is told to stop.

    Nothing is cancelled here: what to do with a call that did not end is for the caller to say.
    """
    over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def settle(word: Ended) -> None:
        if not over.done():
            over.set_result(word)

    def done(_future: asyncio.Future[Any]) -> None:
        settle("done")

    def told() -> None:
        if stop.concerns(once=once):
            settle("stop")

    timer = clock.call_later(within_us, lambda: settle("time"))
    stop.add(told)
    if future is not None:
        future.add_done_callback(done)
    told()
    try:
        return await over
    finally:
        timer.cancel()
        stop.remove(told)
        if future is not None:
            future.remove_done_callback(done)


async def in_time(work: Coroutine[Any, Any, T], clock: Clock, stop: Stop) -> T:
    """Await what is not ours: neither may it hold the run up, nor outlast a stop."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda over: over.cancelled() or over.exception())
    word = await ended(task, clock=clock, within_us=_FOREIGN_US, stop=stop)
    if word == "done":
        return task.result()
    task.cancel()
    if word == "stop":
        raise StepInterruptedError("the step was told to stop before it was allowed")
    raise TimeoutError(f"no answer within {_FOREIGN_US // 1_000_000} s")


async def through(gate: asyncio.Lock, stop: Stop, clock: Clock) -> None:
    """Wait at a gate for one's turn, unless the step is told to stop before that."""
    if not gate.locked():
        await gate.acquire()
    else:
        turn = asyncio.ensure_future(gate.acquire())
        while await ended(turn, clock=clock, within_us=_A_WHILE_US, stop=stop) == "time":
            continue
        if not turn.done():
            turn.cancel()
            await asyncio.wait([turn])
        if turn.cancelled():
            raise StepInterruptedError("the step was told to stop before its turn came")
    if stop.reason is not None:
        gate.release()
        raise StepInterruptedError("the step was told to stop before it began")


async def to_its_end(task: asyncio.Task[T], stop: Stop) -> T:
    """Await a step's task. Cancelled from outside, tell it to stop, and wait for the truth."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.request("caller")
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                # Asked again: the log still comes first, and the step is already stopping.
                continue
        if not task.cancelled():
            task.exception()
        raise
