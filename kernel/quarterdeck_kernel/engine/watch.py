"""Noticing what others write: while one waits for it, and while a call is under way."""

import asyncio

from quarterdeck_kernel.engine.cancellation import Stop, ended
from quarterdeck_kernel.engine.run_driver import RunDriver

_WATCH_AFTER_US = 50_000
"""A call that takes longer is worth a look at what people want meanwhile; most take less."""

A_WHILE_US = 30_000_000
"""The wall clock may be set while we wait for it: so we look at it at least this often."""


async def news(
    driver: RunDriver, within_us: int, stop: Stop | None = None, *, after: int | None = None
) -> None:
    """Wait until somebody has written to the run behind what is known, or behind `after`.

    Or until the time is over, or one is told to stop; never long.
    """
    within_us = min(within_us, A_WHILE_US)
    known = driver.state.head_seq if after is None else after
    task = asyncio.ensure_future(driver.store.wait(after=known, run_id=driver.run_id))
    try:
        await ended(task, clock=driver.clock, within_us=within_us, stop=stop or Stop())
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        # A store that was closed meanwhile says so here.
        task.result()
        await driver.refresh()


class Watch:
    """A look at the run's news that begins only if a call takes its time."""

    def __init__(self, driver: RunDriver) -> None:
        """Watch from a while from now on, until closed."""
        self._driver = driver
        self._task: asyncio.Task[None] | None = None
        self._timer = driver.clock.call_later(_WATCH_AFTER_US, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        driver = self._driver
        while True:
            state = await driver.refresh()
            if state.cancel is not None and state.cancel.now:
                driver.stop_now()
                return
            await driver.store.wait(after=state.head_seq, run_id=driver.run_id)

    async def close(self) -> None:
        """Look no more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                # A look that failed says nothing: who writes the outcome meets the same trouble.
                self._task.exception()
