"""What all runs of a workspace have spent today: for the header of every screen."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from quarterdeck.views.glimpse import SpentToday
from quarterdeck_kernel.store.listing import LedgerFilter
from quarterdeck_kernel.vocabulary.budgets import Budgets

if TYPE_CHECKING:
    from quarterdeck_kernel.store.port import EventStore

_PAUSE_S: Final = 2.0
"""It grows with every call of a model; a sum over the day is read no more often than this."""


class Spending:
    """Remembers the sum of the day, and reads it when there is something new."""

    def __init__(self) -> None:
        """Know nothing."""
        self._known: SpentToday | None = None
        self._read_at = (-1, "")
        self._wish: tuple[int, str] | None = None
        self._wished = asyncio.Event()
        self._rests_until_s = 0.0

    def today(self, position: int, day: str) -> SpentToday | None:
        """Return what was spent, as it was read last; behind the workspace it is read anew."""
        if self._read_at != (position, day) and position:
            self._wish = position, day
            self._wished.set()
        return self._known if self._read_at[1] == day else None

    def forget(self) -> None:
        """Read it anew: other budgets hold."""
        self._read_at = (-1, self._read_at[1])

    async def read_next(self, store: "EventStore", budgets: Callable[[], Budgets]) -> None:
        """Wait for a wish, and read it."""
        await self._wished.wait()
        # What is asked for first is there at once.
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._rests_until_s - loop.time()))
        self._rests_until_s = loop.time() + _PAUSE_S
        self._wished.clear()
        wish, self._wish = self._wish, None
        if wish is None:
            return
        lines = await store.ledger(LedgerFilter(by=frozenset({"day"}), since=wish[1]))
        rows = [line.row for line in lines if line.row.day == wish[1]]
        self._known = SpentToday(
            sum(row.cost_micros for row in rows),
            any(row.unknown_costs for row in rows),
            _bound(budgets()),
        )
        self._read_at = wish


def _bound(budgets: Budgets) -> int | None:
    """Return what the whole workspace may spend in a day, the least if that is said twice."""
    return min(
        (
            limit.limit
            for limit in budgets.limits
            if (limit.scope, limit.period, limit.budget) == ("workspace", "day", "micros")
        ),
        default=None,
    )
