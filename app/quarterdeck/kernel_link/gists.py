"""What single events of many runs are about, a line each: for the rows that are on the screen."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from quarterdeck.views.glimpse import Glimpse
from quarterdeck_kernel.errors import QuarterdeckError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from quarterdeck_kernel import Event, EventStore
    from quarterdeck_kernel.events.tool_events import ToolRequested

_PAUSE_S: Final = 0.5
"""Runs at work have something new at every look: nobody reads that fast."""
_AT_ONCE: Final = 64
_KEPT: Final = 1_024
_Place = tuple[str, int]


class Gists:
    """Remembers what was read, and reads what was asked for since the last time."""

    def __init__(self) -> None:
        """Know none."""
        self._known: OrderedDict[_Place, tuple[str, int]] = OrderedDict()
        self._wishes: OrderedDict[_Place, int] = OrderedDict()
        self._wished = asyncio.Event()
        self._rests_until_s = 0.0

    def gist(self, glimpse: Glimpse, run_id: str, seq: int) -> str | None:
        """Return what an event is about, or ask for it.

        It is asked for anew when the run has gone on: people may have edited what it asks.
        """
        place = (run_id, seq)
        row = glimpse.row(run_id)
        head = row.head_seq if row is not None else seq
        text, at = self._known.get(place, (None, -1))
        if at != head:
            self._wishes[place] = head
            self._wishes.move_to_end(place)
            while len(self._wishes) > _AT_ONCE:
                self._wishes.popitem(last=False)
            self._wished.set()
        return text

    async def read_next(self, store: "EventStore") -> None:
        """Wait for wishes, and read them."""
        await self._wished.wait()
        # What is asked for first is there at once.
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._rests_until_s - loop.time()))
        self._rests_until_s = loop.time() + _PAUSE_S
        self._wished.clear()
        wishes, self._wishes = self._wishes, OrderedDict()
        for place, head in wishes.items():
            try:
                text = await _read(store, place, head)
            except QuarterdeckError:
                # Of one event; the row it is a detail of says the rest, and opening it says why.
                text = "cannot be read"
            self._known[place] = text, head
            self._known.move_to_end(place)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


async def _read(store: "EventStore", place: _Place, head: int) -> str:
    from quarterdeck.views.log_lines import gist
    from quarterdeck_kernel.engine.log_reader import opened

    run_id, seq = place
    records = await store.read(run_id, after=seq - 1, until=seq)
    if not records:
        return ""
    event = await opened(store, records[0])
    edited = await _edited(store, event, head) if seq < head else None
    return gist(event, edited, await _intent(store, event))


async def _intent(store: "EventStore", event: "Event") -> "ToolRequested | None":
    """Return the call whose outcome an event is."""
    from quarterdeck_kernel.engine.log_reader import opened
    from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested

    if not isinstance(event.payload, ToolCompleted):
        return None
    seq = event.payload.intent_seq
    for record in await store.read(event.run_id, after=seq - 1, until=seq):
        asked = (await opened(store, record)).payload
        return asked if isinstance(asked, ToolRequested) else None
    return None


async def _edited(store: "EventStore", event: "Event", head: int) -> "JsonValue":
    """Return the arguments that a person put in the place of those that a pause asks about."""
    from quarterdeck_kernel.engine.log_reader import opened
    from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved

    asked = event.payload
    if not isinstance(asked, PauseRequested):
        return None
    edited: JsonValue = None
    for record in await store.read(
        event.run_id, after=event.seq, until=head, kinds=("pause_resolved",)
    ):
        answer = (await opened(store, record)).payload
        if isinstance(answer, PauseResolved) and answer.pause_id == asked.pause_id:
            edited = answer.answer if answer.decision == "edited" else edited
    return edited
