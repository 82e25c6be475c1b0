"""Verifying more than the chain: whether the stored rows are what the one fold gives.

The store checks bytes against hashes; what the fleet and the inbox show follows from the events,
and so do the snapshots that a resume begins with. Both are compared here with a fold from event 1.
`rebuild` makes them right again.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from quarterdeck_kernel.engine.log_reader import base_rows, opened, pages_of_facts
from quarterdeck_kernel.errors import HeadMovedError, StoreCorruptError
from quarterdeck_kernel.events.envelope import Event, open_header
from quarterdeck_kernel.projections.charges import charge
from quarterdeck_kernel.projections.conversation import base_needed, context_of
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_rows
from quarterdeck_kernel.projections.rows import BaseRows, conversation_rows, summed
from quarterdeck_kernel.projections.run_state import CONTENT_KINDS, FOLD_VERSION, empty, fold_on
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import steps_in
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.verdict import Fault, Progress, Sound, Verdict
from quarterdeck_kernel.vocabulary.rows import ContextRow, LedgerRow, ProjectionRows, StepRow

_TRIES = 10
_HELD_EVENTS = 32_768
"""Events whose rows are kept, at some 400 bytes each, until the ends of their runs come by."""
_HELD_RUN = 32
"""What a state takes, as so many events."""


class _Kept(NamedTuple):
    """A snapshot by its digest, for many of them are large; a fork's may be its parent's."""

    run_id: str
    digest: str


async def refolded(
    store: EventStore, run_id: str, until: int | None = None
) -> tuple[RunState, ProjectionRows]:
    """Return the state of a run folded from event 1, and all rows that its own events give."""
    return (await _refold(store, run_id, until)).result()


async def _refold(
    store: EventStore,
    run_id: str,
    until: int | None = None,
    *,
    snapshots: Mapping[int, _Kept] | None = None,
    snapshot_every: int | None = None,
) -> "_Refold":
    info = await store.run(run_id)
    shared = info.parent.seq if info.parent is not None else 0
    refold = _Refold(store, run_id, shared, snapshots or {}, snapshot_every)
    async for events in pages_of_facts(store, run_id, until=until):
        await refold.take(events)
    return refold


class _Refold:
    """Folds a log from its beginning, a stretch of events at a time, and gathers all rows.

    A stretch ends where an event needs rows of the state before it, and where a snapshot was taken.
    """

    def __init__(
        self,
        store: EventStore,
        run_id: str,
        shared: int,
        snapshots: Mapping[int, _Kept],
        snapshot_every: int | None = None,
    ) -> None:
        self.snapshots = snapshots
        self.made: list[Snapshot] = []
        self._snapshot_every = snapshot_every
        self.taken = 0
        self.wrong_snapshots: list[int] = []
        self._store = store
        self._run_id = run_id
        self._shared = shared
        self._state = empty()
        self._stretch: list[Event] = []
        # Halves of rows, by the other half: plain tuples, which the collector leaves alone.
        self._context: dict[tuple[int, int], tuple[int, int, str]] = {}
        self._steps: dict[tuple[str, int], int | None] = {}
        self._ledger: tuple[LedgerRow, ...] = ()

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
                    bases = await base_rows(
                        self._store, self._run_id, self._state, event, self._context
                    )
                for row in conversation_rows((event,), bases):
                    self._context[row.thread, row.place] = (row.seq, row.part, row.digest)
            self._stretch.append(event)
            self.taken += 1
            if (kept := self.snapshots.get(event.seq)) is not None:
                self._fold()
                if _digest(self._state.dump()) != kept.digest:
                    self.wrong_snapshots.append(event.seq)
            if self._snapshot_every is not None and event.seq % self._snapshot_every == 0:
                self._fold()
                self._make_snapshot(event)
        self._fold()

    def _make_snapshot(self, event: Event) -> None:
        if event.seq > self._shared:
            snapshot = Snapshot(
                run_id=self._run_id,
                seq=event.seq,
                hash=bytes.fromhex(event.hash),
                fold_version=FOLD_VERSION,
                state=self._state.dump(),
            )
            self.made.append(snapshot)

    def _fold(self) -> None:
        if self._stretch and self._stretch[0].seq > self._shared:
            self._steps.update(steps_in(self._state, self._stretch))
            self._fold_with_ledger()
        else:
            fold_on(self._state, self._stretch)
        self._stretch = []

    def _fold_with_ledger(self) -> None:
        """Fold event by event what is charged to somebody: it is what each makes of the sums."""
        rows = [*self._ledger]
        for event in self._stretch:
            charged = charge(self._state, event)
            fold_on(self._state, (event,))
            if charged is not None:
                rows += charged.rows(self._state)
        self._ledger = summed(rows)

    def result(self) -> tuple[RunState, ProjectionRows]:
        """Return the state and the rows, in the order a store hands them out."""
        return self._state, ProjectionRows(
            fleet=fleet_row(self._state),
            inbox_opened=tuple(sorted(inbox_rows(self._state), key=lambda row: row.item_id)),
            context=tuple(
                ContextRow(thread, place, *self._context[thread, place])
                for thread, place in sorted(self._context)
            ),
            steps=tuple(StepRow(*key, self._steps[key]) for key in sorted(self._steps)),
            ledger=self._ledger,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def rebuild(store: EventStore, run_id: str, *, snapshot_every: int | None = None) -> None:
    """Replace the stored rows of a run by what its events give; forget its snapshots.

    With `snapshot_every` there are new ones, made on the way.
    """
    for last in reversed(range(_TRIES)):
        refold = await _refold(store, run_id, snapshot_every=snapshot_every)
        state, rows = refold.result()
        head = Head(run_id=run_id, seq=state.head_seq, hash=bytes.fromhex(state.head_hash))
        try:
            await store.rebuild(run_id, rows, head)
        except HeadMovedError:
            # Somebody went on with the run meanwhile.
            if not last:
                raise
        else:
            for snapshot in refold.made:
                await store.put_snapshot(snapshot)
            return


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
    follow from events which are not what was written say nothing. If more runs are under way
    than memory is meant for, those begun last are let go, and read again at their ends.
    """

    def __init__(self, store: EventStore, only: str | None) -> None:
        self._store = store
        self._only = only
        self._folds: dict[str, _Refold] = {}
        self._held = 0
        self._fault: Fault | None = None
        self._error: Exception | None = None

    async def follow(self, sound: Sequence[Sound]) -> None:
        """Take the next events of any runs."""
        if self._fault is None and self._error is None:
            try:
                await self._take(sound)
            except Exception as error:  # noqa: BLE001 - raised again once the hashes are right
                self._error = error

    def result(self) -> Fault | None:
        """Return the first difference that was found."""
        if self._error is not None:
            raise self._error
        return self._fault

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
                if not await self._folded(run_id, header["seq"]):
                    continue
                page = pages[run_id] = []
            if header["facts"].get("kind") in CONTENT_KINDS:
                page.append(await self._whole(run_id, header["seq"]))
            else:
                page.append(open_header(header, digest))
        for run_id, events in pages.items():
            await self._folds[run_id].take(events)
            self._held += len(events)
        for run_id in ended:
            if self._fault is None:
                self._fault = await _difference(self._store, run_id, self._let_go(run_id))
        while self._held > _HELD_EVENTS and len(self._folds) > 1:
            self._let_go(next(reversed(self._folds)))

    async def _folded(self, run_id: str, seq: int) -> bool:
        """Tell whether a run is folded here, from its first event on.

        What a fork shares comes by under its parent's name: it is read again at its end.
        """
        if run_id in self._folds:
            return True
        if seq > 1:
            return False
        snapshots = await _snapshots(self._store, run_id)
        self._folds[run_id] = _Refold(self._store, run_id, 0, snapshots)
        self._held += _HELD_RUN
        return True

    async def _whole(self, run_id: str, seq: int) -> Event:
        (record,) = await self._store.read(run_id, after=seq - 1, until=seq)
        return await opened(self._store, record)

    def _let_go(self, run_id: str) -> _Refold | None:
        refold = self._folds.pop(run_id, None)
        if refold is not None:
            self._held -= refold.taken + _HELD_RUN
        return refold


