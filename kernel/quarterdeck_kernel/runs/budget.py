"""Raising or lowering what a run, or those it belongs to, may use."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import get_args

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import AccountChangedError, ConflictError, InvalidError
from quarterdeck_kernel.events.control_events import BudgetChanged
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.hold import released
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.budgets import Period, Scope, account_name
from quarterdeck_kernel.vocabulary.words import BudgetKind


async def change_budget(
    journal: Journal,
    *,
    budget: BudgetKind,
    limit: int | None,
    revision: int | None,
    reason: str | None,
    actor: Actor,
) -> Event:
    """Give a run another bound; None takes it away. One that is raised lets the run go on.

    `revision` is the one that was looked at: who comes second is refused.
    """
    if budget not in get_args(BudgetKind):
        raise InvalidError(f"{budget!r} is no budget; name one of {get_args(BudgetKind)}")
    check_limit(limit)

    def decide(state: RunState) -> Sequence[AnyEvent]:
        if state.terminal:
            raise over(state)
        bound = state.conditions.limit(budget)
        if revision is not None and revision != bound.revision:
            raise ConflictError(
                f"the {budget} budget of run {journal.run_id!r} is {bound.limit} at revision "
                f"{bound.revision} by now, not {revision}; look again"
            )
        events: list[AnyEvent] = [
            BudgetChanged(budget=budget, limit=limit, revision=bound.revision + 1)
        ]
        raised = limit is None or (bound.limit is not None and limit > bound.limit)
        for hold in state.holds.values() if raised else ():
            if hold.by == "budget":
                events += released(state, hold, reason)
        return events

    return (await journal.append(decide, actor=actor))[0]


async def change_limit(  # noqa: PLR0913 - an account is named by all of it
    store: EventStore,
    scope: Scope,
    name: str | None,
    *,
    period: Period,
    day: str,
    budget: BudgetKind,
    limit: int | None,
    tenants: Collection[str],
    actor: Actor,
) -> Account:
    """Give an account another limit, whatever configuration said; who did is kept with it.

    A limit upon an account that no call counts against would bound nothing, and nobody would know.
    """
    for given, words in ((scope, Scope), (period, Period), (budget, BudgetKind)):
        if given not in get_args(words):
            raise InvalidError(f"{given!r} is no word for a limit; use one of {get_args(words)}")
    if (scope == "workspace") != (name is None) or name == "":
        raise InvalidError(
            f"a limit of {scope!r} cannot have the name {name!r}; the workspace has none, and each "
            "tenant, person and agent has one"
        )
    if not _is_day(day):
        raise InvalidError(f"{day!r} is no day; write it as 2031-12-24")
    check_limit(limit)
    if scope == "tenant" and name is not None:
        await _check_tenant(store, name, tenants)
    account = account_name(scope, name, period, day, budget)
    while True:
        known = (await store.accounts((account,)))[account]
        try:
            return await store.set_limit(account, limit, version=known.version, by=_said_by(actor))
        except AccountChangedError:
            continue


async def _check_tenant(store: EventStore, name: str, tenants: Collection[str]) -> None:
    """Refuse a tenant that is neither configured nor has any run: nobody would be bounded."""
    if name in tenants or (await store.fleet(FleetFilter(tenant=name), limit=1)).rows:
        return
    known = f"known are {sorted(tenants)}" if tenants else "it has no run either"
    raise InvalidError(
        f"tenant {name!r} is not known here; {known}. Name one of those, or begin a run of it first"
    )


def _said_by(actor: Actor) -> str:
    """Return who it was: a name alone proves nothing, so what the system says stands with it."""
    return f"{actor} ({actor.os_user}@{actor.host})"


def _is_day(day: str) -> bool:
    try:
        return date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


def check_limit(limit: int | None) -> None:
    """Refuse what is no bound."""
    if limit is None:
        return
    if type(limit) is not int:
        raise InvalidError(f"a budget of {limit!r} is no whole number; money is in micro-dollars")
    if limit < 0:
        raise InvalidError("a budget is not below zero; give 0 or more, or none for no bound")
