"""Budgets: which bounds stand for whom, and what happens where one is met."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from typing import Literal, NamedTuple, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.reservation import Reservation
from quarterdeck_kernel.vocabulary.words import BudgetKind

Scope = Literal["workspace", "tenant", "person", "agent"]
Period = Literal["total", "month", "day"]
OnExceed = Literal["hold", "deny", "degrade"]

DEFAULT_OUTPUT_TOKENS = 4_096
"""What an answer is taken to be long at most where neither request nor model says."""


class BudgetLimit(Value):
    """A bound on what is used together: by all, or by one tenant, person or agent.

    Without a name it stands for each tenant, person or agent by itself. Money is in micro-dollars.
    """

    scope: Scope
    name: str | None = None
    period: Period = "total"
    budget: BudgetKind = "micros"
    limit: int = Field(ge=0)

    @model_validator(mode="after")
    def _nameless_workspace(self) -> Self:
        if self.scope == "workspace" and self.name is not None:
            message = f"there is one workspace; a limit of it has no name, not {self.name!r}"
            raise ValueError(message)
        return self


class Bound(NamedTuple):
    """An account and the limit that configuration gives it."""

    account: str
    limit: int


class Budgets(Value):
    """All bounds of a workspace; `run` are those of a run that brings none of its own.

    `tiers` are models from the best to the cheapest: where `on_exceed` says `degrade`, the first
    of the tier below is asked. `strict` refuses a model whose price nobody knows.
    """

    run: dict[BudgetKind, int] = Field(default_factory=dict)
    limits: tuple[BudgetLimit, ...] = ()
    zone: str = "UTC"
    on_exceed: OnExceed = "hold"
    tiers: tuple[tuple[str, ...], ...] = ()
    warn_percent: int = Field(default=80, ge=1, le=100)
    strict: bool = False

    @field_validator("run")
    @classmethod
    def _above_zero(cls, run: dict[BudgetKind, int]) -> dict[BudgetKind, int]:
        for kind, limit in run.items():
            if limit <= 0:
                message = f"a budget of {limit} {kind} is not above zero"
                raise ValueError(message)
        return run

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            _zone(zone)
        except (LookupError, OSError, ValueError) as error:
            message = f"{zone!r} is no time zone known here; use a name like 'Europe/Berlin'"
            raise ValueError(message) from error
        return zone

    @model_validator(mode="after")
    def _degradable(self) -> Self:
        if self.on_exceed == "degrade" and not self.tiers:
            message = "to degrade to a cheaper model there must be tiers; name the models"
            raise ValueError(message)
        return self

    def day(self, at_us: int) -> str:
        """Return the day a time belongs to."""
        return day_of(at_us, self.zone)

    def reservation(
        self,
        *,
        tenant: str,
        person: str | None,
        agent: str,
        at_us: int,
        micros: int | None = None,
        tokens: int = 0,
    ) -> Reservation:
        """Return what is to be set aside for a call, on all accounts that it counts against."""
        utc = self.zone == "UTC"
        if not self.limits and utc:
            return Reservation(micros, tokens)
        day = self.day(at_us)
        bounds = self.bounds(tenant=tenant, person=person, agent=agent, day=day)
        accounts = tuple(dict.fromkeys(bound.account for bound in bounds))
        return Reservation(micros, tokens, accounts, None if utc else day)

    def bounds(self, *, tenant: str, person: str | None, agent: str, day: str) -> Iterator[Bound]:
        """Yield the accounts of a call, and their limits; one that is named stands for itself."""
        names = {"workspace": None, "tenant": tenant, "person": person, "agent": agent}
        named = {
            (limit.scope, limit.period, limit.budget)
            for limit in self.limits
            if limit.name is not None and names[limit.scope] == limit.name
        }
        for limit in self.limits:
            name = names[limit.scope]
            place = (limit.scope, limit.period, limit.budget)
            if limit.name is None and (
                place in named or (name is None) != (place[0] == "workspace")
            ):
                continue
            if limit.name in {None, name}:
                account = account_name(limit.scope, name, limit.period, day, limit.budget)
                yield Bound(account, limit.limit)


def account_name(scope: Scope, name: str | None, period: Period, day: str, kind: BudgetKind) -> str:
    """Return the name of an account: whose it is, for when, and what it counts."""
    whose = scope if name is None else f"{scope}:{quote(name, safe='@:. ')}"
    when = {"total": "total", "month": day[:7], "day": day}[period]
    return f"{whose}/{when}/{kind}"


def unit_of(account: str) -> str:
    """Return what an account counts."""
    return account.rpartition("/")[2]


_QUARTER_US = 900_000_000


def day_of(at_us: int, zone: str = "UTC") -> str:
    """Return the day of a time, as it is called in a zone."""
    return _day_of_quarter(at_us // _QUARTER_US, zone)


@lru_cache(maxsize=64)
def _day_of_quarter(quarter: int, zone: str) -> str:
    # In all zones of today a day begins with a quarter of an hour; one is asked for many times.
    return f"{datetime.fromtimestamp(quarter * 900, tz=_zone(zone)):%Y-%m-%d}"


@cache
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


NO_BUDGETS = Budgets.model_construct()
