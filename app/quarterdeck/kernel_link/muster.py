"""All runs of a fleet, however many: what presses is read at every look, the others in turn."""

from typing import NamedTuple

from quarterdeck.views.states import MARKS
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.rows import FleetRow

PRESSING_ROWS = 200
TURN_ROWS = 400
"""How many of the others are read at one look: few enough that no key waits for them."""

_RANKS = {need: rank for rank, need in enumerate(MARKS)}


class Mustered(NamedTuple):
    """The rows by need; `more`: there are runs that were not read yet."""

    rows: tuple[FleetRow, ...]
    more: bool


class Muster:
    """Remembers every row that was read, until a whole turn has not met it."""

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[str, FleetRow] = {}
        self._met: set[str] = set()
        self._after: str | None = None
        self._whole = False
        self._rows: tuple[FleetRow, ...] = ()

    async def look(self, store: EventStore) -> Mustered:
        """Read what presses, and go on with the others."""
        first = await store.fleet(limit=PRESSING_ROWS)
        changed = self._meet(first.rows)
        if first.after is None:
            self._after, changed = None, self._finish() or changed
        else:
            page = await store.fleet(after=self._after or first.after, limit=TURN_ROWS)
            changed = self._meet(page.rows) or changed
            self._after = page.after
            if page.after is None:
                changed = self._finish() or changed
        if changed or self._rows[: len(first.rows)] != first.rows:
            self._rows = self._ordered(first.rows)
        return Mustered(self._rows, more=not self._whole)

    def _meet(self, rows: tuple[FleetRow, ...]) -> bool:
        changed = False
        for row in rows:
            self._met.add(row.run_id)
            before = self._known.get(row.run_id)
            # A row follows from its events, but whether it is adrift.
            if before is None or (before.head_seq, before.need) != (row.head_seq, row.need):
                self._known[row.run_id] = row
                changed = True
        return changed

    def _finish(self) -> bool:
        """End a turn: whoever was not met in it is gone."""
        gone = self._known.keys() - self._met
        for run_id in gone:
            del self._known[run_id]
        self._met.clear()
        self._whole = True
        return bool(gone)

    def _ordered(self, first: tuple[FleetRow, ...]) -> tuple[FleetRow, ...]:
        pressing = {row.run_id: self._known[row.run_id] for row in first}
        others = [row for run_id, row in self._known.items() if run_id not in pressing]
        others.sort(key=lambda row: (_RANKS[row.need], row.sort_us))
        return (*pressing.values(), *others)
