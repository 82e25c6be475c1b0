"""Reads the ledger and its budgets for the page that is looked at; the newest wish first, alone."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from quarterdeck.views.books import Bounded, Day, Grouping, LedgerPage, Span, Sum
from quarterdeck_kernel.store.listing import LedgerFilter, LedgerLine, LedgerPart
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.budgets import Budgets
from quarterdeck_kernel.vocabulary.rows import LedgerRow

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.budget_use import BudgetUse

_PAUSE_S: Final = 0.5
"""A ledger grows with every step; it is read anew no more often than this."""
_DAYS: Final[dict[Span, int]] = {"week": 7, "today": 1}
_PARTS: Final[dict[Grouping, LedgerPart]] = {
    "tenant": "tenant", "person": "person", "agent": "agent", "model": "name", "day": "day",
}  # fmt: skip
_Place = tuple[Grouping, Span]


class Books:
    """Remembers the pages of the ledger that were looked at, and reads what is out of date."""

    def __init__(self) -> None:
        """Know none."""
        self._pages: dict[_Place, LedgerPage] = {}
        self._wish: tuple[_Place, int, str] | None = None
        self._wished = asyncio.Event()

    def page(self, grouping: Grouping, span: Span, position: int, day: str) -> LedgerPage | None:
        """Return a page as it was read last; one behind the workspace's position is read anew."""
        page = self._pages.get((grouping, span))
        if page is None or page.position != position:
            self._wish = (grouping, span), position, day
            self._wished.set()
        return page

    def forget(self) -> None:
        """Read everything anew: other budgets hold."""
        self._pages.clear()

    async def read_next(self, store: EventStore, budgets: Callable[[], Budgets]) -> None:
        """Wait for a wish, and read it; which budgets there are is asked then."""
        await self._wished.wait()
        self._wished.clear()
        wish, self._wish = self._wish, None
        if wish is None:
            return
        place, position, day = wish
        known = self._pages.get(place)
        self._pages[place] = await _read(store, place, position, day, budgets())
        if known is not None:
            # A page that is seen for the first time is not waited for.
            await asyncio.sleep(_PAUSE_S)


async def _read(
    store: EventStore, place: _Place, position: int, day: str, budgets: Budgets
) -> LedgerPage:
    grouping, span = place
    since = _since(span, day)
    part = _PARTS[grouping]
    where = LedgerFilter(by=frozenset({part}), since=since)
    # Tools have names, too.
    lines = await store.ledger(replace(where, kind="model") if grouping == "model" else where)
    days = lines
    if grouping != "day":
        days = await store.ledger(LedgerFilter(by=frozenset({"day"}), since=since))
    return LedgerPage(
        grouping=grouping,
        span=span,
        sums=tuple(_sum(line, part) for line in lines),
        days=tuple(_day(line.row) for line in days),
        budgets=tuple(map(_bounded, await _use(store, budgets, day))),
        position=position,
    )


async def _use(store: EventStore, budgets: Budgets, day: str) -> "Iterable[BudgetUse]":
    if not budgets.limits:
        return ()
    from quarterdeck_kernel.kernel.budget_use import read_budget_use

    by = frozenset[LedgerPart]({"tenant", "person", "agent"})
    rows = [line.row for line in await store.ledger(LedgerFilter(by=by))]
    return await read_budget_use(
        store,
        budgets,
        day=day,
        names={
            "tenant": {row.tenant for row in rows},
            "person": {row.person for row in rows if row.person},
            "agent": {row.agent for row in rows},
        },
    )


def _since(span: Span, day: str) -> str | None:
    """Return the first day of a span that ends with a day."""
    if span == "all":
        return None
    if span == "month":
        return f"{day[:7]}-01"
    last = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    return f"{last - timedelta(days=_DAYS[span] - 1):%Y-%m-%d}"


def _sum(line: LedgerLine, part: LedgerPart) -> Sum:
    row = line.row
    names: dict[LedgerPart, str] = {
        "tenant": row.tenant, "person": row.person, "agent": row.agent, "name": row.name,
        "day": row.day,
    }  # fmt: skip
    return Sum(names[part], *row[6:12])


def _day(row: LedgerRow) -> Day:
    return Day(row.day, row.cost_micros, row.input_tokens + row.output_tokens)


def _bounded(use: "BudgetUse") -> Bounded:
    when = {"day": ", today", "month": ", this month", "total": ""}[use.period]
    whose = use.scope if use.name is None else f"{use.scope} {use.name}"
    return Bounded(f"{whose}{when}", use.spent, use.reserved, use.limit, use.budget)
