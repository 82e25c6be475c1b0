"""Starting a run: at most once, under an id or a key that is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.ingress import BARE, Ingress
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import IdempotencyKeyUsedError, InvalidError
from quarterdeck_kernel.events.run_events import RunQueued
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.words import BudgetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is to be done, by whom, within which bounds. Times are in microseconds since 1970."""

    agent: str
    objective: str
    tenant: str
    run_id: str | None = None
    idempotency_key: str | None = None
    model: str | None = None
    tier: str | None = None
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    config: dict[str, JsonValue] | None = None
    config_digest: str | None = None
    budgets: Mapping[BudgetKind, int] = field(default_factory=dict)
    deadline_us: int | None = None
    max_run_time_us: int | None = None
    parent_run_id: str | None = None
    parent_intent_seq: int | None = None
    depth: int = 0


def checked_budgets(given: Mapping[BudgetKind, int]) -> dict[BudgetKind, int]:
    """Return budgets that can be kept, or say what is wrong with them."""
    for kind, limit in given.items():
        if kind not in get_args(BudgetKind):
            raise InvalidError(f"{kind!r} is no budget; name one of {get_args(BudgetKind)}")
        if type(limit) is not int:
            raise InvalidError(f"a budget of {limit!r} {kind} is no whole number")
        if limit <= 0:
            raise InvalidError(f"a budget of {limit} {kind} is not above zero")
    return dict(given)


async def start(
    store: EventStore,
    request: RunRequest,
    *,
    actor: Actor,
    clock: Clock,
    ingress: Ingress = BARE,
) -> Journal:
    """Begin a run, or return the one that its idempotency key began before."""
    if not request.agent.strip():
        raise InvalidError("a run needs the name of its agent")
    budgets = checked_budgets(request.budgets)
    config = plain(request.config or {}, exact=True)
    if not isinstance(config, dict):
        raise InvalidError("the configuration of a run is an object: names and values")
    queued = RunQueued(
        agent=request.agent,
        objective=request.objective,
        model=request.model,
        tier=request.tier,
        parameters=request.parameters,
        config=config,
        config_digest=request.config_digest,
        budget_micros=budgets.pop("micros", None),
        budgets=budgets,
        deadline_us=request.deadline_us,
        max_run_time_us=request.max_run_time_us,
        parent_run_id=request.parent_run_id,
        parent_intent_seq=request.parent_intent_seq,
        depth=request.depth,
        idempotency_key=request.idempotency_key,
    )
    try:
        return await Journal.begin(
            store,
            queued,
            tenant=request.tenant,
            actor=actor,
            run_id=request.run_id,
            clock=clock,
            ingress=ingress,
        )
    except IdempotencyKeyUsedError as used:
        return await Journal.load(
            store, used.run_id, tenant=request.tenant, clock=clock, ingress=ingress
        )
