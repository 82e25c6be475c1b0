"""The one driver that a run has in a process: its lease, its order, and what is under way.

Steps come to it in the order they are asked for. Behind the *gate* a step looks up its record and
writes its intent; then the gate opens for the next, unless the effect is `once`: those run one at
a time. Two who ask for the same step at once get the same result of one execution.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import over, stopped
from quarterdeck_kernel.engine.cancellation import Stop, to_its_end
from quarterdeck_kernel.engine.debts import Completed, Debts, open_effects
from quarterdeck_kernel.engine.journal import Decide, Journal
from quarterdeck_kernel.engine.known_steps import KnownSteps
from quarterdeck_kernel.engine.lease_keeper import LeaseKeeper
from quarterdeck_kernel.engine.model_memory import ModelMemory
from quarterdeck_kernel.engine.prompt_memory import PromptMemory
from quarterdeck_kernel.engine.recovery import closing_events, ending_events
from quarterdeck_kernel.engine.router import Router
from quarterdeck_kernel.engine.run_log import RunLog
from quarterdeck_kernel.errors import (
    IllegalMoveError,
    InvalidError,
    LeaseLostError,
    QuarterdeckError,
    RunCancelledError,
    RunStoppedError,
    StepInterruptedError,
    StoreClosedError,
    StoreError,
)
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunCancelled, RunStarted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.models.limiter import Limiter
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL, Actor
from quarterdeck_kernel.vocabulary.budgets import NO_BUDGETS, Budgets

T = TypeVar("T")

_inside: ContextVar[tuple["RunDriver", ...]] = ContextVar("inside", default=())


def _nobody() -> None:
    """Hear of nothing: nobody waits for a run that is not drained."""


class RunDriver(RunLog):
    """Drives one run. Everything that a step needs besides itself is found here."""

    def __init__(
        self,
        store: EventStore,
        journal: Journal,
        *,
        clock: Clock,
        keeper: LeaseKeeper,
        chance: random.Random,
        version: str,
        budgets: Budgets = NO_BUDGETS,
    ) -> None:
        super().__init__(store, journal)
        self.clock = clock
        self.chance = chance
        self.gate = asyncio.Lock()
        self._taking_up = asyncio.Lock()
        self.ingress = journal.ingress
        self.prompts = PromptMemory(journal.ingress)
        self.memory = ModelMemory(store, journal.run_id)
        self.under_way: dict[str, asyncio.Future[None]] = {}
        self.flowing = False
        self.draining = self.resting = False
        self.tell_rest: Callable[[], None] = _nobody
        """Whether it is to stop at its next boundary; whether a child of another run stands still
        because of what it waits for."""
        self.taken_up_boot_us = 0
        self.doubted_boot_us: dict[int, int] = {}
        self.lingering: set[int] = set()
        self.probed: dict[int, bool] = {}
        self._known = KnownSteps()
        self._version = version
        self.budgets = budgets
        self.limiter = Limiter(clock)
        self.router = Router()
        self._keeper = keeper
        self._lease: Lease | None = None
        self._stops: dict[asyncio.Task[Any], Stop] = {}
        self.owed = Debts()
        self.late: set[asyncio.Task[None]] = set()
        self._leaving = self._closed = False

    @property
    def lease(self) -> Lease | None:
        """Return the lease, if this run is driven from here."""
        return self._lease

    # -- performing steps

    async def perform(self, body: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
        """Run a step to its end, whatever becomes of whoever asks for it."""
        if self._closed:
            raise StoreClosedError(f"the kernel that drove run {self.run_id!r} was closed")
        if self in _inside.get():
            raise InvalidError(
                f"a tool of run {self.run_id!r} may not step its own run, which waits for it; "
                "return what is needed, or start a child run"
            )
        stop = Stop()
        task = asyncio.create_task(self._performed(body, stop))
        self._stops[task] = stop
        task.add_done_callback(self._forget)
        return await to_its_end(task, stop)

    async def _performed(self, body: Callable[[Stop], Coroutine[Any, Any, T]], stop: Stop) -> T:
        """Run a step; if it was the last thing open in a run that is to be cancelled, end it."""
        try:
            return await body(stop)
        except StepInterruptedError:
            error = stopped(self.state) if stop.reason == "run" else None
            if error is not None:
                raise error from None
            raise
        finally:
            if self.state.cancel is not None and self._lease is not None:
                # What stands in the way now is met again, and told, by whoever comes next.
                with suppress(QuarterdeckError):
                    await self._end_if_asked(stopped(self.state))
            if self._leaving:
                await self.leave(asyncio.current_task())

    def _forget(self, task: asyncio.Task[Any]) -> None:
        del self._stops[task]

    def begin(self, step_key: str) -> None:
        """Note that a step's call is under way here: who asks for the same waits for it."""
        self.under_way[step_key] = asyncio.get_running_loop().create_future()

    def finish(self, step_key: str) -> None:
        """Note that it is not any more; what came of it is on record."""
        over = self.under_way.pop(step_key, None)
        if over is not None:
            over.set_result(None)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Mark what is started here as a part of this run's step."""
        token = _inside.set((*_inside.get(), self))
        try:
            yield
        finally:
            _inside.reset(token)

    # -- taking the run up

    async def take_up(self) -> RunState:
        """Make sure that this process drives the run; close what an earlier driver left open.

        A run that is over is not driven by anybody: it is returned as it is.
        """
        async with self._taking_up:
            self._leaving = False
            if self._lease is not None:
                await self.sure()
                await self._pay_debts()
                await self._still_stopped()
            elif not (await self._journal.refresh()).terminal:
                lease = await self._journal.claim()
                self._keeper.taken(lease)
                self.taken_up_boot_us = self.clock.boot_us()
                self._lease = lease
                try:
                    # What we still know of calls we made is worth more than that it is unknown.
                    await self._pay_debts()
                    crash_point("engine.take_up.before")
                    await self.append(self._took_up, actor=KERNEL)
                    crash_point("engine.take_up.after")
                except BaseException:
                    await self.let_go()
                    raise
            return self.state

    def _took_up(self, state: RunState) -> Sequence[AnyEvent]:
        assert self._lease is not None, "a run is taken up by who holds its lease"
        events: list[AnyEvent] = []
        self._known.forget()
        if state.status == "queued":
            if state.identity.lineage is None:
                self._known.begin()
            events.append(RunStarted(holder=self._lease.holder, kernel_version=self._version))
        # What the disk refused before is still true of what nobody else has closed since.
        return [*events, *closing_events(state)]

    async def let_go(self) -> None:
        """Give the lease back: another process may drive the run from here on."""
        if self._lease is not None:
            self._keeper.let_go(self._lease)
            self._lease = None
            await self._journal.release()

    async def leave(self, last: asyncio.Task[Any] | None = None) -> None:
        """Let the run go once nothing of it is under way but `last`; the next step takes it up."""
        self._leaving = True
        async with self._taking_up:
            if not self.flowing and set(self._stops) <= {last}:
                with suppress(QuarterdeckError):
                    await self.let_go()

    async def sure(self) -> bool:
        """Return if this process still drives the run; tell whether the store had to be asked."""
        if self._lease is None:
            raise LeaseLostError(f"run {self.run_id!r} is not driven from here (any more)")
        try:
            return await self._keeper.sure(self._lease)
        except LeaseLostError:
            self._lost()
            raise

    async def _still_ours(self) -> None:
        """Return if the store, too, says that this process drives the run."""
        lease, status = self._lease, await self.store.lease(self.run_id)
        if lease is None or (status.epoch, status.holder) != (lease.epoch, lease.holder):
            self._lost()
            raise LeaseLostError(f"run {self.run_id!r} was taken over by another process")

    def _lost(self) -> None:
        if self._lease is not None:
            self._keeper.let_go(self._lease)
            self._lease = self._journal.lease = None

    # -- reading and writing

    async def append(
        self, decide: Decide, *, actor: Actor = AGENT, stands: str | None = None
    ) -> tuple[Event, ...]:
        """Write as the driver; a run that ended meanwhile says so."""
        deciding = self.hooks.deciding(decide)

        def as_driver(state: RunState) -> Sequence[AnyEvent]:
            # Asked when it is our turn: the lease may be gone since this was called.
            if self._lease is None:
                raise LeaseLostError(f"run {self.run_id!r} is not driven from here (any more)")
            return deciding(state)

        try:
            events = await self._journal.append(as_driver, actor=actor, stands=stands)
        except LeaseLostError:
            self._lost()
            raise
        except IllegalMoveError:
            # What another driver has written since it took the run over may forbid what we would
            # write: then it is the lease that was lost, and the move was right.
            await self._still_ours()
            raise
        except BaseException:
            # It may have been written all the same.
            self._known.forget()
            raise
        self._known.note(events)
        self.hooks.told(events, self.state)
        return events[: deciding.decided]

    def never_asked(self, step_key: str) -> bool:
        """Tell whether a step is on no record, if that is known without a look.

        To be believed only by who then writes the intent under this lease, and is refused without.
        """
        return self._lease is not None and self._known.lacks(step_key)

    async def settle(self, outcome: Completed, beside: Sequence[ArtifactWritten] = ()) -> Event:
        """Write an outcome, and what it changed, at once.

        What the disk refuses now is owed, and written before anything else.
        """
        crash_point("engine.outcome.before")

        def decide(state: RunState) -> Sequence[AnyEvent]:
            if outcome.intent_seq not in open_effects(state):
                # Lost for a while, and taken up again: what was left open then is closed.
                raise LeaseLostError(
                    f"run {self.run_id!r} was taken up anew while #{outcome.intent_seq} was under "
                    "way; what came of it is kept as evidence"
                )
            return [outcome, *beside]

        try:
            event, *_ = await self.append(decide)
        except StoreError:
            self.owed[outcome.intent_seq] = (outcome, *beside)
            raise
        crash_point("engine.outcome.after")
        return event

    async def _pay_debts(self) -> None:
        if self.owed:
            await self.append(self.owed.payable)
            self.owed.clear()

    # -- ending

    async def end(self, decide: Callable[[RunState], AnyEvent], *, actor: Actor) -> Event:
        """Write the last event of the run, closing what may be closed before it."""

        def whole(state: RunState) -> Sequence[AnyEvent]:
            if state.terminal:
                raise over(state)
            return [*ending_events(state), decide(state)]

        crash_point("engine.end.before")
        events = await self.append(whole, actor=actor)
        crash_point("engine.end.after")
        await self.let_go()
        return events[-1]

    async def check_boundary(self, *, asks: bool = False) -> None:
        """Return if the run may go on; end it if somebody asked for that and nothing is open."""
        error = await self._still_stopped(asks=asks)
        await self._end_if_asked(error)
        if error is None and self.draining:
            error = StepInterruptedError(
                f"run {self.run_id!r} stops at this boundary: the process that drives it is "
                "stopping; take it up elsewhere, or start that again"
            )
        if error is not None:
            raise error

    async def _still_stopped(self, *, asks: bool = False) -> RunStoppedError | None:
        """Return why the run may not go on: what is known here may be over by now."""
        if stopped(self.state, asks=asks) is not None:
            await self.refresh()
        return stopped(self.state, asks=asks)

    async def _end_if_asked(self, error: RunStoppedError | None) -> None:
        """A workflow that is at work is told first, and ends the run itself."""
        if isinstance(error, RunCancelledError) and not self.state.workflow_intents:
            await self.end_cancelled()

    async def end_cancelled(self) -> None:
        """End a run that is to be cancelled, unless a call is under way or an unknown is open."""
        state = self.state
        busy = state.unknowns or state.tool_intents or self.under_way
        if state.terminal or busy or self._lease is None:
            return

        def cancelled(state: RunState) -> AnyEvent:
            assert state.cancel is not None, "a request to cancel is never taken back"
            return RunCancelled(request_seq=state.cancel.seq, reason=None)

        await self.end(cancelled, actor=KERNEL)

    # -- being told to stop

    def stop_now(self) -> None:
        """Tell every step under way that somebody wants the run to end now."""
        for stop in tuple(self._stops.values()):
            stop.request("run")

    async def close(self) -> None:
        """Tell every step under way to stop, wait for the truth, give the lease back."""
        self._closed = True
        while self._stops:
            for stop in tuple(self._stops.values()):
                stop.request("caller")
            await asyncio.wait(tuple(self._stops))
        if self.late:
            await asyncio.wait(tuple(self.late))
        try:
            await self.let_go()
        except QuarterdeckError:
            # The lock file says as well that nobody is there any more.
            self._lost()
