"""The lookout: which runs of a workspace want a driver, and when the others will.

Reads listings and leases; decides nothing about a run but whether it is worth a driver's look.
"""

from collections.abc import AsyncIterator
from typing import Final

from quarterdeck_kernel.errors import RunNotFoundError
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need

_OPEN = frozenset({"queued", "running"})
_UNDRIVEN: Final[frozenset[Need]] = frozenset({"adrift", "queued"})
_STANDING: Final[frozenset[Need]] = frozenset({"waiting", "unknown", "held"})

WAKING = frozenset(
    {
        "run_queued",
        "run_forked",
        "resume_requested",
        "pause_resolved",
        "tool_reconciled",
        "operator_message",
        "signal_received",
        "external_recorded",
        "released",
        "cancel_requested",
        "budget_changed",
    }
)
"""Kinds of events behind which a run that stood still may go on: nearly all are people's."""


class Lookout:
    """Looks at the runs of one workspace."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def row(self, run_id: str) -> FleetRow:
        """Return the row of one run."""
        return (await self._store.projections(run_id)).fleet

    async def undriven(self) -> AsyncIterator[FleetRow]:
        """Yield the runs that could go on and that nobody drives."""
        async for row in self._rows(FleetFilter(needs=_UNDRIVEN)):
            yield row

    async def standing(self) -> AsyncIterator[FleetRow]:
        """Yield the runs that somebody has to do something about."""
        async for row in self._rows(FleetFilter(needs=_STANDING)):
            yield row

    async def expired(self, now_us: int) -> tuple[list[str], int | None]:
        """Return the runs with a pause whose time is over, and when the next one's will be."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = await self._store.inbox(after=after)
            for row in page.rows:
                # Those with a deadline come first, the nearest before all.
                if row.deadline_us is None or row.deadline_us > now_us:
                    return found, row.deadline_us
                found.append(row.run_id)
            after = page.after
            if after is None:
                return found, None

    async def wants_driver(self, row: FleetRow) -> bool:
        """Tell whether a run may go on and nobody is about to go on with it."""
        if row.read_only is not None or row.status not in _OPEN:
            return False
        child = row.parent_run_id is not None and row.fork_of is None
        if child and await self._goes_on(row.parent_run_id or ""):
            # Its parent's tool drives it, or will once the parent is taken up. No tool waits for a
            # fork of a sub-agent.
            return False
        status = await self._store.lease(row.run_id)
        return not status.live

    async def left_open(self, row: FleetRow) -> bool:
        """Tell whether a run that stands still was left by a process that died: it may owe more."""
        status = await self._store.lease(row.run_id)
        return status.holder is not None and not status.live

    async def _goes_on(self, run_id: str) -> bool:
        try:
            return (await self.row(run_id)).status in _OPEN
        except RunNotFoundError:
            return False

    async def _rows(self, where: FleetFilter) -> AsyncIterator[FleetRow]:
        after: str | None = None
        while True:
            page = await self._store.fleet(where, after=after)
            for row in page.rows:
                yield row
            after = page.after
            if after is None:
                return
