"""Looks through a log for the nearest event that fits; a page at a time, so that it can stop."""

from quarterdeck.views.log_lines import log_lines
from quarterdeck.views.sought import Sought
from quarterdeck.views.work import Work
from quarterdeck_kernel import Event, EventStore, open_record
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.record import Record, blob_ref

_PAGE_EVENTS = 128


async def seek(store: EventStore, run_id: str, sought: Sought, work: Work) -> int | None:
    """Return the number of the nearest event that fits, or None."""
    head = (await store.run(run_id)).head.seq
    if sought.what == "time":
        return await _last_before(store, run_id, sought.at_us, head)
    forward = sought.step > 0
    whole = sought.what == "text"
    total = head - sought.start if forward else sought.start - 1
    after, until = (sought.start, head) if forward else (0, sought.start - 1)
    while after < until:
        records = await store.read(
            run_id,
            after=after,
            until=until,
            limit=_PAGE_EVENTS,
            backwards=not forward,
            kinds=sought.kinds,
            payloads=whole,
        )
        for record in records:
            if await _fits(store, record, sought):
                return record.seq
        if len(records) < _PAGE_EVENTS:
            return None
        last = records[-1].seq
        after, until = (last, until) if forward else (after, last - 1)
        work.tell(total - (until - after), total)
    return None


async def _fits(store: EventStore, record: Record, sought: Sought) -> bool:
    if sought.what != "text":
        return sought.fits(open_record(record, facts_only=True))
    event = await opened(store, record)
    return sought.text.casefold() in _said(event, record)


def _said(event: Event, record: Record) -> str:
    """Return all that an event says, as one searches it."""
    (line,) = log_lines([event])
    content = record.payload or ""
    if blob_ref(record.payload) is not None:
        content = str(event.payload)
    return f"{event.kind} {line.word} {line.text}\n{content}".casefold()


async def _last_before(store: EventStore, run_id: str, at_us: int, head: int) -> int | None:
    """Return the last event at or before a time, or the first; times rise with the numbers."""
    low, high = 1, head
    while low < high:
        middle = (low + high + 1) // 2
        records = await store.read(run_id, after=middle - 1, until=middle, payloads=False)
        if records and records[0].at_us <= at_us:
            low = middle
        else:
            high = middle - 1
    return low if head else None
