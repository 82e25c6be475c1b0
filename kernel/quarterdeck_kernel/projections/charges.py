"""What an event does to the ledger and to the accounts: differences of the one fold.

Nobody settles an account by hand: what is reserved follows from the intents that are open, and
what is spent from the sums of the run. So nothing that closes an intent, whoever writes it, can
leave a reservation behind.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import sub
from typing import NamedTuple

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


class Charge(NamedTuple):
    """An event that may add to the ledger, and what must be known before it is folded to tell.

    `ended` is the intent that it closes or settles; `used` what the run had used by then.
    """

    event: Event
    ended: _Holder | None
    used: tuple[int, ...]

    def rows(self, after: RunState) -> tuple[LedgerRow, ...]:
        """Return what it adds, counted for the day of its intent, now that it is folded."""
        holder = self.ended or _begun(after, self.event)
        if holder is None:
            return ()
        amounts = [*map(sub, after.spend.charged, self.used)]
        if not any(amounts):
            return ()
        identity = after.identity
        row = LedgerRow(
            holder.reserved.day or day_of(holder.since_us),
            *_step_of(holder),
            identity.tenant,
            identity.person or "",
            identity.agent,
            *amounts,
        )
        return (row,)


def charge(before: RunState, event: Event) -> Charge | None:
    """Return an event as one to be charged for, where it is of a kind that may be."""
    if event.kind not in CHARGED_KINDS:
        return None
    return Charge(event, _ended(before, event), before.spend.charged)


def ledger_rows(before: RunState, after: RunState, event: Event) -> tuple[LedgerRow, ...]:
    """Return what an event, which leads from one state to the other, adds to the ledger."""
    charged = charge(before, event)
    return charged.rows(after) if charged is not None else ()


def account_moves(before: RunState, after: RunState, event: Event) -> Sequence[AccountMove]:
    """Return how an event changes the accounts: what it reserves is refused where there is no room.

    A fork reserves nothing that its parent has reserved.
    """
    if event.kind == "run_forked":
        return ()
    holder = _ended(before, event) or _begun(after, event)
    spent_on = holder.reserved.accounts if holder is not None else ()
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


def _begun(after: RunState, event: Event) -> _Holder | None:
    """Return the intent that an event is."""
    match event.payload:
        case ToolRequested():
            return after.tool_intents.get(event.seq)
        case ModelRequested():
            return after.model_intents.get(event.seq)
        case _:
            return None


def _ended(before: RunState, event: Event) -> _Holder | None:
    """Return the intent that an event closes or settles."""
    match event.payload:
        case ToolCompleted(intent_seq=seq):
            return before.tool_intents.get(seq)
        case ModelCompleted(request_seq=seq) | ModelFailed(request_seq=seq):
            return before.model_intents.get(seq)
        case ToolReconciled(intent_seq=seq):
            return before.unknowns.get(seq)
        case _:
            return None


def _step_of(holder: _Holder) -> tuple[str, str]:
    """Return the kind of a step, and the name of the model or tool."""
    match holder:
        case ModelIntent():
            return "model", holder.model
        case ToolIntent():
            return "tool", holder.tool
        case OpenUnknown():
            return holder.kind, holder.name


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
