"""All rows that follow from a batch of events, for the store to write with it."""

from collections.abc import Iterable, Mapping, Sequence

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.conversation import context_of, context_rows
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_changes
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.vocabulary.rows import ContextRow, LedgerRow, ProjectionRows

BaseRows = Mapping[int, Sequence[ContextRow]]
"""Rows of the lists that contexts of a batch cut from, by the seq of their event."""

_NO_BASES: BaseRows = {}


def projection_rows(
    before: RunState,
    after: RunState,
    events: Sequence[Event],
    base_rows: BaseRows = _NO_BASES,
    ledger: Iterable[LedgerRow] = (),
) -> ProjectionRows:
    """Return what `events`, which lead from `before` to `after`, change beside the log.

    `base_rows` holds what `conversation.base_needed` asked for, `ledger` what each event adds.
    """
    opened, closed = inbox_changes(before, after)
    return ProjectionRows(
        fleet=fleet_row(after),
        inbox_opened=opened,
        inbox_closed=closed,
        context=conversation_rows(events, base_rows),
        steps=step_rows(before, events),
        ledger=summed(ledger),
    )


def summed(rows: Iterable[LedgerRow]) -> tuple[LedgerRow, ...]:
    """Return rows of the ledger with those of one place added up, in order."""
    rows = tuple(rows)
    if len(rows) < 2:  # noqa: PLR2004 - nothing to add
        return rows
    places: dict[tuple[str, str, str], list[LedgerRow]] = {}
    for row in rows:
        places.setdefault(row.place, []).append(row)
    return tuple(LedgerRow.sum(places[place]) for place in sorted(places))


def conversation_rows(
    events: Sequence[Event], base_rows: BaseRows = _NO_BASES
) -> tuple[ContextRow, ...]:
    """Return the rows of all contexts that `events` record."""
    rows: list[ContextRow] = []
    for event in events:
        context = context_of(event)
        if context is not None:
            of_base = base_rows.get(context.base, ()) if context.base is not None else ()
            rows += context_rows(event.seq, context, of_base)
    return tuple(rows)
