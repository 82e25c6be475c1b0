"""Verifying more than the chain: whether the stored rows are what the one fold gives.

The store checks bytes against hashes; what the fleet and the inbox show follows from the events,
and is compared here with a fold from event 1. `rebuild` makes it right again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from quarterdeck_kernel.engine.log_reader import base_rows, opened, pages_of_facts
from quarterdeck_kernel.events.envelope import Event, open_header
from quarterdeck_kernel.projections.conversation import base_needed, context_of
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_rows
from quarterdeck_kernel.projections.rows import BaseRows, conversation_rows
from quarterdeck_kernel.projections.run_state import CONTENT_KINDS, empty, fold_on
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.verdict import Fault, Progress, Sound, Verdict
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow

_TRIES = 10


async def refolded(
    store: EventStore, run_id: str, until: int | None = None
) -> tuple[RunState, ProjectionRows]:
    """Return the state of a run folded from event 1, and all rows that its own events give."""
    info = await store.run(run_id)
    refold = _Refold(store, run_id, info.parent.seq if info.parent is not None else 0)
    async for events in pages_of_facts(store, run_id, until=until):
        await refold.take(events)
    return refold.result()


class _Refold:
    """Folds a log from its beginning, a stretch of events at a time, and gathers all rows.

    A stretch ends where an event needs rows of the state before it.
    """

    def __init__(self, store: EventStore, run_id: str, shared: int = 0) -> None:
        self._store = store
        self._run_id = run_id
        self._shared = shared
        self._state = empty()
        self._stretch: list[Event] = []
        self._context: dict[tuple[int, int], ContextRow] = {}
        self._steps: dict[tuple[str, int], StepRow] = {}

    async def take(self, events: Iterable[Event]) -> None:
        """Take the next events."""
        for event in events:
            if event.seq == self._shared + 1:
                self._fold()
            context = context_of(event)
            if context is not None and event.seq > self._shared:
                bases: BaseRows = {}
                if base_needed(self._state, context) is not None:
                    self._fold()
                    bases = await base_rows(self._store, self._run_id, self._state, event)
                for row in conversation_rows((event,), bases):
                    self._context[row.thread, row.place] = row
            self._stretch.append(event)
        self._fold()

    def _fold(self) -> None:
        if self._stretch and self._stretch[0].seq > self._shared:
            for step in step_rows(self._state, self._stretch):
                self._steps[step.step_key, step.requested_seq] = step
        fold_on(self._state, self._stretch)
        self._stretch = []

    def result(self) -> tuple[RunState, ProjectionRows]:
        """Return the state and the rows, in the order a store hands them out."""
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
    """Check a run or the workspace: hashes, and the rows against the fold of what was hashed."""
    comparison = _Comparison(store, run_id)
    verdict = await store.verify(
        run_id, against=against, progress=progress, follow=comparison.follow
    )
    if verdict.fault is not None:
        return verdict
    return replace(verdict, fault=comparison.result())


class _Comparison:
    """Folds runs beside the check of their hashes, and compares each when its end is reached.

    What is wrong with the rows is told only when the hashes are known to be right: rows that
    follow from events which are not what was written say nothing.
    """

    def __init__(self, store: EventStore, only: str | None) -> None:
        self._store = store
        self._only = only
        self._folds: dict[str, _Refold] = {}
        self._fault: Fault | None = None
        self._error: Exception | None = None

    async def follow(self, sound: Sequence[Sound]) -> None:
        """Take the next events of any runs."""
        if self._fault is None and self._error is None:
            try:
                await self._take(sound)
            except Exception as error:  # noqa: BLE001 - raised again once the hashes are right
                self._error = error

    async def _take(self, sound: Sequence[Sound]) -> None:
        pages: dict[str, list[Event]] = {}
        ended: list[str] = []
        for header, digest, newest in sound:
            run_id = header["run_id"]
            if self._only is not None and run_id != self._only:
                continue
            if newest:
                ended.append(run_id)
            page = pages.get(run_id)
            if page is None:
                if run_id not in self._folds:
                    if header["seq"] > 1:
                        # A fork: what it shares came by under its parent's name.
                        continue
                    self._folds[run_id] = _Refold(self._store, run_id)
                page = pages[run_id] = []
            if header["facts"].get("kind") in CONTENT_KINDS:
                page.append(await self._whole(run_id, header["seq"]))
            else:
                page.append(open_header(header, digest))
        for run_id, events in pages.items():
            await self._folds[run_id].take(events)
        for run_id in ended:
            refold = self._folds.pop(run_id, None)
            folded = refold.result()[1] if refold is not None else None
            self._fault = self._fault or await _difference(self._store, run_id, folded)

    async def _whole(self, run_id: str, seq: int) -> Event:
        (record,) = await self._store.read(run_id, after=seq - 1, until=seq)
        return await opened(self._store, record)

    def result(self) -> Fault | None:
        """Return the first difference that was found."""
        if self._error is not None:
            raise self._error
        return self._fault


async def _difference(
    store: EventStore, run_id: str, folded: ProjectionRows | None
) -> Fault | None:
    """Return what the stored rows of a run say differently than its events.

    `folded` are the rows that were found to follow from them, if anybody folded them already.
    """
    stored = await store.projections(run_id)
    if folded is None or folded.fleet.head_seq != stored.fleet.head_seq:
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
                "`quarterdeck doctor --rebuild` makes them anew"
            )
            return Fault(kind="projection_differs", run_id=run_id, seq=None, message=message)
    return None
