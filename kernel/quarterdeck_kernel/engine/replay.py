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
from dataclasses import replace
from typing import Any, TypeVar

from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.debts import Completed
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.replay_index import ReplayIndex
from quarterdeck_kernel.engine.replay_report import ReplayReport, parted, same_end, text_of
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.workflow_record import THE_END
from quarterdeck_kernel.errors import ConsistencyError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.rows import StepRow

T = TypeVar("T")

_TURNS = 25
"""Of the loop, in which code that only goes from one durable call to the next has asked for it."""


class ReplayEndError(BaseException):
    """Ends the code at a step that is not on record. No `Exception`: code is not to survive it."""


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

    index: ReplayIndex
    horizon: int

    async def ready(self) -> None:
        """Read the record; to be called once, before anything else."""
        self.answer_from(await ReplayIndex.of(self.store, self.run_id, self.state.head_seq))

    def answer_from(self, index: ReplayIndex) -> None:
        """Take over what is on record."""
        self.gate = _OpenGate()
        self.horizon = self.state.head_seq
        self.index = index
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

    async def settle(
        self,
        outcome: Completed,
        beside: Sequence[ArtifactWritten] = (),  # noqa: ARG002 - nothing is written
    ) -> Event:
        """Write nothing."""
        await self.fresh(f"an outcome of #{outcome.intent_seq}")
        raise AssertionError("the code ended before this")

    async def check_boundary(self, *, asks: bool = False) -> None:
        """Let the code go on: whether it might then is on record."""

    async def end_cancelled(self) -> None:
        """Leave the run as it is."""

    async def let_go(self) -> None:
        """Give nothing back."""

    # -- the end

    async def end(self, decide: Callable[[RunState], AnyEvent], *, actor: Actor) -> Event:  # noqa: ARG002
        """Compare the end that the code comes to with the one on record."""
        (offered,) = self.ingress.taken([decide(self.state)]).payloads[-1:]
        left = self.index.left(self.visited)
        last_seq = self.index.last_seq
        if left is not None or last_seq is None:
            self.offered = self.offered or text_of(offered)
            raise ReplayEndError(self.offered)
        last = await self.event(last_seq)
        if last.content == "present" and not same_end(last.payload, offered):
            self.diverged(parted(last, text_of(last.payload), text_of(offered)))
            raise ReplayEndError(text_of(offered))
        self.finished = True
        return last

    async def report(self, error: BaseException | None) -> ReplayReport:
        """Return what was found when the code has ended, with `error` or without."""
        divergence = self.divergence or _consistency(error)
        raised = None
        if error is not None and not _ended_here(error):
            raised = f"{type(error).__name__}: {error}"
        if divergence is None or divergence.offered == THE_END:
            # Of what the code has not come to, what stands first is named.
            divergence = await self._left_over() or divergence
        sides = ReplayReport(
            run_id=self.run_id,
            head_seq=self.horizon,
            equal=divergence is None,
            complete=divergence is None and self.offered is None,
            offered=self.offered,
            raised=raised,
            sentence=f"the code did what run {self.run_id!r} has on record, to the end",
        )
        if divergence is not None:
            return replace(
                sides,
                sentence=str(divergence),
                seq=divergence.seq,
                recorded=divergence.recorded,
                offered=divergence.offered,
            )
        if self.offered is None:
            return sides
        ended = f", and was {self.state.status}" if self.state.terminal else ""
        sentence = (
            f"the code did what run {self.run_id!r} has on record, which ends with event "
            f"#{self.horizon}{ended}; it would go on with {self.offered}"
        )
        return replace(sides, sentence=sentence)

    async def _left_over(self) -> ConsistencyError | None:
        """Return what is on record that the code did not come to."""
        left = self.index.left(self.visited)
        offered = self.offered or THE_END
        if left is not None:
            event = await self.event(left.seq)
            return parted(event, text_of(event.payload), offered)
        if self.index.last_seq is not None and self.offered is not None:
            event = await self.event(self.index.last_seq)
            return parted(event, text_of(event.payload), offered)
        return None


def _ended_here(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_ended_here, error.exceptions))
    return isinstance(error, ReplayEndError | ConsistencyError)


def _consistency(error: BaseException | None) -> ConsistencyError | None:
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_consistency, error.exceptions)), None)
    return error if isinstance(error, ConsistencyError) else None
