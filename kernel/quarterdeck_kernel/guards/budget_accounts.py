"""The accounts that a call counts against, with the limits that configuration gives them.

Owns when a configured limit is put upon an account: when the account is first met here, unless
that very limit was put upon it before. So a limit that an operator raised since stays raised, and
one that was changed in the settings holds from the next start on.
"""

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
            spent = 0 if account.version else await self._spent_before(name, identity, day)
            try:
                await self._store.set_limit(name, bound.limit, version=account.version, spent=spent)
                await self._store.set_limit(note, bound.limit, version=noted.version)
            except AccountChangedError:
                continue
            return

    async def _spent_before(self, name: str, identity: Identity, day: str) -> int:
        """Return what the ledger says was used before anybody kept the account."""
        scope, period, unit = name.partition("/")[0], name.split("/")[-2], unit_of(name)
        first = {"total": None, day[:7]: f"{day[:7]}-01"}.get(period, day)
        last = {"total": None, day[:7]: f"{day[:7]}-31"}.get(period, day)
        whose = scope.partition(":")[0]
        lines = await self._store.ledger(
            LedgerFilter(
                since=first,
                until=last,
                tenant=identity.tenant if whose == "tenant" else None,
                person=identity.person if whose == "person" else None,
                agent=identity.agent if whose == "agent" else None,
            )
        )
        return sum(_used(line.row, unit) for line in lines)


def _used(row: LedgerRow, unit: str) -> int:
    return {
        "micros": row.cost_micros,
        "tokens": row.input_tokens + row.output_tokens,
        "model_calls": row.model_calls,
        "tool_calls": row.tool_calls,
        "wall_time_us": row.busy_us,
    }[unit]
