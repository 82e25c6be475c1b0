"""What was used of the bounds that several runs share, as it is read: nothing is put on record."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from quarterdeck_kernel.guards.budget_accounts import used_before
from quarterdeck_kernel.store.listing import LedgerFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets, Period, Scope, account_name
from quarterdeck_kernel.vocabulary.words import BudgetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """One account: whose it is, for when, what was used of it and what is set aside.

    `limit` is the one in force: an operator may have changed what is configured.
    """

    scope: Scope
    name: str | None
    period: Period
    budget: BudgetKind
    spent: int
    reserved: int
    limit: int | None


async def read_budget_use(
    store: EventStore, budgets: Budgets, *, day: str, names: Mapping[Scope, Collection[str]]
) -> tuple[BudgetUse, ...]:
    """Return the accounts of a day, its month, and in all, of those who are named."""
    wanted = dict(_accounts(budgets, day, names))
    accounts = await store.accounts(wanted)
    found = []
    for account, (limit, name) in wanted.items():
        row = accounts[account]
        spent = row.spent
        if not row.version:
            # Nobody was judged by it yet; what was used before counts all the same.
            spent = await used_before(store, account, _whose(limit, name), day)
        found.append(
            BudgetUse(
                scope=limit.scope,
                name=name,
                period=limit.period,
                budget=limit.budget,
                spent=spent,
                reserved=row.reserved,
                limit=row.limit if row.version else limit.limit,
            )
        )
    return tuple(found)


def _accounts(
    budgets: Budgets, day: str, names: Mapping[Scope, Collection[str]]
) -> list[tuple[str, tuple[BudgetLimit, str | None]]]:
    """Return every account with its limit; one that is named stands before one for each."""
    ordered = sorted(budgets.limits, key=lambda limit: limit.name is not None)
    return [
        (account_name(limit.scope, name, limit.period, day, limit.budget), (limit, name))
        for limit in ordered
        for name in _names(limit, names)
    ]


def _names(limit: BudgetLimit, names: Mapping[Scope, Collection[str]]) -> Sequence[str | None]:
    if limit.name is not None or limit.scope == "workspace":
        return [limit.name]
    return sorted(names.get(limit.scope, ()))


def _whose(limit: BudgetLimit, name: str | None) -> LedgerFilter:
    return LedgerFilter(
        tenant=name if limit.scope == "tenant" else None,
        person=name if limit.scope == "person" else None,
        agent=name if limit.scope == "agent" else None,
    )
