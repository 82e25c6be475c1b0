"""Folding the life of a run."""

from typing import assert_never

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import (
    Acknowledged,
    AnyRunEvent,
    ForkMerged,
    ResumeRequested,
    RunCancelled,
    RunFailed,
    RunForked,
    RunQueued,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.projections.open_items import (
    Failure,
    Identity,
    Limit,
    Lineage,
    OpenUnknown,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import kept
from quarterdeck_kernel.vocabulary.reservation import NOTHING
from quarterdeck_kernel.vocabulary.words import Status


def fold_run(state: RunState, event: Event, payload: AnyRunEvent) -> None:
    """Begin, end, branch or acknowledge."""
    match payload:
        case RunQueued():
            _queued(state, event, payload)
        case RunStarted():
            state.status = "running"
            state.started_us = event.at_us
        case RunSucceeded():
            _ended(state, event, "succeeded")
        case RunFailed():
            _ended(state, event, "failed")
            state.failure = Failure(event.seq, payload.error)
        case RunCancelled():
            _ended(state, event, "cancelled")
        case RunTimedOut():
            _ended(state, event, "timed_out")
            state.failure = Failure(event.seq, payload.bound)
        case RunForked():
            _forked(state, event, payload)
        case Acknowledged():
            if state.failure is not None and state.failure.seq == payload.seq:
                state.failure = state.failure._replace(acknowledged=True)
        case ForkMerged() | ResumeRequested():
            pass
        case _:
            assert_never(payload)


def _queued(state: RunState, event: Event, payload: RunQueued) -> None:
    state.identity = Identity(
        run_id=event.run_id,
        tenant=event.tenant,
        agent=payload.agent,
        workload=payload.workload,
        person=event.actor.name,
        objective=kept(payload.objective),
        parent_run_id=payload.parent_run_id,
        parent_intent_seq=payload.parent_intent_seq,
        depth=payload.depth,
        max_run_time_us=payload.max_run_time_us,
        idempotency_key=payload.idempotency_key,
        os_user=event.actor.os_user,
    )
    state.created_us = event.at_us
    state.deadline_us = payload.deadline_us
    conditions = state.conditions
    conditions.model = payload.model
    conditions.tier = payload.tier
    conditions.parameters = payload.parameters
    conditions.config_digest = payload.config_digest
    conditions.config_seq = event.seq
    if payload.budget_micros is not None:
        conditions.budgets["micros"] = Limit(payload.budget_micros, 0)
    for kind, limit in payload.budgets.items():
        conditions.budgets[kind] = Limit(limit, 0)


def _ended(state: RunState, event: Event, status: Status) -> None:
    """Close what only a run that goes on could answer; an unknown outlives even its run."""
    state.status = status
    state.ended_us = event.at_us
    for item in (
        state.holds,
        state.pauses,
        state.tool_intents,
        state.model_intents,
        state.workflow_intents,
        state.timers,
        state.children,
        state.messages,
        state.allowed_calls,
        state.allowed_retries,
        state.conditions.grants,
    ):
        item.clear()
    state.spend.reserved_micros = state.spend.reserved_tokens = 0
    for unknown in state.unknowns.values():
        state.spend.reserve(unknown.reserved)


def _forked(state: RunState, event: Event, payload: RunForked) -> None:
    """Begin a run of its own: the past is shared, the rights and duties of the parent are not.

    What was said and not used yet, and the timers set, belong to the past.
    """
    told = state.tool_intents.pop(payload.tool_result_seq or 0, None)
    inherited, timers, messages = _inherited_unknowns(state), state.timers, state.messages
    state.timers, state.messages = {}, {}
    _ended(state, event, "queued")
    if told is not None:
        # Closed by the next event, with another outcome than the parent's.
        state.tool_intents[told.seq] = told._replace(reserved=NOTHING, allowed=None, retry=None)
    state.unknowns, state.timers, state.messages = inherited, timers, messages
    # What the parent spent or set aside for an unknown is the parent's to settle.
    state.spend.reserved_micros = state.spend.reserved_tokens = 0
    identity = state.identity
    objective = identity.objective
    if "objective" in payload.changed:
        changed = (payload.changes or {}).get("objective")
        objective = kept(changed) if isinstance(changed, str) else None
    state.identity = identity._replace(
        run_id=event.run_id,
        tenant=event.tenant,
        # One that the kernel makes is still driven for whom the parent is.
        person=event.actor.name if event.actor.kind == "operator" else identity.person,
        os_user=event.actor.os_user if event.actor.kind == "operator" else identity.os_user,
        objective=objective,
        # A fork of a sub-agent stays one: its rights and its money are its parent's to give.
        parent_intent_seq=None,
        idempotency_key=None,
        lineage=Lineage(payload.parent_run_id, payload.parent_seq, payload.parent_hash),
    )
    state.created_us = event.at_us
    state.started_us = None
    state.ended_us = None
    state.deadline_us = None
    state.cancel = None
    state.failure = None
    state.circuit_open = False
    state.vitals.mended()
    if payload.model is not None and payload.model != state.conditions.model:
        state.conditions.model = payload.model
        # A tier belongs to its model.
        state.conditions.tier = None
    state.conditions.asks_before_once |= payload.asks_before_once
    # The parent's threads go on in the parent: a fork that grew them would change its rows.
    state.conversation.threads.clear()
    state.conversation.used.clear()


def _inherited_unknowns(state: RunState) -> dict[int, OpenUnknown]:
    """Return what may have happened in the parent and must not be done again in its fork."""
    unknowns = {
        seq: unknown._replace(inherited=True, reserved=NOTHING)
        for seq, unknown in state.unknowns.items()
    }
    for intent in state.tool_intents.values():
        if intent.effect == "once":
            unknowns[intent.seq] = OpenUnknown(
                intent_seq=intent.seq,
                kind="tool",
                step_key=intent.step_key,
                name=intent.tool,
                idempotency_key=intent.idempotency_key,
                attempt=intent.attempt,
                since_us=intent.since_us,
                call_id=intent.call_id,
                risk=intent.risk,
                inherited=True,
            )
    for step in state.workflow_intents.values():
        if step.effect == "once":
            unknowns[step.seq] = OpenUnknown(
                intent_seq=step.seq,
                kind="workflow",
                step_key=step.step_key,
                name=step.name,
                idempotency_key=step.step_key,
                attempt=1,
                since_us=step.since_us,
                inherited=True,
            )
    return unknowns
