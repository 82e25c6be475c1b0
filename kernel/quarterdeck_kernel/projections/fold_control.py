"""Folding what people and guards change about the conditions of a run."""

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
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.fold_tool import withdraw_retry
from quarterdeck_kernel.projections.open_items import CancelRequest, Grant, Hold, Limit
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import kept


def fold_control(state: RunState, event: Event, payload: AnyControlEvent) -> None:
    """Take over what was decided, with the revision it made."""
    conditions = state.conditions
    match payload:
        case Held():
            state.holds[event.seq] = Hold(event.seq, payload.by, kept(payload.reason), event.at_us)
        case Released():
            state.holds.pop(payload.held_seq, None)
        case CancelRequested():
            # A request that is made more urgent keeps its age.
            first = state.cancel.at_us if state.cancel is not None else event.at_us
            state.cancel = CancelRequest(event.seq, payload.now, first)
            # No further try will be made: what they were to settle is in doubt again.
            for retry in tuple(state.allowed_retries.values()):
                withdraw_retry(state, retry)
        case BudgetChanged():
            conditions.budgets[payload.budget] = Limit(payload.limit, payload.revision)
        case ModelSwapped():
            conditions.model = payload.model
            conditions.tier = payload.tier
            conditions.parameters = payload.parameters
            conditions.model_revision = payload.revision
        case AgentChanged():
            conditions.config_digest = payload.config_digest
            conditions.config_seq = event.seq
            conditions.agent_revision = payload.revision
        case ToolScopeChanged():
            conditions.scope = payload.scope
            conditions.scope_tools = payload.tools
            conditions.scope_revision = payload.revision
        case GrantGiven():
            conditions.grants[payload.grant_id] = Grant(
                event.seq, payload.tool, payload.pause_id, payload.terms
            )
        case GrantRevoked():
            conditions.grants.pop(payload.grant_id, None)
        case _:
            assert_never(payload)
