"""What an event does to the ledger and to the accounts: differences of the one fold.

Nobody settles an account by hand: what is reserved follows from the intents that are open, and
what is spent from the sums of the run. So nothing that closes an intent, whoever writes it, can
leave a reservation behind.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.projections.open_items import ModelIntent, OpenUnknown, ToolIntent
from quarterdeck_kernel.projections.spend import Spend
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.batch import AccountMove
from quarterdeck_kernel.vocabulary.budgets import day_of, unit_of
from quarterdeck_kernel.vocabulary.reservation import Reservation
from quarterdeck_kernel.vocabulary.rows import LedgerRow

CHARGED_KINDS = frozenset(
    {
        "model_completed",
        "model_failed",
        "model_requested",
        "tool_completed",
        "tool_reconciled",
        "tool_requested",
    }
)
"""Kinds that may add to the ledger. What a child used stands in the ledger under its own name."""

_Holder = ToolIntent | ModelIntent | OpenUnknown


def ledger_rows(before: RunState, after: RunState, event: Event) -> tuple[LedgerRow, ...]:
    """Return what an event adds to the ledger of its run, counted for the day of its intent."""
    found = _concerned(before, after, event) if event.kind in CHARGED_KINDS else None
    if found is None:
        return ()
    holder, kind, name = found
    old, new = before.spend, after.spend
    row = LedgerRow(
        holder.reserved.day or day_of(holder.since_us),
        kind,
        name,
        after.identity.tenant,
        after.identity.person or "",
        after.identity.agent,
        new.cost_micros - old.cost_micros,
        new.unknown_costs - old.unknown_costs,
        new.input_tokens - old.input_tokens,
        new.output_tokens - old.output_tokens,
        new.model_calls - old.model_calls,
        new.tool_calls - old.tool_calls,
        new.busy_us - old.busy_us,
    )
    return (row,) if row.amounts_to_something else ()


def account_moves(before: RunState, after: RunState, event: Event) -> Sequence[AccountMove]:
    """Return how an event changes the accounts: what it reserves is refused where there is no room.

    A fork reserves nothing that its parent has reserved.
    """
    if event.kind == "run_forked":
        return ()
    found = _concerned(before, after, event)
    spent_on = found[0].reserved.accounts if found is not None else ()
    changed = [*_changed(before, after)]
    if not spent_on and not changed:
        return ()
    asks = isinstance(event.payload, ToolRequested | ModelRequested)
    moves: list[AccountMove] = []
    reserves: dict[str, int] = defaultdict(int)
    for reservation, sign in changed:
        for account in reservation.accounts:
            reserves[account] += sign * _amount(reservation, unit_of(account))
    moves += [
        AccountMove(account=account, reserve=amount, guarded=asks)
        for account, amount in reserves.items()
        if amount
    ]
    for account in spent_on:
        amount = _used(after.spend, unit_of(account)) - _used(before.spend, unit_of(account))
        if amount and asks:
            # A call counts as soon as it begins: there must be room for it as for a reservation.
            moves.append(AccountMove(account=account, reserve=amount, guarded=True))
            moves.append(AccountMove(account=account, reserve=-amount, spend=amount))
        elif amount:
            moves.append(AccountMove(account=account, spend=amount))
    return moves


def _concerned(before: RunState, after: RunState, event: Event) -> tuple[_Holder, str, str] | None:
    """Return the intent that an event begins or is about, with the kind and name of its step."""
    holder: _Holder | None
    match event.payload:
        case ToolRequested():
            holder = after.tool_intents.get(event.seq)
        case ToolCompleted(intent_seq=seq):
            holder = before.tool_intents.get(seq)
        case ToolReconciled(intent_seq=seq):
            holder = before.unknowns.get(seq)
        case ModelRequested():
            holder = after.model_intents.get(event.seq)
        case ModelCompleted(request_seq=seq) | ModelFailed(request_seq=seq):
            holder = before.model_intents.get(seq)
        case _:
            return None
    match holder:
        case None:
            return None
        case ModelIntent():
            return holder, "model", holder.model
        case ToolIntent():
            return holder, "tool", holder.tool
        case OpenUnknown():
            return holder, holder.kind, holder.name


def _changed(before: RunState, after: RunState) -> Iterator[tuple[Reservation, int]]:
    """Yield what was given back (-1) and what was set aside (+1) on accounts."""
    for old, new in (
        (before.tool_intents, after.tool_intents),
        (before.model_intents, after.model_intents),
        (before.unknowns, after.unknowns),
    ):
        if old == new:
            continue
        for holders, sign in ((old, -1), (new, 1)):
            for holder in holders.values():
                reservation = holder.reserved
                if reservation.accounts:
                    yield reservation, sign


def _amount(reservation: Reservation, unit: str) -> int:
    match unit:
        case "micros":
            return reservation.micros or 0
        case "tokens":
            return reservation.tokens
        case _:
            return 0


def _used(spend: Spend, unit: str) -> int:
    """Return what a run has used of a unit by its own calls; its children have accounts too."""
    match unit:
        case "micros":
            return spend.cost_micros + spend.assumed_micros
        case "tokens":
            return spend.tokens
        case "model_calls":
            return spend.model_calls
        case "tool_calls":
            return spend.tool_calls
        case "wall_time_us":
            return spend.busy_us
        case _:
            return 0
