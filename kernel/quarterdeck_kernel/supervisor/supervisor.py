"""Driving the runs of a workspace's agents: from the line to a task each, and what ends it.

What wakes it are events, of this process and of others: a run was queued, a person has decided.
By the clock it looks for what no event tells of: a driver that died, a time that is over. What one
run raises is told and, if nobody expected it, holds that run; no other run hears of it.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import (
    LeaseHeldError,
    LeaseLostError,
    QuarterdeckError,
    RunStoppedError,
    StepInterruptedError,
    StoreClosedError,
    StoreError,
)
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.store.subscription import subscribe
from quarterdeck_kernel.supervisor.alarms import Alarms
from quarterdeck_kernel.supervisor.line import Line
from quarterdeck_kernel.supervisor.lookout import WAKING, Lookout
from quarterdeck_kernel.supervisor.notice import Notice, What
from quarterdeck_kernel.supervisor.ports import Host
from quarterdeck_kernel.vocabulary.actor import KERNEL
from quarterdeck_kernel.vocabulary.rows import FleetRow

LOOK_US = 5_000_000
"""So often it looks whether a driver has died, of which no event tells."""

_RETRY_US = 5_000_000
"""So long a run is left alone that the store would not let go on: a disk that is full."""


class Supervisor:
    """Drives runs until it is drained or stopped. Made by `Kernel.supervisor`."""

    def __init__(
        self,
        host: Host,
        *,
        at_once: int,
        told: Callable[[Notice], None] | None = None,
    ) -> None:
        """Know the kernel; nothing is driven before `run`. `told` hears of what happens to runs."""
        self._host = host
        self._clock = host.clock
        self._lookout = Lookout(host.store)
        self._at_once = at_once
        self._told = told
        self._line = Line()
        self._alarms = Alarms()
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._drivers: dict[str, RunDriver] = {}
        self._again: set[str] = set()
        self._set_aside: set[str] = set()
        self._draining = False
        self._surveyed = False
        self._seen = self._awaited = 0
        self._changed = asyncio.Event()
        self._earlier = asyncio.Event()

    @property
    def at_work(self) -> frozenset[str]:
        """Return the runs that are driven here now."""
        return frozenset(self._at_work)

    # -- from beginning to end

    async def run(self) -> None:
        """Drive runs until drained. Cancelled, it makes the log true and lets everything go."""
        # Before the survey, so that nothing falls between it and the news.
        self._seen = (await self._host.store.checkpoint()).position
        self._host.watch(self._tell_change)
        background = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._keep_time()),
        ]
        try:
            while not self._draining or self._at_work:
                changed = self._changed
                if not self._surveyed:
                    await self._survey()
                self._fill()
                self._interrupt_what_rests()
                await changed.wait()
        finally:
            self.stop()
            for task in background:
                task.cancel()
            while tasks := [*background, *self._at_work.values()]:
                await asyncio.wait(tasks)
                background.clear()

    def drain(self) -> None:
        """Begin nothing new, and let every run at work stop at its next boundary."""
        if not self._draining:
            self._draining = True
            self._line.clear()
            self._host.drain()
        self._tell_change()

    def go_on(self) -> None:
        """Take a drain or a stop back: every run is looked at anew, and taken up as before."""
        if self._draining:
            self._draining = self._surveyed = False
            self._host.drain(on=False)
        self._tell_change()

    def stop(self) -> None:
        """Break off what is under way, too; the log says truly what became of it."""
        self.drain()
        for task in self._at_work.values():
            task.cancel()

    async def until_idle(self) -> None:
        """Wait until nothing is at work or in line, and all that was written has been heard."""
        self._awaited += 1
        try:
            position = -1
            while position != (position := (await self._host.store.checkpoint()).position):
                while not self._idle(position):
                    await self._changed.wait()
        finally:
            self._awaited -= 1

    def _idle(self, position: int) -> bool:
        busy = self._at_work or len(self._line) or not self._surveyed
        return not busy and self._seen >= position

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # -- what is to be driven

    async def _survey(self) -> None:
        """Look at every run that is not over: continue it, hold it, or leave it waiting."""
        async for row in self._lookout.undriven():
            self._queue(row)
        async for row in self._lookout.standing():
            self._await_time(row.run_id, row.deadline_us)
            if row.cancel_requested_us is not None or await self._lookout.left_open(row):
                self._queue(row)
        self._surveyed = True
        self._tell_change()

    async def _listen(self) -> None:
        """Hear what is written, by whatever process."""
        while True:
            try:
                async for position, record in subscribe(self._host.store, after=self._seen):
                    if record.kind in WAKING:
                        self._set_aside.discard(record.run_id)
                        await self._consider(record.run_id)
                    self._seen = position
                    if self._awaited:
                        self._tell_change()
            except StoreClosedError:
                return
            except Exception as error:  # noqa: BLE001 - nobody else would hear of the next run
                self._tell("trouble", _reason(error), error=error)
                await sleep(self._clock, _RETRY_US)

    async def _keep_time(self) -> None:
        """Look, from time to time, for what no event tells of."""
        while True:
            wait_us = LOOK_US
            try:
                next_us = await self._look()
            except StoreClosedError:
                return
            except Exception as error:  # noqa: BLE001 - nobody else would hear of the next run
                self._tell("trouble", _reason(error), error=error)
            else:
                if next_us is not None:
                    wait_us = min(wait_us, max(next_us - self._clock.now_us(), 0))
            self._earlier.clear()
            if wait_us > 0:
                timer = self._clock.call_later(wait_us, self._earlier.set)
                await self._earlier.wait()
                timer.cancel()

    async def _look(self) -> int | None:
        """Queue what is due; return when the next is, if that is known."""
        now_us = self._clock.now_us()
        for run_id in self._alarms.due(now_us):
            self._set_aside.discard(run_id)
            due = run_id not in self._again
            self._again.discard(run_id)
            await self._consider(run_id, due=due)
        expired, next_us = await self._lookout.expired(now_us)
        for run_id in expired:
            await self._consider(run_id, due=True)
        if self._surveyed and not len(self._line):
            async for row in self._lookout.undriven():
                self._queue(row)
        times = [us for us in (self._alarms.next_us, next_us) if us is not None]
        return min(times, default=None)

    async def _consider(self, run_id: str, *, due: bool = False) -> None:
        """Queue a run of which there are news, unless it still waits for somebody."""
        row = await self._lookout.row(run_id)
        standing = row.need in {"waiting", "unknown", "held"}
        if not standing or due or row.cancel_requested_us is not None:
            self._queue(row)

    def _queue(self, row: FleetRow) -> None:
        if self._draining or row.run_id in self._set_aside:
            return
        if row.run_id in self._at_work:
            self._again.add(row.run_id)
            return
        self._line.join(row)
        self._tell_change()

    def _await_time(self, run_id: str, at_us: int | None) -> None:
        if at_us is not None:
            self._alarms.set(run_id, at_us)
            self._earlier.set()

    # -- driving

    def _fill(self) -> None:
        while len(self._line) and not self._full():
            row = self._line.next()
            task = asyncio.create_task(self._drive(row))
            self._at_work[row.run_id] = task
            task.add_done_callback(partial(self._done, row.run_id))

    def _full(self) -> bool:
        """Tell whether as many runs are at work as may be.

        One whose sub-agents all wait for somebody takes nobody's place: that may last for days. It
        goes on by itself, so that for a while there may be more.
        """
        if len(self._at_work) < self._at_once:
            return False
        resting = sum(self._host.rests(driver) for driver in self._drivers.values())
        return len(self._at_work) - resting >= self._at_once

    def _done(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._at_work[run_id]
        self._drivers.pop(run_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not even what became of it could be written down.
            self._tell("failed", _reason(error), run_id, error)
            self._put_aside(run_id)
        if run_id in self._again:
            self._await_time(run_id, self._clock.now_us())
        self._tell_change()

    def _interrupt_what_rests(self) -> None:
        """While draining: a run that only waits for its sub-agents comes to no boundary."""
        for run_id, driver in self._drivers.items() if self._draining else ():
            if self._host.rests(driver):
                self._at_work[run_id].cancel()

    async def _drive(self, row: FleetRow) -> None:
        if self._draining or not await self._lookout.wants_driver(row):
            return
        driver = await self._host.load(row.run_id, row.tenant)
        if driver.state.conditions.config_digest is None:
            # Code of its own drives it, which is not to be had here.
            self._set_aside.add(row.run_id)
            return
        self._drivers[row.run_id] = driver
        try:
            await self._gone_on(driver)
        except LeaseHeldError:
            # Somebody was quicker, perhaps in this very process: theirs is the driver, too.
            return
        except BaseException:
            await self._host.let_go(driver)
            raise
        await self._host.let_go(driver)

    async def _gone_on(self, driver: RunDriver) -> None:
        run_id = driver.run_id
        self._alarms.unset(run_id)
        self._tell("taken_up", driver.state.identity.agent, run_id)
        try:
            result = await self._host.go_on(driver)
        except StepInterruptedError:
            self._tell("stopped", "it goes on when somebody takes it up", run_id)
        except RunStoppedError as error:
            expiries = (pause.expires_at_us for pause in driver.state.pauses.values())
            for at_us in (driver.state.deadline_us, *expiries):
                self._await_time(run_id, at_us)
            self._tell("stopped", str(error), run_id)
        except LeaseHeldError:
            raise
        except (LeaseLostError, StoreClosedError):
            pass
        except StoreError as error:
            self._put_aside(run_id)
            self._tell("failed", _reason(error), run_id, error)
        except Exception as error:  # noqa: BLE001 - one run's trouble is no other run's
            await self._hold(driver, error)
        else:
            self._tell("ended", result.status, run_id)

    async def _hold(self, driver: RunDriver, error: Exception) -> None:
        """Write down what nobody expected: tried again at once it would only happen again."""
        reason = _reason(error)
        self._tell("failed", reason, driver.run_id, error)
        try:
            await driver.append(
                lambda state: [] if state.terminal or state.hold else [_held(reason)],
                actor=KERNEL,
            )
        except QuarterdeckError:
            # Another time: it is adrift, and seen.
            self._put_aside(driver.run_id)

    def _put_aside(self, run_id: str) -> None:
        self._set_aside.add(run_id)
        self._await_time(run_id, self._clock.now_us() + _RETRY_US)

    def _tell(
        self, what: What, text: str, run_id: str | None = None, error: BaseException | None = None
    ) -> None:
        if self._told is not None:
            self._told(Notice(what=what, text=text, run_id=run_id, error=error))


def _reason(error: BaseException) -> str:
    """Return what an error says; ours are sentences, of others one has to know the kind."""
    text = str(error) if isinstance(error, QuarterdeckError) else ""
    return text or f"{type(error).__name__}: {error}"


def _held(reason: str) -> Held:
    return Held(by="breaker", reason=reason)
