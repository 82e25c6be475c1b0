"""The replay check: running code against a log, to see whether it still does what the log says.

Owns a driver that answers from the record and does nothing: it takes no lease, writes no event,
and where a step would be done for the first time, the check ends. What the code came to, and what
it did not, is compared with what is on record up to the event that was the newest in the beginning;
whoever drives the run meanwhile is neither seen nor disturbed.

Steps under a key of their own are found by it, in whatever order code asks for them: what runs side
by side has no order. Named steps of a workflow have one. What a workflow step did inside is done
with the step, and not looked into.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.log_reader import pages_of_facts
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.workflow_record import timer_key
from quarterdeck_kernel.errors import ConsistencyError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import TimerSet, ValueRecorded, WorkflowStepRequested
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.rows import StepRow

T = TypeVar("T")

_SHOWN_CHARS = 300
_TURNS = 25
"""Of the loop, in which code that only goes from one durable call to the next has asked for it."""


class ReplayEndError(BaseException):
    """Ends the code at a step that is not on record. No `Exception`: code is not to survive it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay check found.

    `equal`: nothing the code did differs from the log. `complete`: the code came to its end, and
    nothing on record was left over; without it the log ends before the code does, or the run was
    ended from outside. Where they differ, `seq` is the event at which they part (None if the log
    has ended there), `recorded` what stands there, `offered` what the code has instead. `raised` is
    what the code ended with, if it did not return.
    """

    run_id: str
    head_seq: int
    equal: bool
    complete: bool
    sentence: str
    seq: int | None = None
    recorded: str | None = None
    offered: str | None = None
    raised: str | None = None

    def __str__(self) -> str:
        return self.sentence


class Asked(NamedTuple):
    """Something on record that the code asked for: a step, a pause, a value, a timer."""

    seq: int
    key: str
    ended_seq: int | None
    is_workflow_step: bool


class Index:
    """What is on record of a run up to one event: the newest row of each step, and all askings."""

    def __init__(self) -> None:
        self.rows: dict[str, StepRow] = {}
        self.asked: dict[tuple[str, int], Asked] = {}
        self.last_seq: int | None = None

    @classmethod
    async def of(cls, store: EventStore, run_id: str, until: int) -> "Index":
        """Read a run's log, without its content."""
        index, state = cls(), empty()
        async for page in pages_of_facts(store, run_id, until=until):
            events = tuple(page)
            index._take(state, events)
            state = fold(state, events)
        return index

    def _take(self, before: RunState, events: Sequence[Event]) -> None:
        workflow = {e.seq for e in events if isinstance(e.payload, WorkflowStepRequested)}
        for row in step_rows(before, events):
            key, seq = row.step_key, row.requested_seq
            known = self.asked.get((key, seq))
            is_workflow_step = seq in workflow or (known is not None and known.is_workflow_step)
            self.asked[key, seq] = Asked(seq, key, row.completed_seq, is_workflow_step)
            newest = self.rows.get(key)
            if newest is None or newest.requested_seq <= seq:
                self.rows[key] = row
        for event in events:
            match event.payload:
                case TimerSet() as timer:
                    key = timer_key(timer.timer_id)
                    self.asked[key, event.seq] = Asked(event.seq, key, None, False)
                case RunSucceeded() | RunFailed():
                    self.last_seq = event.seq
                case _:
                    pass

    def left(self, visited: set[str]) -> Asked | None:
        """Return the first thing that the code has not come to."""
        spans = [
            (item.seq, item.ended_seq)
            for item in self.asked.values()
            if item.is_workflow_step and item.key in visited
        ]

        def inside(seq: int) -> bool:
            return any(a < seq and (b is None or seq < b) for a, b in spans)

        missing = [i for i in self.asked.values() if i.key not in visited and not inside(i.seq)]
        return min(missing, default=None)


