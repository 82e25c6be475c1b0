"""Noticing, while a call is under way, that somebody wants the run to end now."""

import asyncio

from quarterdeck_kernel.engine.run_driver import RunDriver

_WATCH_AFTER_US = 50_000
"""A call that takes longer is worth a look at what people want meanwhile; most take less."""


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
