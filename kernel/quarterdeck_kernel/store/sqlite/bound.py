"""Batches as the rows that `append.sql` takes: fences on the first, projections on the last."""

from collections.abc import Sequence

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.store.batch import Batch, Creation, Driver, Unleased
from quarterdeck_kernel.store.sqlite.stored_rows import text_of
from quarterdeck_kernel.vocabulary.rows import ProjectionRows

COLUMNS = 22
"""The columns of the view `append`, the number of the batch in its group included."""

_NO_FENCES = (False, None, None, None)
_NO_ROWS = (None, None, None, None, None)


def bound_rows(batch: Batch) -> list[Sequence[object]]:
    """Return one row an event, without the batch's number in its group."""
    authority = batch.authority
    epoch = authority.epoch if isinstance(authority, Driver) else None
    stands = authority.stands if isinstance(authority, Unleased) else None
    rows: list[Sequence[object]] = []
    last = len(batch.records) - 1
    for index, (record, prev) in enumerate(zip(batch.records, batch.previous_hashes, strict=True)):
        first = index == 0
        rows.append(
            (
                batch.run_id,
                record.seq,
                prev,
                *(_creation(batch) if first else _NO_FENCES),
                epoch,
                stands if first else None,
                moves_text(batch) if first else None,
                record.kind,
                record.at_us,
                record.header,
                record.salt,
                record.payload,
                record.hash,
                *(_projections(batch.rows) if index == last else _NO_ROWS),
            )
        )
    return rows


def _creation(batch: Batch) -> tuple[object, ...]:
    creation = batch.authority
    if not isinstance(creation, Creation):
        return _NO_FENCES
    parent = creation.parent.run_id if creation.parent is not None else None
    return (True, creation.tenant, creation.idempotency_key, parent)


def _projections(rows: ProjectionRows) -> tuple[object, ...]:
    fleet = rows.fleet
    return (
        int(fleet.rank),
        fleet.sort_us,
        fleet.cost_micros,
        text_of(fleet),
        changes_text(rows),
    )


def moves_text(batch: Batch) -> str | None:
    """Return the account moves of a batch as the append path takes them.

    Those of one account are one: each fits alone, but they must fit together.
    """
    if not batch.moves:
        return None
    totals: dict[tuple[str, bool], list[int]] = {}
    for move in batch.moves:
        total = totals.setdefault((move.account, move.guarded), [0, 0])
        total[0] += move.reserve
        total[1] += move.spend
    return encode(
        [
            {"account": account, "guarded": guarded, "reserve": reserve, "spend": spend}
            for (account, guarded), (reserve, spend) in totals.items()
        ],
        from_model=True,
    )


def changes_text(rows: ProjectionRows) -> str | None:
    """Return the projection rows other than the fleet's, as the append path takes them."""
    if not (rows.inbox_opened or rows.inbox_closed or rows.context or rows.steps or rows.ledger):
        return None
    return encode(
        {
            "opened": rows.inbox_opened,
            "closed": rows.inbox_closed,
            "context": [(c.thread, c.place, c.seq, c.part, c.digest) for c in rows.context],
            "ledger": rows.ledger,
            "steps": [(s.step_key, s.requested_seq, s.completed_seq) for s in rows.steps],
        },
        from_model=True,
    )