class _OpenGate(asyncio.Lock):
    """Nobody waits where nothing is written: what runs side by side is seen to do so."""

    def locked(self) -> bool:
        return False

    async def acquire(self) -> bool:  # type: ignore[override]
        return True

    def release(self) -> None:
        return None


class ReplayDriver(RunDriver):
    """Answers from the record, up to one event. Made by `replayed`."""

    index: Index
    horizon: int

    async def ready(self) -> None:
        """Read the record; to be called once, before anything else."""
        self.gate = _OpenGate()
        self.horizon = self.state.head_seq
        self.index = await Index.of(self.store, self.run_id, self.horizon)
        self.visited: set[str] = set()
        self.divergence: ConsistencyError | None = None
        self.offered: str | None = None
        self.finished = False
        self._stuck: set[asyncio.Task[Any] | None] = set()

    # -- what the record says

    async def take_up(self) -> RunState:
        """Return the state at the horizon; nobody takes anything up."""
        return self.state

    async def refresh(self) -> RunState:
        """Return the same state again."""
        return self.state

    async def row(self, step_key: str) -> StepRow | None:
        """Return where a step was last asked for."""
        self.visit(step_key)
        return self.index.rows.get(step_key)

    def visit(self, step_key: str) -> None:
        """Note that the code came to a step."""
        self.visited.add(step_key)

    async def perform(self, body: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
        """Run a step; what it finds to differ is the result of the check."""
        try:
            return await super().perform(body)
        except ConsistencyError as error:
            self.diverged(error)
            raise

    def diverged(self, error: ConsistencyError) -> None:
        """Note where code and log part; the first such place counts."""
        if self.divergence is None and self.offered is None:
            self.divergence = error

    # -- what would be done for the first time

    async def fresh(self, offered: str) -> None:
        """End the code here, once everything beside it has come as far as it can."""
        task = asyncio.current_task()
        if self.offered is None:
            self.offered = offered
        self._stuck.add(task)
        await self._quiet()
        raise ReplayEndError(offered)

    async def _quiet(self) -> None:
        turns = 0
        while turns < _TURNS:
            busy = [task for task in self._stops if task not in self._stuck]
            if busy:
                turns = 0
                await asyncio.wait(busy)
            turns += 1
            await asyncio.sleep(0)

    async def append(
        self,
        decide: Decide,  # noqa: ARG002 - nothing is decided here
        *,
        actor: Actor = AGENT,  # noqa: ARG002
        stands: str | None = None,  # noqa: ARG002
    ) -> tuple[Event, ...]:
        """Write nothing: whatever would be written is not on record."""
        await self.fresh("something to be written")
        raise AssertionError("the code ended before this")

    async def settle(self, outcome: ToolCompleted) -> Event:
        """Write nothing."""
        await self.fresh(f"an outcome of #{outcome.intent_seq}")
        raise AssertionError("the code ended before this")

    async def check_boundary(self) -> None:
        """Let the code go on: whether it might then is on record."""

    async def end_cancelled(self) -> None:
        """Leave the run as it is."""

    async def let_go(self) -> None:
        """Give nothing back."""

    # -- the end

    async def end(self, decide: Callable[[RunState], AnyEvent], *, actor: Actor) -> Event:  # noqa: ARG002
        """Compare the end that the code comes to with the one on record."""
        offered = decide(self.state)
        left = self.index.left(self.visited)
        last_seq = self.index.last_seq
        if left is not None or last_seq is None:
            self.offered = self.offered or _text(offered)
            raise ReplayEndError(self.offered)
        last = await self.event(last_seq)
        if last.content == "present" and not _same(last.payload, offered):
            self.diverged(_parted(last, _text(last.payload), _text(offered)))
            raise ReplayEndError(_text(offered))
        self.finished = True
        return last

    async def report(self, error: BaseException | None) -> ReplayReport:
        """Return what was found when the code has ended, with `error` or without."""
        divergence = self.divergence or _consistency(error)
        raised = None
        if error is not None and not _ended_here(error):
            raised = f"{type(error).__name__}: {error}"
        if divergence is None:
            divergence = await self._left_over()
        if divergence is not None:
            return self._report(
                equal=False,
                sentence=str(divergence),
                seq=divergence.seq,
                recorded=divergence.recorded,
                offered=divergence.offered,
                raised=raised,
            )
        if self.offered is None:
            return self._report(
                sentence=f"the code did what run {self.run_id!r} has on record, to the end",
                complete=True,
                raised=raised,
            )
        ended = f", and was {self.state.status}" if self.state.terminal else ""
        return self._report(
            sentence=(
                f"the code did what run {self.run_id!r} has on record, which ends with event "
                f"#{self.horizon}{ended}; it would go on with {self.offered}"
            ),
            offered=self.offered,
            raised=raised,
        )

    def _report(
        self,
        *,
        sentence: str,
        equal: bool = True,
        complete: bool = False,
        seq: int | None = None,
        recorded: str | None = None,
        offered: str | None = None,
        raised: str | None = None,
    ) -> ReplayReport:
        return ReplayReport(
            run_id=self.run_id,
            head_seq=self.horizon,
            equal=equal,
            complete=complete,
            sentence=sentence,
            seq=seq,
            recorded=recorded,
            offered=offered,
            raised=raised,
        )

    async def _left_over(self) -> ConsistencyError | None:
        """Return what is on record that the code did not come to."""
        left = self.index.left(self.visited)
        offered = self.offered or "the end of the code"
        if left is not None:
            event = await self.event(left.seq)
            return _parted(event, _text(event.payload), offered)
        if self.index.last_seq is not None and self.offered is not None:
            event = await self.event(self.index.last_seq)
            return _parted(event, _text(event.payload), offered)
        return None


def _ended_here(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_ended_here, error.exceptions))
    return isinstance(error, ReplayEndError | ConsistencyError)


