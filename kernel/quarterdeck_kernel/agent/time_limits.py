"""The deadline and the longest run time, kept by a clock while an agent is at work."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, NamedTuple, TypeVar

from quarterdeck_kernel.engine.cancellation import Stop, ended
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import A_WHILE_US

T = TypeVar("T")


class Bound(NamedTuple):
    """A limit that is set, and how much of it is left."""

    what: Literal["deadline", "run_time"]
    bound_us: int
    left_us: int


class TimeIsUpError(Exception):
    """The run has no time left; whoever drives it ends it."""

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound.what)
        self.bound = bound


class TimeLimits:
    """What of its time a run has left, from when a driver goes on with it."""

    def __init__(self, driver: RunDriver) -> None:
        self._driver = driver
        self._began_us = driver.clock.monotonic_us()
        self._busy_us = driver.state.spend.busy_us

    def nearest(self) -> Bound | None:
        """Return the limit that is reached first."""
        driver, state = self._driver, self._driver.state
        bounds = []
        if state.deadline_us is not None:
            left_us = state.deadline_us - driver.clock.now_us()
            bounds.append(Bound("deadline", state.deadline_us, left_us))
        longest_us = state.identity.max_run_time_us
        if longest_us is not None:
            # What is under way is in nobody's sum yet; what waited is in none at all.
            here_us = self._busy_us + driver.clock.monotonic_us() - self._began_us
            used_us = max(here_us, state.spend.busy_us)
            bounds.append(Bound("run_time", longest_us, longest_us - used_us))
        return min(bounds, key=lambda bound: bound.left_us) if bounds else None

    def check(self) -> None:
        """Raise if no time is left."""
        bound = self.nearest()
        if bound is not None and bound.left_us <= 0:
            raise TimeIsUpError(bound)

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work, and break it off when the time is up; the log is true by then."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                bound = self.nearest()
                left_us = bound.left_us if bound is not None else A_WHILE_US
                if bound is not None and left_us <= 0:
                    task.cancel()
                    await asyncio.wait([task])
                    if task.cancelled():
                        raise TimeIsUpError(bound)
                    break
                within_us = min(left_us, A_WHILE_US)
                await ended(task, clock=self._driver.clock, within_us=within_us, stop=Stop())
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
