"""Verifying more than the chain: whether the stored rows are what the one fold gives.

The store checks bytes against hashes; what the fleet and the inbox show follows from the events,
and is compared here with a fold from event 1. `rebuild` makes it right again.
"""

from collections.abc import Callable, Sequence

from quarterdeck_kernel.engine.log_reader import base_rows, pages_of_facts
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.conversation import base_needed, context_of
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_rows
from quarterdeck_kernel.projections.rows import BaseRows, conversation_rows
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.verdict import Fault, Progress, Verdict
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow

_TRIES = 10
_STRETCH = 64


async def refolded(
    store: EventStore, run_id: str, until: int | None = None
) -> tuple[RunState, ProjectionRows]:
    """Return the state of a run folded from event 1, and all rows that its own events give."""
    info = await store.run(run_id)
    fold_again = _Refold(store, run_id, info.parent.seq if info.parent is not None else 0)
    async for events in pages_of_facts(store, run_id, until=until):
        for event in events:
            await fold_again.take(event)
    return fold_again.result()


class _Refold:
    """Folds a log from its beginning, a stretch of events at a time, and gathers all rows.

    A stretch ends where an event needs rows of the state before it.
    """

    def __init__(self, store: EventStore, run_id: str, shared: int) -> None:
        self._store = store
        self._run_id = run_id
        self._shared = shared
        self._state = empty()
        self._stretch: list[Event] = []
        self._context: dict[tuple[int, int], ContextRow] = {}
        self._steps: dict[tuple[str, int], StepRow] = {}

    async def take(self, event: Event) -> None:
        """Take the next event."""
        context = context_of(event)
        bases: BaseRows = {}
        if event.seq == self._shared + 1 or len(self._stretch) == _STRETCH:
            self._fold()
        if context is not None and event.seq > self._shared:
            if base_needed(self._state, context) is not None:
                self._fold()
                bases = await base_rows(self._store, self._run_id, self._state, event)
            for row in conversation_rows((event,), bases):
                self._context[row.thread, row.place] = row
        self._stretch.append(event)

    def _fold(self) -> None:
        if self._stretch and self._stretch[0].seq > self._shared:
            for step in step_rows(self._state, self._stretch):
                self._steps[step.step_key, step.requested_seq] = step
        self._state = fold(self._state, self._stretch)
        self._stretch = []

    def result(self) -> tuple[RunState, ProjectionRows]:
        """Return the state and the rows, in the order a store hands them out."""
        self._fold()
        return self._state, ProjectionRows(
            fleet=fleet_row(self._state),
            inbox_opened=tuple(sorted(inbox_rows(self._state), key=lambda row: row.item_id)),
            context=tuple(self._context[key] for key in sorted(self._context)),
            steps=tuple(self._steps[key] for key in sorted(self._steps)),
        )


async def rebuild(store: EventStore, run_id: str) -> None:
    """Replace the stored rows of a run by what its events give."""
    state, rows = await refolded(store, run_id)
    head = Head(run_id=run_id, seq=state.head_seq, hash=bytes.fromhex(state.head_hash))
    await store.rebuild(run_id, rows, head)


async def verify(
    store: EventStore,
    run_id: str | None = None,
    *,
    against: Sequence[Checkpoint] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Verdict:
    """Check a run or the workspace: hashes first, then the rows against the fold."""
    verdict = await store.verify(run_id, against=against, progress=progress)
    if verdict.fault is not None:
        return verdict
    fault = (
        await _difference(store, run_id) if run_id is not None else await _first_difference(store)
    )
    return Verdict(runs=verdict.runs, events=verdict.events, erased=verdict.erased, fault=fault)


async def _first_difference(store: EventStore) -> Fault | None:
    after = ""
    while heads := await store.heads(after=after):
        for head in heads:
            if (fault := await _difference(store, head.run_id)) is not None:
                return fault
        after = heads[-1].run_id
    return None


async def _difference(store: EventStore, run_id: str) -> Fault | None:
    """Return what the stored rows of a run say differently than its events."""
    stored = await store.projections(run_id)
    _, folded = await refolded(store, run_id, stored.fleet.head_seq)
    for _ in range(_TRIES):
        if stored == folded:
            return None
        # The rows are read by several statements: a run that goes on may have moved between them.
        head_seq = stored.fleet.head_seq
        stored = await store.projections(run_id)
        if stored.fleet.head_seq == head_seq:
            break
        _, folded = await refolded(store, run_id, stored.fleet.head_seq)
    for part in ("fleet", "inbox_opened", "context", "steps"):
        if getattr(stored, part) != getattr(folded, part):
            message = (
                f"the stored rows of run {run_id!r} ({part}) are not what its events give; "
                "`rebuild` makes them anew"
            )
            return Fault(kind="projection_differs", run_id=run_id, seq=None, message=message)
    return None
