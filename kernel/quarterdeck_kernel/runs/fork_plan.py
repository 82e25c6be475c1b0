"""What a fork will do before it does it: what stands on record, and what would happen again.

Reads a page on each side of the place, whatever the length of the run: the totals are folded.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.events.workflow_events import WorkflowStepRequested
from quarterdeck_kernel.projections.spend import Spend
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.fork_at import ForkChanges, allotment, check_changes, shared
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.words import Effect

_INTENTS = ("tool_requested", "workflow_step_requested")
_RECORDED = 200


class ForkEffect(NamedTuple):
    """Something a step does, or did."""

    seq: int
    step_key: str
    name: str
    effect: Effect | Literal["model"]


class ForkTotals(NamedTuple):
    """How much stands on one side of a fork's place."""

    model_calls: int
    tool_calls: int
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPlan:
    """What a fork comes to, before there is one.

    `recorded` are the newest effects that are answered from the record; `again` were open and are
    begun anew; of `unknown` nobody knows, and a verdict is asked for. `ahead` is what the parent
    did behind the place, and would be done again if the fork goes the same way: of that
    `asks_first` waits for a person. `barred` would be done again, too, but the fork has no such
    tools. `more`: it did more than is listed. `budget_micros` is what the fork of a sub-agent may
    spend in all, `left_micros` what of it is not spent by then.
    """

    run_id: str
    seq: int
    head_seq: int
    changed: tuple[str, ...]
    replayed: ForkTotals
    behind: ForkTotals
    recorded: tuple[ForkEffect, ...]
    again: tuple[ForkEffect, ...]
    unknown: tuple[ForkEffect, ...]
    pauses: tuple[str, ...]
    ahead: tuple[ForkEffect, ...]
    barred: tuple[ForkEffect, ...]
    more: bool
    budget_micros: int | None
    left_micros: int | None

    @property
    def asks_first(self) -> tuple[ForkEffect, ...]:
        """Return what the parent did that the fork will not do again before a person agreed."""
        return tuple(effect for effect in self.ahead if effect.effect == "once")


async def plan_fork(
    store: EventStore,
    parent: Journal,
    seq: int,
    changes: ForkChanges,
    *,
    known_tools: Collection[str],
) -> ForkPlan:
    """Return what a fork at an event comes to; refuse what the fork would refuse, write nothing."""
    await check_changes(store, parent, changes, known_tools)
    share = await shared(store, parent, seq, changes)
    state, head = share.state, parent.state
    until = state.head_seq
    told = share.outcome.intent_seq if share.outcome is not None else None
    before = await store.read(
        parent.run_id, until=until, kinds=_INTENTS, backwards=True, limit=_RECORDED, payloads=False
    )
    behind = await store.read(parent.run_id, after=until, kinds=_INTENTS, payloads=False)
    done_since = [open_record(record, facts_only=True) for record in behind]
    kept_from = _kept_from(state, changes)
    open_seqs = {*state.tool_intents, *state.workflow_intents, *state.unknowns} - {told}
    budget = await allotment(store, parent, state)
    return ForkPlan(
        run_id=parent.run_id,
        seq=until,
        head_seq=head.head_seq,
        changed=changes.names,
        replayed=_replayed(state, told),
        behind=_totals(head.spend, state.spend),
        recorded=tuple(
            effect
            for effect in _effects(open_record(record, facts_only=True) for record in before)
            if effect.seq not in open_seqs
        ),
        again=_again(state, told),
        unknown=_unknown(state, told),
        pauses=tuple(pause.title or pause.type for pause in state.pauses.values()),
        ahead=tuple(_effects(event for event in done_since if not kept_from(event))),
        barred=tuple(_effects(event for event in done_since if kept_from(event))),
        more=len(behind) == PAGE_ROWS,
        budget_micros=budget,
        left_micros=None if budget is None else budget - state.spend.used("micros"),
    )


def _kept_from(state: RunState, changes: ForkChanges) -> Callable[[Event], bool]:
    """Return what tells whether the tools of the fork keep it from doing something."""
    scope, tools = state.conditions.scope, state.conditions.scope_tools
    if changes.scope is not None:
        scope, tools = changes.scope, changes.tools

    def kept_from(event: Event) -> bool:
        if scope == "all" or not isinstance(event.payload, ToolRequested):
            return False
        return (event.payload.tool in tools) == (scope == "deny")

    return kept_from


def _totals(spend: Spend, before: Spend | None = None) -> ForkTotals:
    than = before or Spend()
    return ForkTotals(
        spend.model_calls - than.model_calls,
        spend.tool_calls - than.tool_calls,
        spend.total_micros - than.total_micros,
    )


def _replayed(state: RunState, told: int | None) -> ForkTotals:
    """Return what has come to its end, and stands: what is open or in doubt is no record."""
    asked = _totals(state.spend)
    calls = {*state.tool_intents, *(item.intent_seq for item in state.unknowns.values()
                                    if item.kind == "tool")} - {told}  # fmt: skip
    return asked._replace(
        model_calls=asked.model_calls - len(state.model_intents),
        tool_calls=asked.tool_calls - len(calls),
    )


def _effects(events: Iterable[Event]) -> list[ForkEffect]:
    """Return the effect of each step once, however often it was tried."""
    found: dict[str, ForkEffect] = {}
    for event in events:
        payload = event.payload
        if isinstance(payload, ToolRequested):
            effect = ForkEffect(event.seq, payload.step_key, payload.tool, payload.effect)
        elif isinstance(payload, WorkflowStepRequested):
            effect = ForkEffect(event.seq, payload.step_key, payload.name, payload.effect)
        else:
            continue
        found.setdefault(effect.step_key, effect)
    return list(found.values())


def _again(state: RunState, told: int | None) -> tuple[ForkEffect, ...]:
    found = [
        ForkEffect(item.seq, item.step_key, item.model, "model")
        for item in state.model_intents.values()
    ]
    found += [
        ForkEffect(item.seq, item.step_key, item.tool, item.effect)
        for item in state.tool_intents.values()
        if item.effect != "once" and item.seq != told
    ]
    found += [
        ForkEffect(item.seq, item.step_key, item.name, item.effect)
        for item in state.workflow_intents.values()
        if item.effect != "once"
    ]
    return tuple(sorted(found))


def _unknown(state: RunState, told: int | None) -> tuple[ForkEffect, ...]:
    found = [
        ForkEffect(item.intent_seq, item.step_key, item.name, "once")
        for item in state.unknowns.values()
    ]
    found += [
        ForkEffect(item.seq, item.step_key, item.tool, "once")
        for item in state.tool_intents.values()
        if item.effect == "once" and item.seq != told
    ]
    found += [
        ForkEffect(item.seq, item.step_key, item.name, "once")
        for item in state.workflow_intents.values()
        if item.effect == "once"
    ]
    return tuple(sorted(found))