def _consistency(error: BaseException | None) -> ConsistencyError | None:
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_consistency, error.exceptions)), None)
    return error if isinstance(error, ConsistencyError) else None


def _parted(event: Event, recorded: str, offered: str) -> ConsistencyError:
    return ConsistencyError(
        f"code and log part at event #{event.seq}: recorded is {recorded}, and the code has "
        f"{offered}",
        seq=event.seq,
        recorded=recorded,
        offered=offered,
    )


def _same(recorded: AnyEvent, offered: AnyEvent) -> bool:
    if isinstance(recorded, RunSucceeded) and isinstance(offered, RunSucceeded):
        return canonical.encode(recorded.answer) == canonical.encode(offered.answer)
    if isinstance(recorded, RunFailed) and isinstance(offered, RunFailed):
        return (recorded.error, recorded.message) == (offered.error, offered.message)
    return False


def _text(payload: AnyEvent) -> str:
    """Return what an event is, as one side of a divergence."""
    match payload:
        case ToolRequested():
            arguments = canonical.encode(payload.arguments)[:_SHOWN_CHARS]
            return f"tool step {payload.step_key!r}: {payload.tool} {arguments}"
        case ModelRequested():
            said = payload.new_messages[-1] if payload.new_messages else None
            text = f": {said.role} {said.text[:_SHOWN_CHARS]!r}" if said is not None else ""
            return f"model step {payload.step_key!r}{text}"
        case WorkflowStepRequested():
            return f"step {payload.position} {payload.name!r}"
        case PauseRequested():
            return f"pause {payload.title!r}"
        case ValueRecorded():
            return f"{payload.source} as {payload.step_key!r}"
        case TimerSet():
            return f"timer {payload.timer_id!r}"
        case RunSucceeded():
            return f"the end, with the answer {canonical.encode(payload.answer)[:_SHOWN_CHARS]}"
        case RunFailed():
            return f"the end, failed with {payload.error}: {payload.message}"
        case _:
            return payload.kind
