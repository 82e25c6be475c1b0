"""Reads the line of the run on the screen: of every event its kind and time, page by page."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from quarterdeck.views.work import Work

if TYPE_CHECKING:
    from quarterdeck.views.timeline import Survey
    from quarterdeck_kernel.store.port import EventStore

_KEPT = 8


class Surveys:
    """Remembers the lines of the runs that were looked at last.

    What came since is read by itself; a long rest is read by whoever waits for it, and can stop.
    """

    def __init__(self) -> None:
        """Know none."""
        self._known: OrderedDict[str, Survey] = OrderedDict()
        self._wish: str | None = None
        self._wished = asyncio.Event()

    def survey(self, run_id: str, head: int) -> "Survey":
        """Return what is known; if only a page is missing up to `head`, it is read next."""
        from quarterdeck.views.timeline import READ_AT_ONCE, Survey

        survey = self._known.setdefault(run_id, Survey())
        self._known.move_to_end(run_id)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if survey.known < head <= survey.known + READ_AT_ONCE:
            self._wish = run_id
            self._wished.set()
        return survey

    async def read_next(self, store: "EventStore") -> None:
        """Wait for a wish, and read a page."""
        await self._wished.wait()
        self._wished.clear()
        run_id, self._wish = self._wish, None
        survey = self._known.get(run_id or "")
        if run_id is not None and survey is not None:
            await _read_on(store, run_id, survey)

    async def pages(self, store: "EventStore", run_id: str, work: Work) -> AsyncIterator[None]:
        """Read a line to its end; yield behind each page, where whoever stops it leaves it."""
        survey, head = self.survey(run_id, 0), (await store.run(run_id)).head.seq
        while await _read_on(store, run_id, survey):
            work.tell(survey.known, max(head, survey.known))
            yield
        yield


async def _read_on(store: "EventStore", run_id: str, survey: "Survey") -> bool:
    """Read the next page of a line; tell whether there may be another."""
    from quarterdeck.views.timeline import OPENED, READ_AT_ONCE, rank_of
    from quarterdeck_kernel.events.envelope import open_record

    after = survey.known
    records = await store.read(run_id, after=after, limit=READ_AT_ONCE, payloads=False)
    # Somebody else may have read them meanwhile.
    for record in records[survey.known - after :]:
        event = open_record(record, facts_only=True) if record.kind in OPENED else None
        survey.add(record.at_us, rank_of(record.kind, event))
    return len(records) == READ_AT_ONCE
