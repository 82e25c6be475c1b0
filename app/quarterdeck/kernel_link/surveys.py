"""Reads the line of the run on the screen: of every event its kind and time, page by page."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.views.timeline import Survey
    from quarterdeck_kernel.store.port import EventStore

_PAGE_EVENTS = 500
_KEPT = 8


class Surveys:
    """Remembers the lines of the runs that were looked at last, and reads that of the newest."""

    def __init__(self) -> None:
        """Know none."""
        self._known: OrderedDict[str, Survey] = OrderedDict()
        self._wish: str | None = None
        self._wished = asyncio.Event()

    def survey(self, run_id: str, head: int) -> "Survey":
        """Return what is known; what is missing up to `head` is read next."""
        from quarterdeck.views.timeline import Survey

        survey = self._known.setdefault(run_id, Survey())
        self._known.move_to_end(run_id)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if survey.known < head:
            self._wish = run_id
            self._wished.set()
        return survey

    async def read_next(self, store: "EventStore") -> None:
        """Wait for a wish, and read one page of it: the next wish may be of another run."""
        from quarterdeck.views.timeline import OPENED, rank_of
        from quarterdeck_kernel.events.envelope import open_record

        await self._wished.wait()
        run_id = self._wish
        survey = self._known.get(run_id or "")
        if run_id is None or survey is None:
            self._wished.clear()
            return
        records = await store.read(run_id, after=survey.known, limit=_PAGE_EVENTS, payloads=False)
        for record in records:
            event = open_record(record, facts_only=True) if record.kind in OPENED else None
            survey.add(record.at_us, rank_of(record.kind, event))
        if len(records) < _PAGE_EVENTS:
            self._wished.clear()
