"""The row by which the fleet shows a run."""

from typing import Final

from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need, NeedRank

_NO_DEADLINE_US: Final = 2**61
"""Puts what has no deadline behind everything that has one, by age; fits 64 bits with room."""

_RANKS: Final[dict[Need, NeedRank]] = {
    "unknown": NeedRank.UNKNOWN,
    "waiting": NeedRank.WAITING,
    "failed": NeedRank.FAILED,
    "timed_out": NeedRank.TIMED_OUT,
    "adrift": NeedRank.ADRIFT,
    "held": NeedRank.HELD,
    "running": NeedRank.RUNNING,
    "queued": NeedRank.QUEUED,
    "done": NeedRank.DONE,
    "cancelled": NeedRank.CANCELLED,
}


def fleet_row(state: RunState) -> FleetRow:
    """Return the row of a run. `sort_us` ascends within a rank and only moves with the need."""
    identity, conditions, spend = state.identity, state.conditions, state.spend
    lineage = identity.lineage
    need, rank, sort_us, waits_for = _need(state)
    return FleetRow(
        run_id=identity.run_id,
        tenant=identity.tenant,
        agent=identity.agent,
        objective=identity.objective or "",
        status=state.status,
        need=need,
        rank=rank,
        sort_us=sort_us,
        waits_for=waits_for,
        parent_run_id=identity.parent_run_id,
        fork_of=lineage.parent_run_id if lineage is not None else None,
        fork_seq=lineage.parent_seq if lineage is not None else None,
        depth=identity.depth,
        person=identity.person,
        model=conditions.model,
        mode=state.mode,
        turn=state.turn,
        tokens=spend.tokens,
        cost_micros=spend.total_micros,
        cost_unknown=spend.unknown_costs > 0,
        budget_micros=conditions.limit("micros").limit,
        created_us=state.created_us,
        changed_us=state.changed_us,
        deadline_us=state.deadline_us,
        cancel_requested_us=state.cancel.at_us if state.cancel is not None else None,
        head_seq=state.head_seq,
        read_only=state.read_only,
    )


def _need(state: RunState) -> tuple[Need, NeedRank, int, str | None]:
    if state.unknowns:
        oldest = min(state.unknowns.values(), key=lambda unknown: unknown.intent_seq)
        return "unknown", NeedRank.UNKNOWN, oldest.since_us, f"verdict on {oldest.name}"
    if state.pauses:
        return _waiting(state)
    status = state.status
    if status == "running" or status == "queued":  # noqa: PLR1714 - mypy narrows by comparison only
        hold = state.hold
        if hold is not None:
            return "held", NeedRank.HELD, state.created_us, f"release by {hold.by}"
        waits_for = None
        if state.children:
            first = min(state.children.values(), key=lambda child: child.seq)
            waits_for = f"child {first.agent}"
        return status, _RANKS[status], state.created_us, waits_for
    # Newest first: what ended lately is what somebody may be looking for.
    sort_us = -(state.ended_us or 0)
    match status:
        case "failed" | "timed_out":
            if state.failure is not None and not state.failure.acknowledged:
                return status, _RANKS[status], sort_us, "acknowledge"
            return status, NeedRank.DONE, sort_us, None
        case "succeeded":
            return "done", NeedRank.DONE, sort_us, None
        case "cancelled":
            return "cancelled", NeedRank.CANCELLED, sort_us, None


def _waiting(state: RunState) -> tuple[Need, NeedRank, int, str | None]:
    nearest, best = None, (_NO_DEADLINE_US * 2, 0)
    for pause in state.pauses.values():
        expires = pause.expires_at_us
        press = _NO_DEADLINE_US + pause.since_us if expires is None else expires
        if (press, pause.seq) < best:
            nearest, best = pause, (press, pause.seq)
    assert nearest is not None, "no deadline is later than having none"
    what = nearest.tool or nearest.title
    waits_for = f"{nearest.type} {what}" if what else nearest.type
    return "waiting", NeedRank.WAITING, best[0], waits_for