async def _difference(store: EventStore, run_id: str, again: _Refold | None) -> Fault | None:
    """Return what the stored rows of a run say differently than its events.

    `again` is the run folded from its events, if somebody did so already.
    """
    try:
        stored = await store.projections(run_id)
        if again is None:
            snapshots = await _snapshots(store, run_id)
            again = await _refold(store, run_id, stored.fleet.head_seq, snapshots=snapshots)
        folded = again.result()[1]
        for _ in range(_TRIES):
            if stored == folded:
                break
            # Several statements read the rows: a run that goes on may have moved between them.
            head_seq = stored.fleet.head_seq
            if head_seq == folded.fleet.head_seq:
                stored = await store.projections(run_id)
                if stored.fleet.head_seq == head_seq:
                    break
            _, folded = await refolded(store, run_id, stored.fleet.head_seq)
    except StoreCorruptError:
        return _differs(run_id, "damaged")
    if folded.fleet.read_only is not None:
        # A newer version wrote them, and knew more.
        return None
    for part in ("fleet", "inbox_opened", "context", "steps", "ledger"):
        if getattr(stored, part) != getattr(folded, part):
            return _differs(run_id, part)
    if again.wrong_snapshots:
        # Unless it was taken away meanwhile, with content that was erased.
        now = await _snapshots(store, run_id)
        for seq in again.wrong_snapshots:
            if now.get(seq) == (kept := again.snapshots[seq]):
                return _differs(kept.run_id, f"snapshot of #{seq}")
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
