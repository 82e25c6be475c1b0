"""What the kernel hands out, as the data that scripts are promised (`fields`)."""

from typing import TYPE_CHECKING, Any, cast

from quarterdeck.cli.fields import (
    ActorFields,
    BudgetFields,
    EndFields,
    EventFields,
    GrantFields,
    ItemFields,
    RunFields,
    ShowFields,
)
from quarterdeck.cli.naming import item_name
from quarterdeck_kernel import state_at
from quarterdeck_kernel.engine.grants import standing
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.envelope import Event, Unreadable
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown

if TYPE_CHECKING:
    from quarterdeck_kernel import Actor, EventStore, RunState, StandingGrant
    from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow

_ENDS = ("run_succeeded", "run_failed", "run_cancelled", "run_timed_out")


def actor_fields(actor: "Actor") -> ActorFields:
    """Return who did something."""
    return ActorFields(kind=actor.kind, name=actor.name, host=actor.host, os_user=actor.os_user)


def run_fields(row: "FleetRow") -> RunFields:
    """Return a run as the fleet shows it."""
    # The row has a field for each.
    return cast("RunFields", {name: getattr(row, name) for name in RunFields.__annotations__})


async def _path(store: "EventStore", state: "RunState") -> list[str]:
    """Return the agents from the run that was begun down to this one."""
    agents = [state.identity.agent]
    above = state.identity.parent_run_id
    while above is not None:
        parent = (await state_at(store, above)).identity
        agents.insert(0, parent.agent)
        above = parent.parent_run_id
    return agents


async def item_fields(store: "EventStore", row: "InboxRow", state: "RunState") -> ItemFields:
    """Return what waits, with what is asked about."""
    item: OpenPause | OpenUnknown | None = state.pauses.get(row.item_id)
    if row.kind == "unknown":
        item = state.unknowns.get(row.seq)
    (record,) = await store.read(row.run_id, after=row.seq - 1, until=row.seq)
    asked = (await opened(store, record)).payload
    pause = item if isinstance(item, OpenPause) else None
    question = asked if isinstance(asked, PauseRequested) else None
    details: Any = question.details if question is not None else None
    if isinstance(asked, ToolRequested):
        details = {
            "arguments": asked.arguments,
            "idempotency_key": asked.idempotency_key,
            "attempt": asked.attempt,
        }
    return ItemFields(
        id=item_name(row),
        run_id=row.run_id,
        item_id=row.item_id,
        kind=row.kind,
        type=question.type if question is not None else None,
        tenant=row.tenant,
        agent=row.agent,
        path=await _path(store, state),
        title=row.title,
        tool=row.tool,
        risk=row.risk,
        step_key=item.step_key if item is not None else "",
        seq=row.seq,
        since_us=row.since_us,
        deadline_us=row.deadline_us,
        digest=pause.digest if pause is not None else None,
        details=details,
        options=list((question.options if question is not None else None) or ()),
        answer_schema=question.answer_schema if question is not None else None,
        people_needed=pause.people_needed if pause is not None else 1,
        people_agreed=[p.name or p.login for p in pause.agreed] if pause is not None else [],
    )


def grant_fields(run_id: str, grant: "StandingGrant") -> GrantFields:
    """Return what may go unasked."""
    return GrantFields(
        grant_id=grant.grant_id,
        run_id=run_id,
        tool=grant.tool,
        pause_id=grant.pause_id,
        seq=grant.seq,
        constraints=grant.constraints,
        by=actor_fields(grant.actor),
        at_us=grant.at_us,
    )


def event_fields(event: Event) -> EventFields:
    """Return an event, with all that is left of it."""
    payload: dict[str, Any]
    if isinstance(event.payload, Unreadable):
        payload = dict(event.payload.facts)
    else:
        facts, content = event.payload.split()
        payload = {**facts, **(content if event.content == "present" else {})}
    payload.pop("kind", None)
    return EventFields(
        run_id=event.run_id,
        seq=event.seq,
        event_id=event.event_id,
        kind=event.kind,
        tenant=event.tenant,
        at_us=event.at_us,
        actor=actor_fields(event.actor),
        epoch=event.epoch,
        prev=event.prev,
        hash=event.hash,
        content=event.content,
        payload=payload,
    )


async def show_fields(store: "EventStore", run_id: str) -> ShowFields:
    """Return a run and everything open in it."""
    rows = await store.projections(run_id)
    state = await state_at(store, run_id)
    conditions, lease = state.conditions, await store.lease(run_id)
    lineage = state.identity.lineage
    run = run_fields(rows.fleet)
    if run["need"] == "running" and not lease.live:
        # Whether somebody drives it is the lease's to say; the fleet's listing asks it, too.
        run["need"] = "adrift"
    return ShowFields(
        **run,
        driver={"live": lease.live, "epoch": lease.epoch, "host": lease.host, "pid": lease.pid},
        tier=conditions.tier,
        parameters=conditions.parameters,
        model_revision=conditions.model_revision,
        scope={
            "scope": conditions.scope,
            "tools": list(conditions.scope_tools),
            "revision": conditions.scope_revision,
            "applied": conditions.scope_applied,
        },
        budgets=_budgets(state),
        items=[await item_fields(store, row, state) for row in rows.inbox_opened],
        holds=[
            {"seq": hold.seq, "by": hold.by, "reason": hold.reason, "since_us": hold.since_us}
            for hold in state.holds.values()
        ],
        grants=[grant_fields(run_id, grant) for grant in await standing(store, state)],
        children=[{"run_id": name, "agent": c.agent} for name, c in state.children.items()],
        messages_waiting=len(state.messages),
        forked_from=None
        if lineage is None
        else {
            "run_id": lineage.parent_run_id,
            "seq": lineage.parent_seq,
            "hash": lineage.parent_hash,
        },
        end=await _end(store, state),
    )


def _budgets(state: "RunState") -> list[BudgetFields]:
    left = state.budgets_left
    return [
        BudgetFields(
            budget=kind,
            limit=bound.limit,
            used=state.spend.used(kind),
            reserved=state.spend.set_aside(kind),
            left=left.get(kind),
            revision=bound.revision,
        )
        for kind, bound in sorted(state.conditions.budgets.items())
    ]


async def _end(store: "EventStore", state: "RunState") -> EndFields | None:
    if not state.terminal:
        return None
    records = await store.read(state.identity.run_id, kinds=_ENDS, backwards=True, limit=1)
    if not records:
        return None
    payload = (await opened(store, records[0])).payload
    answer = getattr(payload, "answer", None)
    return EndFields(
        seq=records[0].seq,
        kind=records[0].kind,
        error=getattr(payload, "error", None) or getattr(payload, "bound", None),
        message=getattr(payload, "message", None) or getattr(payload, "reason", None),
        answer=answer if answer is not None else getattr(payload, "partial_answer", None),
        acknowledged=state.failure is not None and state.failure.acknowledged,
    )
