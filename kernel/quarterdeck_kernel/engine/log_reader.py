"""Reading a run's log back: opened events, the folded state, the rows that follow from it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from quarterdeck_kernel.errors import BlobNotFoundError
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.record import Record, blob_ref
from quarterdeck_kernel.projections.conversation import (
    base_needed,
    context_of,
    spans,
)
from quarterdeck_kernel.projections.open_items import Place
from quarterdeck_kernel.projections.rows import BaseRows
from quarterdeck_kernel.projections.run_state import CONTENT_KINDS, FOLD_VERSION, empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.threads import place_of
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.rows import ContextRow

_PAGE = 256
MadeRows = Mapping[tuple[int, int], tuple[int, int, str]]
"""Rows of lists in halves: event, part and digest, by thread and place."""
"""Events opened and folded between two awaits: some five milliseconds of the loop's time."""


async def opened(store: EventStore, record: Record) -> Event:
    """Return the event of a record, with its content fetched if that is kept as a blob."""
    ref = blob_ref(record.payload)
    if ref is None:
        return open_record(record)
    try:
        return open_record(record, blob=await store.blob(ref))
    except BlobNotFoundError:
        return open_record(record)


async def pages_of_facts(
    store: EventStore, run_id: str, *, after: int = 0, until: int | None = None
) -> AsyncIterator[Iterator[Event]]:
    """Yield a run's events in pages, with the content of those few kinds that a fold keeps.

    The events of a page are opened one by one as they are taken, and can be taken once.
    """
    while True:
        records = await store.read(run_id, after=after, until=until, limit=_PAGE, payloads=False)
        if not records:
            return
        last = records[-1].seq
        kept: dict[int, Event] = {}
        if any(record.kind in CONTENT_KINDS for record in records):
            whole = await store.read(run_id, after=after, until=last, kinds=CONTENT_KINDS)
            kept = {record.seq: await opened(store, record) for record in whole}
        yield _taken(records, kept)
        after = last
        if len(records) < _PAGE:
            return


def _taken(records: Sequence[Record], kept: Mapping[int, Event]) -> Iterator[Event]:
    for record in records:
        yield kept.get(record.seq) or open_record(record, facts_only=True)


async def state_at(store: EventStore, run_id: str, until: int | None = None) -> RunState:
    """Return the state of a run behind event `until`, or behind its newest."""
    snapshot = await store.snapshot(run_id, fold_version=FOLD_VERSION, until=until)
    state = _loaded(snapshot) if snapshot is not None else empty()
    return await advanced(store, run_id, state, until)


def _loaded(snapshot: Snapshot) -> RunState:
    """Return the state of a snapshot; one that is damaged is only a short cut that is not taken."""
    try:
        state = RunState.load(snapshot.state)
    except ValueError:
        return empty()
    whole = (state.head_seq, state.head_hash) == (snapshot.seq, snapshot.hash.hex())
    return state if whole else empty()


async def advanced(
    store: EventStore, run_id: str, state: RunState, until: int | None = None
) -> RunState:
    """Return a state folded on to event `until`, or to the newest."""
    async for events in pages_of_facts(store, run_id, after=state.head_seq, until=until):
        state = fold(state, events)
    return state


async def base_rows(
    store: EventStore, run_id: str, state: RunState, event: Event, made: MadeRows | None = None
) -> BaseRows:
    """Return the rows of the list that a request is built upon, where it must copy some.

    Rows that were `made` and not stored yet go before those of the store.
    """
    context = context_of(event)
    needed = base_needed(state, context) if context is not None else None
    if needed is None:
        return {}
    place = needed.place
    if place is None:
        (record,) = await store.read(run_id, after=needed.seq - 1, until=needed.seq, payloads=False)
        named = context_of(open_record(record, facts_only=True))
        assert named is not None, "the base of a context is an event that has one"
        place = place_of(needed.seq, named)
    return {needed.seq: await rows_of(store, run_id, place, needed.start, needed.stop, made)}


async def rows_of(
    store: EventStore,
    run_id: str,
    place: Place,
    start: int = 0,
    stop: int | None = None,
    made: MadeRows | None = None,
) -> list[ContextRow]:
    """Return the rows of the messages [start, stop) of a list, in order."""
    rows: list[ContextRow] = []
    for span in spans(place, start, stop):
        found = {
            at: ContextRow(span.thread, at, *made[span.thread, at])
            for at in range(span.start, span.stop)
            if made and (span.thread, at) in made
        }
        before = span.stop
        while before > span.start and len(found) < span.stop - span.start:
            page = await store.context(
                run_id, span.thread, before=before, limit=min(before - span.start, PAGE_ROWS)
            )
            if not page:
                break
            for row in page:
                found.setdefault(row.place, row)
            before = page[0].place
        rows += [found[at] for at in sorted(found)]
    return rows
