"""Workflow steps: what code does between its durable calls, done once.

A named step is found on record by its name, in the position it has in the code. An interrupted
one runs again under its one intent, unless it is declared `once`: then it is unknown. Time that
passes, signals from outside, and values that differ at each execution are recorded likewise.
"""

import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import stopped, unknown
from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.run_driver import A_WHILE_US, RunDriver
from quarterdeck_kernel.engine.workflow_record import RecordedStep, WorkflowRecord
from quarterdeck_kernel.errors import (
    ConsistencyError,
    LeaseLostError,
    PermanentToolError,
    RunStoppedError,
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

_ERROR_CHARS = 4_000

Source = Literal["now", "random", "uuid"]
Body = Callable[[], Awaitable[object]]


class WorkflowSteps:
    """One execution of a workflow's code."""

    def __init__(self, driver: RunDriver, record: WorkflowRecord) -> None:
        self._driver = driver
        self._record = record
        self._position = 0
        self._counts: Counter[str] = Counter()

    # -- named steps

    async def step(self, name: str, body: Body, *, effect: Effect, given: JsonValue) -> JsonValue:
        """Return what a step gave, on record or now."""
        driver = self._driver
        self._position += 1
        position, key = self._position, self._key(f"step:{name}")
        recorded = self._record.at(name, key, position)
        done = self._ended(recorded)
        if isinstance(done, WorkflowStepFailedError):
            raise done
        if isinstance(done, Event):
            return _value(done)
        intent_seq = None
        if recorded is not None:
            if recorded.seq in driver.state.unknowns:
                raise unknown(driver.state, recorded.seq)
            if recorded.seq in driver.state.workflow_intents:
                intent_seq = recorded.seq
        if intent_seq is None:
            driver.fresh(f"step {position} {name!r}")
            await driver.check_boundary()
            request = WorkflowStepRequested(
                step_key=key, name=name, position=position, effect=effect, input=given
            )
            crash_point("engine.intent.before")
            intent_seq = (await self._write(request)).seq
            crash_point("engine.intent.after")
        return await self._carried_out(name, body, intent_seq, effect)

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
        crash_point("engine.dispatch.before")
        try:
            value = await body()
        except NOT_OURS as error:
            if once:
                await self._end(intent_seq, "unknown_outcome", error=str(error))
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:_ERROR_CHARS]
            if once and not isinstance(error, PermanentToolError):
                await self._end(intent_seq, "unknown_outcome", error=text)
                raise unknown(self._driver.state, intent_seq) from error
            event = await self._end(intent_seq, "error", error=text)
            text = f"step {name!r} failed: {text}"
            raise WorkflowStepFailedError(text, seq=event.seq) from error
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
        await self._end(intent_seq, "success", result=stored.result)
        return stored.result

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
            crash_point("engine.outcome.before")
            (event,) = await self._driver.append(lambda _: [completed])
            crash_point("engine.outcome.after")
            return event

        event = await self._driver.perform(write)
        self._record.took([event])
        return event

    # -- time, signals, values

    async def sleep(self, seconds: float) -> None:
        """Wait until a time that was set when the code first came here."""
        await self._timer(self._key("sleep"), seconds, until=None)

    async def signal(self, name: str, *, timeout_s: float | None) -> JsonValue:
        """Return what came with the next signal of a name; raise TimeoutError if it is late."""
        self._counts[f"signal:{name}"] += 1
        number = self._counts[f"signal:{name}"]
        arrived = await self._timer(f"signal:{name}#{number}", timeout_s, until=(name, number))
        if arrived is None:
            raise TimeoutError(f"no signal {name!r} came within {timeout_s:g} s")
        payload = arrived.payload
        assert isinstance(payload, SignalReceived), "only these arrive"
        return payload.data

    async def value(self, source: Source) -> JsonValue:
        """Return a value that differs at each execution: the one of the first."""
        key = self._key("value")
        recorded = self._record.values.get(key)
        if recorded is not None:
            if recorded.source != source:
                raise ConsistencyError(
                    f"the workflow was changed: {key} is a recorded {recorded.source}, and the "
                    f"code asks for {source}; run the code that began this run, or fork it",
                    recorded=recorded.source,
                    offered=source,
                )
            return recorded.value
        self._driver.fresh(f"value {source}")
        await self._driver.check_boundary()
        value = _made(source, self._driver)
        crash_point("engine.value.before")
        await self._write(ValueRecorded(step_key=key, source=source, value=value))
        crash_point("engine.value.after")
        return value

    async def _timer(
        self, timer_id: str, seconds: float | None, *, until: tuple[str, int] | None
    ) -> Event | None:
        """Wait for a time or a signal, whichever comes first in the log; return the signal."""
        driver, record = self._driver, self._record
        if seconds is not None and timer_id not in record.timers:
            driver.fresh(timer_id)
            await driver.check_boundary()
            fires_us = driver.clock.now_us() + max(int(seconds * 1_000_000), 0)
            crash_point("engine.timer_set.before")
            await self._write(TimerSet(timer_id=timer_id, fires_at_us=fires_us))
            crash_point("engine.timer_set.after")
        while True:
            signal = self._arrived(until)
            fired = record.fired.get(timer_id)
            if signal is not None and (fired is None or signal.seq < fired):
                return signal
            if fired is not None:
                return None
            driver.fresh(timer_id)
            await driver.check_boundary()
            timer = record.timers.get(timer_id)
            left_us = timer.fires_at_us - driver.clock.now_us() if timer is not None else None
            if left_us is not None and left_us <= 0:
                crash_point("engine.timer_fired.before")
                await self._write(TimerFired(timer_id=timer_id))
                crash_point("engine.timer_fired.after")
                continue
            await driver.news(left_us or A_WHILE_US)
            await record.read_on(driver.store, driver.run_id)

    def _arrived(self, until: tuple[str, int] | None) -> Event | None:
        if until is None:
            return None
        name, number = until
        signals = self._record.signals.get(name, ())
        return signals[number - 1] if len(signals) >= number else None

    def _key(self, name: str) -> str:
        """Return the key of the next thing of a name: the second of the same is told apart."""
        self._counts[name] += 1
        count = self._counts[name]
        return name if count == 1 else f"{name}#{count}"

    async def _write(self, payload: AnyEvent) -> Event:
        def decide(state: RunState) -> Sequence[AnyEvent]:
            error = stopped(state)
            if error is not None and payload.kind != "timer_fired":
                raise error
            return [payload]

        async def write(_stop: Stop) -> Event:
            (event,) = await self._driver.append(decide)
            return event

        event = await self._driver.perform(write)
        self._record.took([event])
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
