"""Asking for runs and for what waits: filters, cursors, pages."""

from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow, LedgerRow
from quarterdeck_kernel.vocabulary.words import Need

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFilter:
    """Which runs are meant; every condition given must hold.

    Text is looked for in the objective, the agent and the id, without regard to case.
    """

    needs: frozenset[Need] | None = None
    tenant: str | None = None
    agent: str | None = None
    person: str | None = None
    parent_run_id: str | None = None
    text: str | None = None
    min_cost_micros: int | None = None
    order: Literal["need", "newest", "cost"] = "need"


LedgerPart = Literal["run", "tenant", "person", "agent", "name", "day", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """What of the ledger is meant, and what its sums are parted `by`.

    `since` and `until` are days, both included; `name` is that of a model or tool, as `kind` says.
    """

    by: frozenset[LedgerPart] = frozenset()
    since: str | None = None
    until: str | None = None
    run_id: str | None = None
    tenant: str | None = None
    person: str | None = None
    agent: str | None = None
    kind: Literal["model", "tool"] | None = None
    name: str | None = None


class LedgerLine(NamedTuple):
    """A sum of the ledger. What it is not parted by is empty in it; a month stands as the day."""

    run_id: str
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of a listing, and the cursor that the next page begins behind (None: no more)."""

    rows: tuple[Row, ...]
    after: str | None


FleetPage = Page[FleetRow]
InboxPage = Page[InboxRow]
