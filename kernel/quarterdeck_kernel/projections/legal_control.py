"""Legality of what people and guards change about the conditions of a run."""

from typing import assert_never

from quarterdeck_kernel.events.control_events import (
    AgentChanged,
    AnyControlEvent,
    BudgetChanged,
    CancelRequested,
    GrantGiven,
    GrantRevoked,
    Held,
    ModelSwapped,
    Released,
    ToolScopeChanged,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.limits import OPEN_ITEMS


def control_refusal(state: RunState, payload: AnyControlEvent) -> str | None:
    """Return why the conditions cannot change so."""
    conditions = state.conditions
    match payload:
        case Held():
            for hold in state.holds.values():
                if hold.by == payload.by:
                    return f"the run is held by {hold.by} already, since #{hold.seq}"
            return None
        case Released():
            if payload.held_seq in state.holds:
                return None
            return f"no hold of event #{payload.held_seq} is open (any more)"
        case CancelRequested():
            cancel = state.cancel
            if cancel is None or (payload.now and not cancel.now):
                return None
            return f"the run is to be cancelled already, since #{cancel.seq}"
        case BudgetChanged():
            if payload.limit is not None and payload.limit < 0:
                return f"a budget of {payload.limit} is below zero"
            current = conditions.limit(payload.budget).revision
            return _revision_refusal(f"budget {payload.budget}", current, payload.revision)
        case ModelSwapped():
            return _revision_refusal("the model", conditions.model_revision, payload.revision)
        case AgentChanged():
            return _revision_refusal("the agent", conditions.agent_revision, payload.revision)
        case ToolScopeChanged():
            return _revision_refusal("the tool scope", conditions.scope_revision, payload.revision)
        case GrantGiven():
            return _grant_refusal(state, payload)
        case GrantRevoked():
            if payload.grant_id in conditions.grants:
                return None
            return f"grant {payload.grant_id!r} does not stand (any more)"
        case _:
            assert_never(payload)


def _revision_refusal(what: str, current: int, revision: int) -> str | None:
    if revision == current + 1:
        return None
    return f"{what} is at revision {current}, the change is for {revision}: look again"


def _grant_refusal(state: RunState, payload: GrantGiven) -> str | None:
    if payload.grant_id in state.conditions.grants:
        return f"grant {payload.grant_id!r} stands already"
    if len(state.conditions.grants) >= OPEN_ITEMS:
        return f"{OPEN_ITEMS:,} grants stand, which is the limit; revoke some"
    call = state.allowed_calls.get(payload.pause_id)
    if call is None or call.decision != "granted" or call.tool != payload.tool:
        return f"pause {payload.pause_id!r} was not answered by a grant of {payload.tool!r}"
    return None
