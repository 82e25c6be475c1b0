"""Comparing two runs: what they share, where they part, and what each came to.

What both have from one log is not read: a fork of a long run costs its own steps.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.log_reader import opened, state_at
from quarterdeck_kernel.engine.replay_report import text_of
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import (
    RunCancelled,
    RunFailed,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.workflow_events import (
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.alignment import (
    Pair,
    Parting,
    StepLine,
    align,
    first_parting,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.limits import COMPARED_STEPS, PAGE_ROWS
from quarterdeck_kernel.vocabulary.words import Status

_ENDS = ("run_succeeded", "run_failed", "run_cancelled", "run_timed_out")
_ASKED = (
    *("model_requested", "tool_requested", "workflow_step_requested"),
    *("pause_requested", "guard_denied"),
)
_ANSWERED = (
    *("model_completed", "model_failed", "tool_completed", "tool_reconciled"),
    *("workflow_step_completed", "pause_resolved", "pause_expired"),
)
_SHOWN_CHARS = 300
_OUTCOME: dict[str, str] = {"unknown_outcome": "unknown"}


class RunTotals(NamedTuple):
    """What a run came to, all it shares with others included. `waited_us`: None before its end."""

    run_id: str
    head_seq: int
    status: Status
    turn: int
    cost_micros: int
    cost_unknown: bool
    tokens: int
    model_calls: int
    tool_calls: int
    busy_us: int
    lasted_us: int | None


class Divergence(NamedTuple):
    """The first step at which two runs part, and what each has there, in words."""

    key: str
    parting: Parting
    a_seq: int | None
    b_seq: int | None
    a_text: str | None
    b_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side. They share the first `shared_seq` events; `pairs` come behind those.

    `more`: one of them has more steps than are compared.
    """

    a: RunTotals
    b: RunTotals
    shared_seq: int
    pairs: tuple[Pair, ...]
    first: Divergence | None
    more: bool


async def compare(store: EventStore, a_run_id: str, b_run_id: str) -> Comparison:
    """Return two runs side by side."""
    a, b = [await state_at(store, run_id) for run_id in (a_run_id, b_run_id)]
    shared = await shared_seq(store, a_run_id, b_run_id)
    after = _begun(await state_at(store, a_run_id, shared)) if shared else 0
    a_steps = await steps_of(store, a_run_id, after=after, until=a.head_seq)
    b_steps = await steps_of(store, b_run_id, after=after, until=b.head_seq)
    pairs = align(a_steps, b_steps)
    first = first_parting(pairs)
    return Comparison(
        a=_totals(a_run_id, a),
        b=_totals(b_run_id, b),
        shared_seq=shared,
        pairs=pairs,
        first=None if first is None else await _said(store, a_run_id, b_run_id, first),
        more=max(len(a_steps), len(b_steps)) >= COMPARED_STEPS,
    )


async def shared_seq(store: EventStore, a_run_id: str, b_run_id: str) -> int:
    """Return how many events two runs have from one log."""
    a, b = await _line(store, a_run_id), await _line(store, b_run_id)
    return max((min(until, b[run_id]) for run_id, until in a.items() if run_id in b), default=0)


def _begun(state: RunState) -> int:
    """Return an event behind which stands all that was open in a state: its end may differ."""
    pauses = [pause.seq for pause in state.pauses.values()]
    open_seqs = [*state.tool_intents, *state.model_intents, *state.workflow_intents, *pauses]
    return min((*open_seqs, *state.unknowns, state.head_seq + 1)) - 1


async def _line(store: EventStore, run_id: str) -> dict[str, int]:
    """Return a run and those it was forked from, with how many of its events come from each."""
    info = await store.run(run_id)
    until, line = info.head.seq, {run_id: info.head.seq}
    while info.parent is not None:
        until = min(until, info.parent.seq)
        line[info.parent.run_id] = until
        info = await store.run(info.parent.run_id)
    return line


def _totals(run_id: str, state: RunState) -> RunTotals:
    spend = state.spend
    lasted = None
    if state.started_us is not None and state.ended_us is not None:
        lasted = state.ended_us - state.started_us
    return RunTotals(
        run_id=run_id,
        head_seq=state.head_seq,
        status=state.status,
        turn=state.turn,
        cost_micros=spend.total_micros,
        cost_unknown=spend.cost_unknown,
        tokens=spend.tokens,
        model_calls=spend.model_calls,
        tool_calls=spend.tool_calls,
        busy_us=spend.busy_us,
        lasted_us=lasted,
    )


# -- steps


async def steps_of(store: EventStore, run_id: str, *, after: int, until: int) -> list[StepLine]:
    """Return the steps that a run asked for behind an event, in that order, and its end."""
    steps = _Steps()
    async for event in _events(store, run_id, after, until):
        steps.take(event)
        if len(steps.lines) >= COMPARED_STEPS:
            break
    return list(steps.lines.values())


async def _events(store: EventStore, run_id: str, after: int, until: int) -> AsyncIterator[Event]:
    kinds = (*_ASKED, *_ANSWERED, *_ENDS)
    while after < until:
        records = await store.read(run_id, after=after, until=until, kinds=kinds)
        for record in records:
            yield await opened(store, record)
        if len(records) < PAGE_ROWS:
            return
        after = records[-1].seq


