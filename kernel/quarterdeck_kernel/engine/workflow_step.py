"""Workflow steps: what code does between its durable calls, done once.

A named step is found on record by its name, in the position it has in the code. An interrupted
one runs again under its one intent, unless it is declared `once`: then it is unknown. Time that
passes, signals from outside, and values that differ at each execution are recorded likewise.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import JsonValue

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import stopped, unknown
from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.fork_asking import agreed_in_fork, question_of
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import A_WHILE_US, news
from quarterdeck_kernel.engine.workflow_branch import Branch, branch_of, on, root
from quarterdeck_kernel.engine.workflow_record import (
    RecordedStep,
    WorkflowRecord,
    step_text,
    timer_key,
)
from quarterdeck_kernel.errors import (
    ConsistencyError,
    InvalidError,
    LeaseLostError,
    PermanentToolError,
    RunStoppedError,
    StepInterruptedError,
    StoreError,
    WorkflowStepFailedError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import (
    SignalReceived,
    TimerFired,
    TimerSet,
    ValueRecorded,
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.tools.result import stored_result
from quarterdeck_kernel.vocabulary.words import Effect

NOT_OURS = (RunStoppedError, LeaseLostError, StoreError, ConsistencyError)
"""What says that the run cannot go on now, not that the workflow's code failed: it passes through,
and the step goes on when the workflow is run again."""


def not_ours(error: BaseException) -> Exception | None:
    """Return what in an error says that the run cannot go on now, also from within a group."""
    if isinstance(error, NOT_OURS):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(not_ours, error.exceptions)), None)
    return None


_ERROR_CHARS = 4_000

T = TypeVar("T")
Source = Literal["now", "random", "uuid"]
Body = Callable[[], Awaitable[object]]


class WorkflowSteps:
    """One execution of a workflow's code."""

    def __init__(self, driver: RunDriver, record: WorkflowRecord) -> None:
        self._driver = driver
        self._record = record
        self._waits: Counter[str] = Counter()
        self._waiters: dict[str, asyncio.Task[object] | None] = {}

        self._tasks: set[asyncio.Task[object]] = set()
        self._busy: Counter[asyncio.Task[object]] = Counter()
        self._over = asyncio.Event()

    # -- the code, and what runs side by side in it

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the workflow's code in here; nothing that it started goes on behind it."""
        with on(self, root()):
            try:
                yield
            finally:
                self._over.set()
                await self._ended_with_it()

    def beside(self, part: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Return a part of the workflow that is to run in a task of its own, as a branch."""
        branch = branch_of(self).child()

        async def run() -> T:
            branch.task = asyncio.current_task()
            with on(self, branch):
                return await part

        return run()

    @contextmanager
    def coming(self, *, may_be_broken_off: bool = False) -> Iterator[Branch]:
        """Come to something durable, on the branch of the task that does.

        When the workflow is over, what is under way in other branches is brought to its end, but
        for what may be broken off and done again.
        """
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        if self._over.is_set():
            raise StepInterruptedError("the workflow that started this is over")
        branch = branch_of(self)
        self._tasks.add(task)
        before = self._busy[task]
        self._busy[task] = before if may_be_broken_off else before + 1
        try:
            yield branch
        finally:
            self._busy[task] = before
            if self._over.is_set() and not before:
                task.cancel()

    async def _ended_with_it(self) -> None:
        left = {t for t in self._tasks if t is not asyncio.current_task() and not t.done()}
        for task in left:
            if not self._busy[task]:
                task.cancel()
        while left:
            done, left = await asyncio.wait(left)
            for task in done:
                if not task.cancelled():
                    task.exception()

    # -- named steps

    async def step(self, name: str, body: Body, *, effect: Effect, given: JsonValue) -> JsonValue:
        """Return what a step gave, on record or now."""
        with self.coming(may_be_broken_off=effect != "once") as branch:
            return await self._step(branch, name, body, effect, given)

    async def _step(
        self, branch: Branch, name: str, body: Body, effect: Effect, given: JsonValue
    ) -> JsonValue:
        driver = self._driver
        position, key = branch.position(), branch.key("step", name)
        driver.visit(key)
        driver.visit(question_of(key))
        # What stands on record was looked through before it was written.
        clean = driver.ingress.value(given, "arguments").value
        recorded = await self._found(name, key, position, clean)
        done = self._ended(recorded)
        if isinstance(done, WorkflowStepFailedError):
            raise done
        if isinstance(done, Event):
            return _value(done)
        await driver.fresh(step_text(position, name))
        intent_seq = None
        if recorded is not None:
            if recorded.seq in driver.state.unknowns:
                raise unknown(driver.state, recorded.seq)
            if recorded.seq in driver.state.workflow_intents:
                intent_seq = recorded.seq
        if intent_seq is None:
            await driver.check_boundary()
            await agreed_in_fork(driver, key, name, effect)
            request = WorkflowStepRequested(
                step_key=key, name=name, position=position, effect=effect, input=given
            )
            crash_point("engine.intent.before")
            intent_seq = (await self._write(request)).seq
            crash_point("engine.intent.after")
        with on(self, branch.body(position)):
            return await self._carried_out(name, body, intent_seq, effect)

    async def _found(
        self, name: str, key: str, position: int, given: JsonValue
    ) -> RecordedStep | None:
        """Return what is on record for a step; where that is open, as far as the state knows.

        The record was read when the code began: a person may have settled the step since, and a
        state that knows of it must not be taken for a step that is to go again.
        """
        driver, record = self._driver, self._record
        recorded = record.at(name, key, position, given)
        while recorded is not None and self._ended(recorded) is None:
            seen = driver.state.head_seq
            await record.read_on(driver.store, driver.run_id, until=driver.horizon)
            recorded = record.at(name, key, position, given)
            if driver.state.head_seq == seen:
                break
        return recorded

    def _ended(self, recorded: RecordedStep | None) -> Event | WorkflowStepFailedError | None:
        if recorded is None or recorded.end is None:
            return None
        end, name = recorded.end, recorded.request.name
        match end.payload:
            case WorkflowStepCompleted(outcome="success") | ToolReconciled(verdict="done"):
                return end
            case WorkflowStepCompleted(outcome="error") as failed:
                text = f"step {name!r} failed: {failed.error}"
                return WorkflowStepFailedError(text, seq=end.seq)
            case ToolReconciled(verdict="failed") as settled:
                text = f"step {name!r} failed: {settled.reason or 'settled so by a person'}"
                return WorkflowStepFailedError(text, seq=end.seq)
            case _:
                return None

    async def _carried_out(
        self, name: str, body: Body, intent_seq: int, effect: Effect
    ) -> JsonValue:
        once = effect == "once"
        # Whose step it is by now: another driver may have closed it, and have asked a person.
        await self._driver.sure()
        crash_point("engine.dispatch.before")
        try:
            value = await body()
        except Exception as error:
            raise await self._failed(name, intent_seq, error, once=once) from error
        except BaseException as error:
            # Cancelled from outside, which wins; but first the log is made true.
            if once:
                await self._end(intent_seq, "unknown_outcome", error=type(error).__name__)
            raise
        crash_point("engine.dispatch.after")
        stored = stored_result(value)
        if not stored.readable:
            text = f"the step ran, but what it returned cannot be kept: {stored.problem}"
            event = await self._end(intent_seq, "error", error=text)
            raise WorkflowStepFailedError(f"step {name!r} failed: {text}", seq=event.seq)
        return _value(await self._end(intent_seq, "success", result=stored.result))

    async def _failed(
        self, name: str, intent_seq: int, error: Exception, *, once: bool
    ) -> Exception:
        """Record that a step raised an error; return what to raise of it."""
        passing = not_ours(error)
        text = f"{type(error).__name__}: {error}"[:_ERROR_CHARS]
        if once and not isinstance(error, PermanentToolError):
            await self._end(intent_seq, "unknown_outcome", error=text)
            # Settled in the same moment, it is found so when the workflow is run again.
            return passing or stopped(self._driver.state) or StepInterruptedError(text)
        if passing is not None:
            return passing
        event = await self._end(intent_seq, "error", error=text)
        return WorkflowStepFailedError(f"step {name!r} failed: {text}", seq=event.seq)

    async def _end(
        self,
        intent_seq: int,
        outcome: Literal["success", "error", "unknown_outcome"],
        *,
        result: JsonValue = None,
        error: str | None = None,
    ) -> Event:
        completed = WorkflowStepCompleted(
            intent_seq=intent_seq, outcome=outcome, result=result, error=error
        )

        async def write(_stop: Stop) -> Event:
            return await self._driver.settle(completed)

        event = await self._driver.perform(write)
        self._record.took(event)
        return event

    # -- time, signals, values

    async def sleep(self, seconds: float) -> None:
        """Wait until a time that was set when the code first came here."""
        with self.coming(may_be_broken_off=True) as branch:
            await self._timer(branch.key("sleep"), seconds, until=None)

    async def signal(self, name: str, *, timeout_s: float | None) -> JsonValue:
        """Return what came with the next signal of a name; raise TimeoutError if it is late."""
        with self.coming(may_be_broken_off=True):
            # One queue for the whole workflow: the n-th that is waited for is the n-th that came.
            if self._waiters.setdefault(name, asyncio.current_task()) is not asyncio.current_task():
                raise InvalidError(
                    f"signal {name!r} is waited for by tasks that run side by side, and nothing "
                    "says which of them gets it when the workflow is run again; let one wait and "
                    "hand on what came"
                )
            self._waits[name] += 1
            number = self._waits[name]
            until = (name, number)
            arrived = await self._timer(f"signal:{name}#{number}", timeout_s, until=until)
        if arrived is None:
            raise TimeoutError(f"no signal {name!r} came within {timeout_s:g} s")
        payload = arrived.payload
        assert isinstance(payload, SignalReceived), "only these arrive"
        return payload.data

    async def value(self, source: Source) -> JsonValue:
        """Return a value that differs at each execution: the one of the first."""
        with self.coming() as branch:
            return await self._valued(branch.key("value"), source)

    async def _valued(self, key: str, source: Source) -> JsonValue:
        driver = self._driver
        driver.visit(key)
        recorded = self._record.value(key, source)
        if recorded is not None:
            return recorded.value
        await driver.fresh(f"{source} as {key!r}")
        await driver.check_boundary()
        value = _made(source, driver)
        crash_point("engine.value.before")
        await self._write(ValueRecorded(step_key=key, source=source, value=value))
        crash_point("engine.value.after")
        return value

    async def _timer(
        self, timer_id: str, seconds: float | None, *, until: tuple[str, int] | None
    ) -> Event | None:
        """Wait for a time or a signal, whichever comes first in the log; return the signal."""
        driver, record = self._driver, self._record
        driver.visit(timer_key(timer_id))
        if seconds is not None and record.timer(timer_id) is None:
            await driver.fresh(timer_id)
            await driver.check_boundary()
            fires_us = driver.clock.now_us() + max(int(seconds * 1_000_000), 0)
            crash_point("engine.timer_set.before")
            await self._write(TimerSet(timer_id=timer_id, fires_at_us=fires_us))
            crash_point("engine.timer_set.after")
        while True:
            # What is read now holds at least this much: whatever comes behind it wakes us.
            seen = driver.state.head_seq
            await record.read_on(driver.store, driver.run_id, until=driver.horizon)
            signal = self._arrived(until)
            fired = record.fired.get(timer_id)
            if signal is not None and (fired is None or signal.seq < fired):
                return signal
            if fired is not None:
                return None
            await driver.fresh(timer_id)
            await driver.check_boundary()
            timer = record.timer(timer_id)
            left_us = timer.fires_at_us - driver.clock.now_us() if timer is not None else None
            if left_us is not None and left_us <= 0:
                crash_point("engine.timer_fired.before")
                await self._write(TimerFired(timer_id=timer_id))
                crash_point("engine.timer_fired.after")
                continue
            await news(driver, left_us or A_WHILE_US, after=seen)

    def _arrived(self, until: tuple[str, int] | None) -> Event | None:
        if until is None:
            return None
        name, number = until
        signals = self._record.signals.get(name, ())
        return signals[number - 1] if len(signals) >= number else None

    async def _write(self, payload: AnyEvent) -> Event:
        def decide(state: RunState) -> Sequence[AnyEvent]:
            error = stopped(state)
            if error is not None and (state.terminal or payload.kind != "timer_fired"):
                raise error
            return [payload]

        async def write(_stop: Stop) -> Event:
            (event,) = await self._driver.append(decide)
            return event

        event = await self._driver.perform(write)
        self._record.took(event)
        return event


def _value(event: Event) -> JsonValue:
    if event.content == "erased":
        text = f"what the step gave was erased (event #{event.seq}); go on in a fork"
        raise WorkflowStepFailedError(text, seq=event.seq)
    payload = event.payload
    assert isinstance(payload, WorkflowStepCompleted | ToolReconciled), "only these end a step"
    return payload.result


def _made(source: Source, driver: RunDriver) -> JsonValue:
    match source:
        case "now":
            at = datetime.fromtimestamp(driver.clock.now_us() / 1_000_000, tz=UTC)
            return at.isoformat()
        case "random":
            return random.SystemRandom().random()
        case "uuid":
            return str(uuid.uuid4())
