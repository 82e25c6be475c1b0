"""The accounts that a call counts against, with the limits that configuration gives them.

Owns when a configured limit is put upon an account: when the account is first met here, unless
that very limit was put upon it before. So a limit that an operator raised since stays raised, and
one that was changed in the settings holds from the next start on.
"""

from dataclasses import replace

from quarterdeck_kernel.errors import AccountChangedError
from quarterdeck_kernel.projections.open_items import Identity
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.listing import LedgerFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.budgets import NO_BUDGETS, Bound, Budgets, unit_of
from quarterdeck_kernel.vocabulary.rows import LedgerRow

_CONFIGURED = "#configured"
"""Behind an account's name: the account whose limit says which one was configured last."""


class BudgetAccounts:
    """Reads accounts, once their limits stand."""

    def __init__(self, store: EventStore, budgets: Budgets = NO_BUDGETS) -> None:
        self.budgets = budgets
        self._store = store
        self._standing: dict[str, int] = {}

    async def of(self, identity: Identity, day: str) -> dict[str, Account]:
        """Return the accounts of a run's calls on a day."""
        limits: dict[str, int] = {}
        for account, limit in self.budgets.bounds(
            tenant=identity.tenant, person=identity.person, agent=identity.agent, day=day
        ):
            limits[account] = min(limit, limits.get(account, limit))
        for bound in map(Bound._make, limits.items()):
            if self._standing.get(bound.account) != bound.limit:
                await self._put(bound, identity, day)
                self._standing[bound.account] = bound.limit
        return await self._store.accounts(limits)

    async def _put(self, bound: Bound, identity: Identity, day: str) -> None:
        name, note = bound.account, f"{bound.account}{_CONFIGURED}"
        while True:
            rows = await self._store.accounts((name, note))
            account, noted = rows[name], rows[note]
            if noted.version and noted.limit == bound.limit:
                return
            spent = 0
            if not account.version:
                spent = await used_before(self._store, name, _whose(name, identity), day)
            try:
                await self._store.set_limit(name, bound.limit, version=account.version, spent=spent)
                await self._store.set_limit(note, bound.limit, version=noted.version)
            except AccountChangedError:
                continue
            return


def _whose(account: str, identity: Identity) -> LedgerFilter:
    scope = account.partition("/")[0].partition(":")[0]
    return LedgerFilter(
        tenant=identity.tenant if scope == "tenant" else None,
        person=identity.person if scope == "person" else None,
        agent=identity.agent if scope == "agent" else None,
    )


async def used_before(store: EventStore, account: str, whose: LedgerFilter, day: str) -> int:
    """Return what the ledger says was used before anybody kept the account."""
    period, unit = account.split("/")[-2], unit_of(account)
    first = {"total": None, day[:7]: f"{day[:7]}-01"}.get(period, day)
    last = {"total": None, day[:7]: f"{day[:7]}-31"}.get(period, day)
    lines = await store.ledger(replace(whose, since=first, until=last))
    return sum(_used(line.row, unit) for line in lines)


def _used(row: LedgerRow, unit: str) -> int:
    return {
        "micros": row.cost_micros,
        "tokens": row.input_tokens + row.output_tokens,
        "model_calls": row.model_calls,
        "tool_calls": row.tool_calls,
        "wall_time_us": row.busy_us,
    }[unit]
