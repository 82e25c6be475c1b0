"""The ledger as it is read: what was used, in exact decimals, parted as one likes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypedDict, get_args

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.store.listing import LedgerFilter, LedgerLine, LedgerPart
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.money import dollars_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A sum of the ledger. What it is not parted by is None.

    `cost` are dollars that are known; where `unknown_costs` is above 0 they are a lower bound.
    """

    run_id: str | None
    tenant: str | None
    person: str | None
    agent: str | None
    kind: str | None
    name: str | None
    period: str | None
    cost: Decimal
    unknown_costs: int
    input_tokens: int
    output_tokens: int
    model_calls: int
    tool_calls: int
    busy_us: int


class LedgerWhere(TypedDict, total=False):
    """What of the ledger is meant: the keywords of `Decisions.ledger`."""

    since: str | None
    until: str | None
    run_id: str | None
    tenant: str | None
    person: str | None
    agent: str | None
    kind: Literal["model", "tool"] | None
    name: str | None


async def read_ledger(store: EventStore, where: LedgerFilter) -> tuple[LedgerEntry, ...]:
    """Return sums of the ledger."""
    odd = where.by - frozenset(get_args(LedgerPart))
    if odd:
        raise InvalidError(f"the ledger is not parted by {sorted(odd)}; use {get_args(LedgerPart)}")
    return tuple(_entry(line, where) for line in await store.ledger(where))


def _entry(line: LedgerLine, where: LedgerFilter) -> LedgerEntry:
    row, by = line.row, where.by
    return LedgerEntry(
        run_id=line.run_id if "run" in by else None,
        tenant=row.tenant if "tenant" in by else None,
        person=row.person if "person" in by else None,
        agent=row.agent if "agent" in by else None,
        kind=row.kind if "name" in by else None,
        name=row.name if "name" in by else None,
        period=row.day if by & {"day", "month"} else None,
        cost=dollars_of(row.cost_micros),
        unknown_costs=row.unknown_costs,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        model_calls=row.model_calls,
        tool_calls=row.tool_calls,
        busy_us=row.busy_us,
    )
