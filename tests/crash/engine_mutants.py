"""Broken engines, each made in the process that is to play with it. Every one must be caught."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from quarterdeck_kernel.engine import (
    journal,
    model_step,
    pauses,
    recovery,
    run_driver,
    tool_step,
)
from quarterdeck_kernel.engine.dispatch import Outcome, dispatched
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_plan import Goes
from quarterdeck_kernel.engine.tool_record import Fresh
from quarterdeck_kernel.engine.workflow_record import WorkflowRecord
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import WorkflowStepCompleted
from quarterdeck_kernel.guards.chain import Chain, Judged
from quarterdeck_kernel.kernel import people
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.vocabulary.rows import StepRow


def _put(where: object, name: str, broken: object) -> None:
    assert hasattr(where, name), f"{where} has no {name} any more: the mutant changes nothing"
    setattr(where, name, broken)


def dispatches_before_the_intent() -> None:
    """The tool is called, and then it is written down that it is going to be."""
    begin, early = tool_step.ToolSteps._begin, dict[str, Outcome]()

    async def begins(self: Any, plans: Any, *rest: Any) -> Any:  # noqa: ANN401 - as it is wrapped
        for plan in plans.values():
            if isinstance(plan, Goes):
                key = plan.ready.asked.step_key
                early[key] = await dispatched(self._driver, plan.ready, 0, self._stop)
        return await begin(self, plans, *rest)

    async def told(_driver: Any, ready: Any, *_rest: Any) -> Outcome:  # noqa: ANN401 - as it is wrapped
        return early[ready.asked.step_key]

    _put(tool_step.ToolSteps, "_begin", begins)
    _put(tool_step, "dispatched", told)


def _closing(state: RunState, *, once: str) -> Iterator[AnyEvent]:
    for event in recovery.closing_events(state):
        if isinstance(event, ToolCompleted) and event.outcome == "unknown_outcome":
            yield event.model_copy(update={"outcome": once})
        elif not isinstance(event, WorkflowStepCompleted):
            yield event


def tries_an_interrupted_once_again() -> None:
    """What a dead process left open is taken for something that did not happen."""
    _put(run_driver, "closing_events", partial(_closing, once="transient_error"))


def takes_an_interrupted_once_for_done() -> None:
    """What a dead process left open is taken for something that happened."""
    _put(run_driver, "closing_events", partial(_closing, once="success"))


def leaves_open_what_it_found_open() -> None:
    """Taking a run up closes nothing."""
    _put(run_driver, "closing_events", lambda *_: iter(()))


def forgets_whose_outcome_it_is() -> None:
    """An outcome names the first intent that is open, not its own."""
    settle = RunDriver.settle

    async def settles(self: RunDriver, outcome: ToolCompleted, *more: Any) -> Event:  # noqa: ANN401 - as it is wrapped
        first = min(self.state.tool_intents, default=outcome.intent_seq)
        return await settle(self, outcome.model_copy(update={"intent_seq": first}), *more)

    _put(RunDriver, "settle", settles)


def asks_a_person_again() -> None:
    """A rerun does not look for the answer it has been given."""
    ask = pauses.ask

    async def asks(driver: RunDriver, question: Any, stop: Any) -> Any:  # noqa: ANN401 - as it is wrapped
        row, looks = driver.row, 0

        async def none_at_first(step_key: str) -> StepRow | None:
            nonlocal looks
            looks += 1
            found = await row(step_key)
            answered = found is not None and found.completed_seq is not None
            return None if looks == 1 and answered else found

        _put(driver, "row", none_at_first)
        try:
            return await ask(driver, question, stop)
        finally:
            _put(driver, "row", row)

    _put(people, "ask", asks)


def asks_a_model_again() -> None:
    """A model step does not look for the answer it has been given."""

    async def nothing(*_given: object) -> None:
        return None

    _put(model_step, "recorded", nothing)


def calls_a_tool_again() -> None:
    """A tool step does not look for the outcome it has had."""

    async def fresh(*_given: object) -> Any:  # noqa: ANN401 - as it is replaced
        return Fresh()

    _put(tool_step, "found", fresh)


def runs_a_finished_step_again() -> None:
    """A workflow does not take in how its steps ended."""
    take = WorkflowRecord._take

    def takes(self: WorkflowRecord, event: Event) -> None:
        if not isinstance(event.payload, WorkflowStepCompleted):
            take(self, event)

    _put(WorkflowRecord, "_take", takes)


def acknowledges_too_early() -> None:
    """An append is said to be stored before it is."""
    append = SqliteStore.append
    under_way: set[asyncio.Task[None]] = set()

    async def appends(self: SqliteStore, batch: Batch) -> None:
        if batch.expected is None:
            await append(self, batch)
        else:
            under_way.add(asyncio.create_task(append(self, batch)))

    _put(SqliteStore, "append", appends)


def lets_a_guarded_call_go() -> None:
    """What a guard wants a person to see is begun at once."""

    async def nobody(_chain: Chain, _call: object, _kinds: object) -> Judged:
        return Judged()

    _put(Chain, "judged", nobody)


def never_gives_back_what_an_interrupted_call_reserved() -> None:
    """Whoever closes what a dead process left open leaves the account alone."""
    moves = journal.account_moves

    def forgets(before: RunState, after: RunState, event: Event) -> Any:  # noqa: ANN401 - as it is wrapped
        payload = event.payload
        left = isinstance(payload, ToolCompleted) and payload.cause == recovery.INTERRUPTED
        return () if left else moves(before, after, event)

    _put(journal, "account_moves", forgets)


def reserves_nothing() -> None:
    """A call begins without anything being set aside for it."""
    moves = journal.account_moves

    def spends(before: RunState, after: RunState, event: Event) -> Any:  # noqa: ANN401 - as it is wrapped
        asks = event.kind in {"tool_requested", "model_requested"}
        return () if asks else moves(before, after, event)

    _put(journal, "account_moves", spends)
