"""Keeping to a run's record, or going on in a fork where the code was changed.

Owns the policy. Steps that are asked for one after another, in one batch, or by a workflow (whose
code is run again in the fork) come to one history. What a caller has under way side by side with
the step that drifts ends where it was begun.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import DriftError
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.runs.fork import fork_before
from quarterdeck_kernel.store.port import EventStore

T = TypeVar("T")


class Drives(Protocol):
    """What a kernel has to have for it."""

    store: EventStore

    async def journal(self, run: Run | str) -> Journal:
        """Return a run's log."""
        ...

    def driver_of(self, journal: Journal) -> RunDriver:
        """Return the one driver that a run has here."""
        ...


async def on_course(kernel: Drives, run: Run, act: Callable[[RunDriver], Awaitable[T]]) -> T:
    """Take a step in a run, or in the fork that it belongs to."""
    while True:
        driver = run.driver
        try:
            return await act(driver)
        except DriftError as drift:
            # The code of a workflow, whose step this is, is run again as a whole.
            if driver.flowing:
                raise
            await turn(kernel, run, driver, drift)


async def turn(kernel: Drives, run: Run, driver: RunDriver, drift: DriftError) -> None:
    """Let a run stand for the fork before a step that drifts; raise the drift if it may not."""
    if run.on_drift != "fork":
        raise drift
    async with run.turning:
        # Another step of the same code may have turned it meanwhile.
        if run.driver is driver:
            journal = await kernel.journal(run)
            run.driver = kernel.driver_of(
                await fork_before(kernel.store, journal, drift, clock=driver.clock)
            )
            await driver.leave()
