"""Pages of logs, as far as they were read."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.views.log_line import LogLine
    from quarterdeck_kernel import Event, EventStore

PAGE_EVENTS = 128
_AT_ONCE = 16
"""Events opened between two turns of the loop: a millisecond of its time."""

PageKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a log as far as it was read: what stands in it is not read again."""

    events: "tuple[Event, ...]" = ()
    lines: "tuple[LogLine, ...]" = ()

    @property
    def next_seq(self) -> int:
        """Return the event that comes behind those that were read, of a page with any."""
        return self.events[-1].seq + 1 if self.events else 1


async def longer(store: "EventStore", key: PageKey, page: Page | None) -> Page:
    """Return a page with what came since it was read."""
    from quarterdeck_kernel.engine.log_reader import opened

    page = page or Page()
    run_id, number = key
    first = number * PAGE_EVENTS
    after = first + len(page.events)
    records = await store.read(run_id, after=after, until=first + PAGE_EVENTS)
    new: list[Event] = []
    for place, record in enumerate(records, 1):
        new.append(await opened(store, record))
        if place % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return Page((*page.events, *new), (*page.lines, *_lines(page, new))) if new else page


def _lines(page: Page, new: "list[Event]") -> "list[LogLine]":
    """Return the lines of new events; what they complete may stand before them."""
    from quarterdeck.views.log_lines import log_lines
    from quarterdeck_kernel.events.tool_events import ToolRequested

    asked = [event for event in page.events if isinstance(event.payload, ToolRequested)]
    return log_lines([*asked, *new])[len(asked) :]
