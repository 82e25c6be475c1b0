"""The guard of budgets: what a run and those it belongs to may still use.

It says what people are to know before a call. That ten calls at once cannot overspend is not left
to it: what it lets pass reserves in the transaction of its intent, or is judged again.
"""

from collections.abc import Awaitable, Iterator, Mapping
from typing import Final, NamedTuple

from quarterdeck_kernel.guards.budget_accounts import BudgetAccounts
from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import ALLOW, Degrade, Deny, Hold, Verdict, Warn
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.vocabulary.budgets import day_of, unit_of
from quarterdeck_kernel.vocabulary.money import dollars_of
from quarterdeck_kernel.vocabulary.reservation import Reservation
from quarterdeck_kernel.vocabulary.words import BUDGET_GUARD, BudgetKind

Amounts = Mapping[str, int]

_UNITS: Final = {
    "tokens": "tokens",
    "model_calls": "model calls",
    "tool_calls": "tool calls",
}


class _Bound(NamedTuple):
    """One bound, what counts against it already, and what the call would add."""

    rule: str
    unit: str
    limit: int
    committed: int
    needed: int

    @property
    def exceeded(self) -> bool:
        return self.committed + self.needed > self.limit

    def nears(self, percent: int) -> bool:
        """Tell whether the call brings it to so much of the limit."""
        return 100 * (self.committed + self.needed) >= percent * self.limit


class BudgetGuard:
    """Judges by what is spent and set aside: in the run by its state, elsewhere by accounts."""

    name: str = BUDGET_GUARD
    kind: GuardKind = "budget"

    def __init__(self, accounts: BudgetAccounts) -> None:
        self._accounts = accounts
        self._budgets = accounts.budgets

    def judge(self, call: ProposedCall) -> Verdict | Awaitable[Verdict]:
        """Judge a tool call, behind those of its batch that were let pass."""
        ahead: dict[str, int] = {}
        for other in call.ahead:
            for unit, amount in _amounts(other.reservation, "tool_calls").items():
                ahead[unit] = ahead.get(unit, 0) + amount
        return self._judged(call, _amounts(call.reservation, "tool_calls"), ahead)

    def judge_request(self, request: ProposedRequest) -> Verdict | Awaitable[Verdict]:
        """Judge a model request. One that is tried again has its reservation already."""
        if request.further:
            return self._judged(request, {}, {})
        needed = _amounts(request.reservation, "model_calls")
        if request.reservation.micros is None:
            if self._budgets.strict:
                reason = f"nobody knows what {request.model!r} costs, and that is refused here"
                return Deny(reason=reason, rule="unknown_cost")
            # It costs something: where nothing is left, there is no room for it.
            needed["micros"] = 1
        return self._judged(request, needed, {})

    def _judged(
        self, step: Proposed, needed: Amounts, ahead: Amounts
    ) -> Verdict | Awaitable[Verdict]:
        if step.reservation.accounts:
            return self._judged_with_accounts(step, needed, ahead)
        return self._verdict(step, _bounds_of_run(step.state, needed, ahead))

    async def _judged_with_accounts(
        self, step: Proposed, needed: Amounts, ahead: Amounts
    ) -> Verdict:
        day = step.reservation.day or day_of(step.at_us)
        accounts = await self._accounts.of(step.state.identity, day)
        bounds = [
            *_bounds_of_run(step.state, needed, ahead),
            *_bounds_of(accounts, needed, ahead),
        ]
        return self._verdict(step, iter(bounds))

    def _verdict(self, step: Proposed, bounds: Iterator[_Bound]) -> Verdict:
        near: _Bound | None = None
        for bound in bounds:
            if bound.exceeded:
                return self._exceeded(step, bound)
            if (
                near is None
                and bound.nears(self._budgets.warn_percent)
                and self._warning(bound) not in step.state.warned
            ):
                near = bound
        if near is None:
            return ALLOW
        return Warn(reason=f"{_told(near)} is nearly used up", rule=self._warning(near))

    def _warning(self, bound: _Bound) -> str:
        """Return what tells one crossing from others: another limit is crossed anew."""
        return f"{bound.rule}@{self._budgets.warn_percent}%/{bound.limit}"

    def _exceeded(self, step: Proposed, bound: _Bound) -> Verdict:
        reason = f"{_told(bound)} does not allow {_shown(bound.needed, bound.unit)} more"
        match self._budgets.on_exceed:
            case "deny":
                return Deny(reason=reason, rule=bound.rule)
            case "degrade" if isinstance(step, ProposedRequest):
                below = self._below(step.model)
                if below is not None:
                    return Degrade(model=below, reason=reason, rule=bound.rule)
        return Hold(by="budget", reason=reason, rule=bound.rule)

    def _below(self, model: str) -> str | None:
        """Return the next cheaper model; the first one, below what stands in no tier."""
        tiers = self._budgets.tiers
        at = next((at + 1 for at, tier in enumerate(tiers) if model in tier), 0)
        return next((tier[0] for tier in tiers[at:] if tier), None)


def _amounts(reservation: Reservation, calls: BudgetKind) -> dict[str, int]:
    return {
        "micros": reservation.micros or 0,
        "tokens": reservation.tokens,
        calls: 1,
        # How long it takes nobody knows; where no time is left, there is none for it.
        "wall_time_us": 1,
    }


def _bounds_of_run(state: RunState, needed: Amounts, ahead: Amounts) -> Iterator[_Bound]:
    spend = state.spend
    for kind, limit in state.conditions.budgets.items():
        if limit.limit is not None:
            committed = spend.used(kind) + spend.set_aside(kind) + ahead.get(kind, 0)
            yield _Bound(f"run/{kind}", kind, limit.limit, committed, needed.get(kind, 0))


def _bounds_of(
    accounts: Mapping[str, Account], needed: Amounts, ahead: Amounts
) -> Iterator[_Bound]:
    for name, account in accounts.items():
        if account.limit is not None:
            unit = unit_of(name)
            committed = account.spent + account.reserved + ahead.get(unit, 0)
            yield _Bound(name, unit, account.limit, committed, needed.get(unit, 0))


def _told(bound: _Bound) -> str:
    whose = "the run" if bound.rule.startswith("run/") else bound.rule.rpartition("/")[0]
    return (
        f"the budget of {whose} ({_shown(bound.committed, bound.unit)} of "
        f"{_shown(bound.limit, bound.unit)})"
    )


def _shown(amount: int, unit: str) -> str:
    if unit == "micros":
        return f"${dollars_of(amount):f}"
    if unit == "wall_time_us":
        return f"{amount / 1_000_000:g} s"
    return f"{amount:,} {_UNITS[unit]}"
