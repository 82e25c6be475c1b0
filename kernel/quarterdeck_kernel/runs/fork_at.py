"""Forking a run where a person wants to: from any of its events, with something changed.

Nothing is copied: the fork shares the events, and what is changed stands behind them as events of
its own. A sub-agent's fork stays its parent's: it has what is left of the allotment, and nothing
while somebody else may still spend that.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened, state_at
from quarterdeck_kernel.errors import InvalidError, NotFoundError
from quarterdeck_kernel.events.control_events import BudgetChanged, ToolScopeChanged
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.say import message_said
from quarterdeck_kernel.runs.scope import ToolFilter, check_scope
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor

Change = Literal["objective", "model", "message", "tools", "tool_result"]


class NewResult(NamedTuple):
    """What a tool is to have returned, in place of what it did."""

    value: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkChanges:
    """What is to be another in a fork; what is left out stays as it was.

    A `tool_result` takes the place of the outcome at which the run is forked.
    """

    objective: str | None = None
    model: str | None = None
    message: str | None = None
    scope: ToolFilter | None = None
    tools: tuple[str, ...] = ()
    tool_result: NewResult | None = None

    @property
    def names(self) -> tuple[Change, ...]:
        """Return what is changed."""
        given: dict[Change, object] = {
            "objective": self.objective,
            "model": self.model,
            "message": self.message,
            "tools": self.scope,
            "tool_result": self.tool_result,
        }
        return tuple(name for name, value in given.items() if value is not None)


NOTHING_CHANGED = ForkChanges()


class Share(NamedTuple):
    """What a fork shares: the state behind its last event, and an outcome it is told anew."""

    state: RunState
    outcome: ToolCompleted | None = None


async def fork_at(
    store: EventStore,
    parent: Journal,
    seq: int,
    changes: ForkChanges,
    *,
    known_tools: Collection[str],
    run_id: str | None,
    actor: Actor,
    clock: Clock,
) -> Journal:
    """Begin a run that shares the events of another up to `seq`."""
    await check_changes(store, parent, changes, known_tools)
    share = await shared(store, parent, seq, changes)
    state = share.state
    behind = await _behind(store, parent, share, changes)
    told = share.outcome
    forked = RunForked(
        parent_run_id=parent.run_id,
        parent_seq=state.head_seq,
        parent_hash=state.head_hash,
        changed=changes.names,
        model=changes.model,
        tool_result_seq=told.intent_seq if told is not None else None,
        asks_before_once=True,
        changes={"objective": changes.objective} if changes.objective is not None else {},
    )
    return await Journal.fork(
        store,
        forked,
        behind=behind,
        actor=actor,
        run_id=run_id,
        clock=clock,
        ingress=parent.ingress,
    )


async def check_changes(
    store: EventStore, parent: Journal, changes: ForkChanges, known_tools: Collection[str]
) -> None:
    """Refuse changes that make no sense for a fork of a run."""
    for text, what in (
        (changes.model, "the name of the model"),
        (changes.objective, "the objective"),
    ):
        if text is not None and not text.strip():
            raise InvalidError(f"{what} is empty; say what it is to be, or leave it out")
    if changes.scope is not None:
        await check_scope(store, parent, changes.scope, changes.tools, known=known_tools)
    elif changes.tools:
        raise InvalidError("say whether these tools are to be allowed or denied")


async def shared(store: EventStore, parent: Journal, seq: int, changes: ForkChanges) -> Share:
    """Return what a fork at an event shares; in place of an outcome there, what is to be told."""
    head = (await parent.refresh()).head_seq
    if not 1 <= seq <= head:
        raise NotFoundError(
            f"run {parent.run_id!r} has no event #{seq}; fork it from #1 to #{head}"
        )
    if changes.tool_result is None:
        return Share(await state_at(store, parent.run_id, seq))
    (record,) = await store.read(parent.run_id, after=seq - 1, until=seq)
    ended = (await opened(store, record)).payload
    if not isinstance(ended, ToolCompleted):
        raise InvalidError(
            f"event #{seq} is {record.kind}; to change the result of a tool name the event of "
            "its outcome, tool_completed"
        )
    told = ToolCompleted(
        intent_seq=ended.intent_seq,
        call_id=ended.call_id,
        outcome="success",
        cause="fork",
        note=ended.note,
        result=plain(changes.tool_result.value, exact=True),
        error=None,
    )
    told = told.model_copy(update={"message_digest": tool_message(told).digest()})
    return Share(await state_at(store, parent.run_id, seq - 1), told)


async def _behind(
    store: EventStore, parent: Journal, share: Share, changes: ForkChanges
) -> list[AnyEvent]:
    """Return the events by which a fork parts from what it shares."""
    conditions = share.state.conditions
    events: list[AnyEvent] = []
    if share.outcome is not None:
        events.append(share.outcome)
    if changes.scope is not None:
        events.append(
            ToolScopeChanged(
                scope=changes.scope,
                tools=tuple(sorted(set(changes.tools))),
                revision=conditions.scope_revision + 1,
            )
        )
    limit = await allotment(store, parent, share.state)
    if limit is not None:
        revision = conditions.limit("micros").revision + 1
        events.append(BudgetChanged(budget="micros", limit=limit, revision=revision))
    if changes.message is not None:
        events.append(message_said(changes.message))
    return events


async def allotment(store: EventStore, forked: Journal, state: RunState) -> int | None:
    """Return what a fork of a sub-agent may spend in all; None where that is not its parent's.

    What it shares counts as spent. Beyond that it may have what nobody else can spend any more.
    """
    whose = state.identity.parent_run_id
    limit = state.conditions.limit("micros").limit
    if whose is None or limit is None:
        return None
    spent, head = state.spend.used("micros"), forked.state
    over = await state_at(store, whose)
    if not (head.terminal and over.terminal):
        return spent
    free = limit - head.spend.used("micros") - head.spend.set_aside("micros")
    of_parent = over.budgets_left.get("micros")
    free = free if of_parent is None else min(free, of_parent)
    return spent + max(0, free - await _given(store, whose))


async def _given(store: EventStore, parent_run_id: str) -> int:
    """Return what forks of a run's sub-agents have got already."""
    given, after = 0, None
    while True:
        page = await store.fleet(FleetFilter(parent_run_id=parent_run_id), after=after)
        for row in page.rows:
            if row.fork_of is not None and row.fork_seq is not None and row.budget_micros:
                before = await state_at(store, row.fork_of, row.fork_seq)
                given += max(0, row.budget_micros - before.spend.used("micros"))
        after = page.after
        if after is None:
            return given