class _Steps:
    """Collects the steps of a run from its events."""

    def __init__(self) -> None:
        self.lines: dict[str, StepLine] = {}
        self._keys: dict[int | str, str] = {}

    def take(self, event: Event) -> None:
        payload, seq = event.payload, event.seq
        match payload:
            case ModelRequested():
                asked = canonical.digest([payload.model, payload.context.digest])
                self._ask(event, payload.step_key, "model", payload.model, asked)
            case ToolRequested():
                self._ask(event, payload.step_key, "tool", payload.tool, _of(payload.arguments))
            case WorkflowStepRequested():
                self._ask(event, payload.step_key, "step", payload.name, None)
            case PauseRequested():
                key = f"{payload.step_key} ({payload.type})"
                self._ask(event, key, "pause", payload.type, _of(payload.title))
                self._keys[payload.pause_id] = key
            case GuardDenied(step_key=str(step_key)):
                self._ask(event, step_key, "tool", payload.tool or "", None)
                self._answer(seq, seq, "denied", _of(payload.reason))
            case ModelCompleted():
                self._answer(
                    payload.request_seq,
                    seq,
                    payload.finish_reason,
                    payload.message_digest,
                    payload.cost_micros,
                    payload.duration_us,
                )
            case ModelFailed():
                self._answer(
                    payload.request_seq, seq, payload.error, None, payload.cost_micros or 0
                )
            case ToolCompleted():
                said = _of([payload.result, payload.error]) if event.content == "present" else None
                outcome = _OUTCOME.get(payload.outcome, payload.outcome)
                self._answer(
                    payload.intent_seq,
                    seq,
                    outcome,
                    said,
                    payload.cost_micros or 0,
                    payload.duration_us or 0,
                )
            case ToolReconciled():
                self._answer(payload.intent_seq, seq, payload.verdict, _of(payload.result))
            case WorkflowStepCompleted():
                self._answer(payload.intent_seq, seq, payload.outcome, _of(payload.result))
            case PauseResolved():
                self._answer(payload.pause_id, seq, payload.decision, _of(payload.answer))
            case PauseExpired():
                self._answer(payload.pause_id, seq, "expired", None)
            case RunSucceeded() | RunFailed() | RunCancelled() | RunTimedOut():
                self._ask(event, "end", "end", "end", None)
                self._answer(seq, seq, event.kind, _of(getattr(payload, "answer", None)))
            case _:
                pass

    def _ask(
        self,
        event: Event,
        key: str,
        kind: Literal["model", "tool", "step", "pause", "end"],
        name: str,
        asked: str | None,
    ) -> None:
        self._keys[event.seq] = key
        asked = asked if event.content == "present" or kind == "model" else None
        known = self.lines.get(key)
        if known is None:
            self.lines[key] = StepLine(key, kind, name, event.seq, asked)
        else:
            self.lines[key] = known._replace(name=name, asked=asked, tries=known.tries + 1)

    def _answer(
        self,
        asking: int | str,
        seq: int,
        outcome: str,
        answered: str | None,
        cost_micros: int | None = 0,
        duration_us: int = 0,
    ) -> None:
        """Note what came of an asking; one from before the place is nobody's here."""
        key = self._keys.get(asking)
        if key is None:
            return
        line = self.lines[key]
        known = line.cost_micros is not None and cost_micros is not None
        self.lines[key] = line._replace(
            answered=answered,
            ended_seq=seq,
            outcome=outcome,
            cost_micros=(line.cost_micros or 0) + (cost_micros or 0) if known else None,
            duration_us=line.duration_us + duration_us,
        )


def _of(value: object) -> str:
    return canonical.digest(value)


# -- the first difference, in words


async def _said(store: EventStore, a_run_id: str, b_run_id: str, pair: Pair) -> Divergence:
    answered = pair.parting == "answered"
    places = [
        None if line is None else line.ended_seq if answered else line.seq
        for line in (pair.a, pair.b)
    ]
    texts = [
        None if seq is None else await _text(store, run_id, seq)
        for run_id, seq in zip((a_run_id, b_run_id), places, strict=True)
    ]
    assert pair.parting is not None, "it is the first that differs"
    return Divergence(pair.key, pair.parting, places[0], places[1], texts[0], texts[1])


async def _text(store: EventStore, run_id: str, seq: int) -> str:
    (record,) = await store.read(run_id, after=seq - 1, until=seq, limit=1)
    event = await opened(store, record)
    match event.payload:
        case ModelCompleted(message=message) if message is not None:
            calls = [f"{call.tool} {call.arguments}" for call in message.tool_calls]
            text = "; ".join(filter(None, [message.text, *calls]))
        case ToolCompleted() as done:
            came = canonical.encode(done.result) if done.error is None else done.error
            text = f"{done.outcome}: {came}"
        case PauseResolved() as answer:
            text = f"{answer.decision}: {canonical.encode(answer.answer)}"
        case payload:
            text = text_of(payload)
    return text[:_SHOWN_CHARS]
