"""Verifying more than the chain: whether the stored rows are what the one fold gives.

The store checks bytes against hashes; what the fleet and the inbox show follows from the events,
and so do the snapshots that a resume begins with. Both are compared here with a fold from event 1.
`rebuild` makes them right again.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from quarterdeck_kernel.engine.log_reader import base_rows, pages_of_facts
from quarterdeck_kernel.errors import HeadMovedError, StoreCorruptError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.conversation import base_needed, context_of
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_rows
from quarterdeck_kernel.projections.rows import BaseRows, conversation_rows
from quarterdeck_kernel.projections.run_state import FOLD_VERSION, empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.verdict import Fault, Progress, Verdict
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow

_TRIES = 10
_STRETCH = 64


class _Kept(NamedTuple):
    """A snapshot by its digest, for many of them are large; a fork's may be its parent's."""

    run_id: str
    digest: str


async def refolded(
    store: EventStore, run_id: str, until: int | None = None
) -> tuple[RunState, ProjectionRows]:
    """Return the state of a run folded from event 1, and all rows that its own events give."""
    return (await _refold(store, run_id, until, {})).result()


async def _refold(
    store: EventStore, run_id: str, until: int | None, snapshots: Mapping[int, _Kept]
) -> "_Refold":
    info = await store.run(run_id)
    shared = info.parent.seq if info.parent is not None else 0
    fold_again = _Refold(store, run_id, shared, snapshots)
    async for events in pages_of_facts(store, run_id, until=until):
        for event in events:
            await fold_again.take(event)
    return fold_again


class _Refold:
    """Folds a log from its beginning, a stretch of events at a time, and gathers all rows.

    A stretch ends where an event needs rows of the state before it, and where a snapshot was taken.
    """

    def __init__(
        self, store: EventStore, run_id: str, shared: int, snapshots: Mapping[int, _Kept]
    ) -> None:
        self.wrong_snapshots: list[int] = []
        self._snapshots = snapshots
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
        if (kept := self._snapshots.get(event.seq)) is not None:
            self._fold()
            if _digest(self._state.dump()) != kept.digest:
                self.wrong_snapshots.append(event.seq)

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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def rebuild(store: EventStore, run_id: str) -> None:
    """Replace the stored rows of a run by what its events give; forget its snapshots."""
    for last in reversed(range(_TRIES)):
        state, rows = await refolded(store, run_id)
        head = Head(run_id=run_id, seq=state.head_seq, hash=bytes.fromhex(state.head_hash))
        try:
            return await store.rebuild(run_id, rows, head)
        except HeadMovedError:
            # Somebody went on with the run meanwhile.
            if not last:
                raise
    return None


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
    snapshots = await _snapshots(store, run_id)
    try:
        stored = await store.projections(run_id)
        again = await _refold(store, run_id, stored.fleet.head_seq, snapshots)
        folded = again.result()[1]
        for _ in range(_TRIES):
            if stored == folded:
                break
            # Several statements read the rows: a run that goes on may have moved between them.
            head_seq = stored.fleet.head_seq
            stored = await store.projections(run_id)
            if stored.fleet.head_seq == head_seq:
                break
            _, folded = await refolded(store, run_id, stored.fleet.head_seq)
    except StoreCorruptError:
        return _differs(run_id, "damaged")
    if folded.fleet.read_only is not None:
        # A newer version wrote them, and knew more.
        return None
    for part in ("fleet", "inbox_opened", "context", "steps"):
        if getattr(stored, part) != getattr(folded, part):
            return _differs(run_id, part)
    if again.wrong_snapshots:
        # Unless it was taken away meanwhile, with content that was erased.
        now = await _snapshots(store, run_id)
        for seq in again.wrong_snapshots:
            if now.get(seq) == snapshots[seq]:
                return _differs(snapshots[seq].run_id, f"snapshot of #{seq}")
    return None


def _differs(run_id: str, part: str) -> Fault:
    message = (
        f"the stored rows of run {run_id!r} ({part}) are not what its events give; "
        "`rebuild` makes them anew"
    )
    return Fault(kind="projection_differs", run_id=run_id, seq=None, message=message)


async def _snapshots(store: EventStore, run_id: str) -> dict[int, _Kept]:
    """Return the snapshots that a run may be resumed from, by seq."""
    found: dict[int, _Kept] = {}
    until: int | None = None
    while True:
        snapshot = await store.snapshot(run_id, fold_version=FOLD_VERSION, until=until)
        if snapshot is None:
            return found
        found[snapshot.seq] = _Kept(snapshot.run_id, _digest(snapshot.state))
        until = snapshot.seq - 1
