"""Random legal runs: proposes moves of every kind and keeps those that `refusal` lets pass."""

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeVar

from quarterdeck_kernel.errors import IllegalMoveError
from quarterdeck_kernel.events.agent_events import ArtifactWritten, ChildFinished, ChildStarted
from quarterdeck_kernel.events.control_events import (
    BudgetChanged,
    CancelRequested,
    GrantGiven,
    GrantRevoked,
    ModelSwapped,
    Released,
    ToolScopeChanged,
)
from quarterdeck_kernel.events.guard_events import CircuitClosed, CircuitOpened, GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.people_events import PauseExpired
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolEvidence
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import TimerFired, TimerSet
from quarterdeck_kernel.projections.context_builder import (
    Base,
    Built,
    Cut,
    EventMessage,
    build,
    listed,
)
from quarterdeck_kernel.projections.conversation import context_of
from quarterdeck_kernel.vocabulary.actor import KERNEL
from quarterdeck_kernel.vocabulary.messages import Message
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, BEN, Log, running

UNITS = ("micros", "tokens", "model_calls", "tool_calls", "wall_time_us")
ACCOUNTS = tuple(f"tenant:acme/total/{unit}" for unit in UNITS)

T = TypeVar("T")
Move = Callable[["RandomRun"], AnyEvent | None]


class RandomRun:
    """A run that goes on by chance, and the naive record of what each request sent."""

    def __init__(self, seed: int, *, may_end: bool = False) -> None:
        self.random = Random(seed)
        self.log = running(budget_micros=5_000_000)
        self.moves = [*MOVES, *(ENDS if may_end else ())]
        self.bases: dict[int, Base] = {}
        self.lists: dict[int, list[Message]] = {}

    def pick(self, items: Iterable[T]) -> T | None:
        ordered = sorted(items, key=str)
        return self.random.choice(ordered) if ordered else None

    def go(self, events: int) -> Log:
        tries = 0
        while len(self.log.events) < events and tries < events * 20:
            tries += 1
            self.once()
        return self.log

    def once(self) -> None:
        payload = self.random.choice(self.moves)(self)
        actor = self.random.choice([KERNEL, ANNE, BEN])
        if payload is None:
            return
        try:
            seq = self.log.add(payload, actor)
        except IllegalMoveError:
            return
        context = context_of(self.log.events[-1])
        if context is not None:
            base = self.bases[context.base] if context.base is not None else None
            self.bases[seq] = listed(seq, context, base)
            self.lists[seq] = self.sent

    sent: list[Message]

    def newest_answer(self) -> tuple[int, Message] | None:
        for event in reversed(self.log.events):
            if isinstance(event.payload, ModelCompleted) and event.payload.message is not None:
                return event.seq, event.payload.message
        return None

    def context(self, *, main: bool, compact: bool = False) -> tuple[Built, bool]:
        """Build a list from the tip or from any earlier one, remembering it naively."""
        chance = self.random
        seqs = list(self.bases)
        last = self.log.state.conversation.last
        seq = last.seq if last is not None and chance.random() < 0.7 else None
        if seq is None and seqs and chance.random() < 0.9:
            seq = chance.choice(seqs[-6:])
        base = self.bases[seq] if seq is not None else None
        old = self.lists[seq] if seq is not None else []
        pieces: list[Cut | EventMessage | Message] = []
        sent: list[Message] = []
        summary = Message(role="user", text=f"summary {len(self.log.events)}")
        if base is not None and compact and len(old) > 3:
            pieces = [Cut(0, 1), summary, Cut(len(old) - 1, len(old))]
            sent = [old[0], summary, old[-1]]
        elif base is not None:
            keep = len(old) if chance.random() < 0.8 else chance.randint(1, len(old))
            pieces, sent = [Cut(0, keep)], old[:keep]
        for _ in range(0 if compact else chance.choice([0, 1, 1, 2, 3]) or not pieces):
            message = Message(role="user", text=f"{chance.random()}")
            answer = self.newest_answer()
            if answer is not None and chance.random() < 0.5:
                message = answer[1]
                pieces.append(EventMessage(answer[0], message.digest()))
            else:
                pieces.append(message)
            sent = [*sent, message]
        self.sent = sent
        built = build(self.log.state.conversation, base, pieces, main=main)
        return built, summary in built.new_messages


def _request(run: RandomRun) -> AnyEvent | None:
    purpose = run.random.choice(["turn", "turn", "turn", "extraction"])
    built, _ = run.context(main=purpose == "turn")
    key = f"m{len(run.log.events)}"
    estimate = run.random.choice([None, 50])
    return make.asked(
        key,
        built,
        purpose=purpose,
        window_tokens=200,
        estimate_micros=estimate,
        estimate_tokens=run.random.choice([0, 30]),
        accounts=run.random.choice([(), ACCOUNTS]),
        day=run.random.choice([None, "2020-02-29"]),
    )


def _compact(run: RandomRun) -> AnyEvent | None:
    if not run.bases:
        return None
    built, whole = run.context(main=True, compact=True)
    return make.compacted(1, built) if whole else None


def _answer_model(run: RandomRun) -> AnyEvent | None:
    intent = run.pick(run.log.state.model_intents.values())
    if intent is None:
        return None
    seq, key = intent.seq, intent.step_key
    if run.random.random() < 0.2:
        final = run.random.random() < 0.5
        return make.failed(seq, key, final=final, cost_micros=run.random.choice([None, 3]))
    return make.answered(seq, key, tool_calls=run.random.choice([0, 1]))


def _tool(run: RandomRun) -> AnyEvent | None:
    state, chance = run.log.state, run.random
    retry = run.pick(state.allowed_retries.values())
    if retry is not None and chance.random() < 0.5:
        return make.tool(
            retry.step_key,
            idempotency_key=retry.idempotency_key,
            attempt=retry.attempt,
            decision_seq=retry.decision_seq if retry.decided else None,
        )
    call = run.pick(state.allowed_calls.values())
    if call is not None and chance.random() < 0.7:
        return make.tool(call.step_key, pause_id=call.pause_id, digest=call.digest)
    effect = chance.choice(["read", "idempotent", "once"])
    estimate = chance.choice([None, 10])
    return make.tool(
        f"t{len(run.log.events)}",
        tool=chance.choice(["pay", "look"]),
        effect=effect,
        estimate_micros=estimate,
        accounts=chance.choice([(), ACCOUNTS]),
        input_digest=chance.choice(["same", f"{len(run.log.events)}"]),
    )


def _tool_done(run: RandomRun) -> AnyEvent | None:
    seq = run.pick(run.log.state.tool_intents)
    outcomes = ["success"] * 5
    outcomes += ["transient_error", "permanent_error", "unknown_outcome", "not_dispatched"]
    return make.done(seq, run.random.choice(outcomes), duration_us=5) if seq else None


def _settle(run: RandomRun) -> AnyEvent | None:
    seq = run.pick(run.log.state.unknowns)
    verdict = run.random.choice(["done", "failed", "retry"])
    return make.settled(seq, verdict) if seq else None


def _evidence(run: RandomRun) -> AnyEvent | None:
    seq = run.pick(run.log.state.unknowns)
    if seq is None:
        return None
    return ToolEvidence.model_validate(
        {"intent_seq": seq, "source": "probe", "verdict": "not_done", "detail": None}
    )


def _pause(run: RandomRun) -> AnyEvent | None:
    number = len(run.log.events)
    expires = run.random.choice([None, run.log.at_us + 20_000_000])
    return make.pause(
        f"p{number}",
        step_key=f"t{number}",
        expires_at_us=expires,
        people_needed=run.random.choice([1, 1, 2]),
    )


def _resolve(run: RandomRun) -> AnyEvent | None:
    pause = run.pick(run.log.state.pauses)
    if pause is None:
        return None
    decision = run.random.choice(["approved", "approved", "granted", "edited", "rejected"])
    closes = run.random.random() < 0.7
    digest = "d2" if decision == "edited" else run.log.state.pauses[str(pause)].digest
    return make.answer(str(pause), decision, closes=closes, digest=digest)


def _expire(run: RandomRun) -> AnyEvent | None:
    pause = run.pick(run.log.state.pauses)
    return PauseExpired(pause_id=str(pause), expired_at_us=run.log.at_us) if pause else None


def _message(run: RandomRun) -> AnyEvent | None:
    withdrawn = run.random.random() < 0.3
    return make.said(f"k{run.random.randint(0, 3)}", withdrawn=withdrawn)


def _release(run: RandomRun) -> AnyEvent | None:
    seq = run.pick(run.log.state.holds)
    return Released(held_seq=seq, reason=None) if seq else None


def _grant(run: RandomRun) -> AnyEvent | None:
    call = run.pick(run.log.state.allowed_calls)
    values = {"grant_id": f"g{run.random.randint(0, 5)}", "tool": "pay", "constraints": None}
    return GrantGiven.model_validate({**values, "pause_id": call}) if call else None


def _revoke(run: RandomRun) -> AnyEvent | None:
    grant = run.pick(run.log.state.conditions.grants)
    return GrantRevoked(grant_id=str(grant), reason=None) if grant else None


def _conditions(run: RandomRun) -> AnyEvent | None:
    conditions = run.log.state.conditions
    budget = conditions.limit("micros").revision + 1
    changes: list[AnyEvent] = [
        ModelSwapped(model="big-1", revision=conditions.model_revision + 1),
        ToolScopeChanged(scope="allow", tools=("pay",), revision=conditions.scope_revision + 1),
        BudgetChanged(budget="micros", limit=run.random.choice([9, None]), revision=budget),
    ]
    return run.random.choice(changes)


def _phase(run: RandomRun) -> AnyEvent | None:
    phase = run.random.choice(["perceive", "deliberate", "execute"])
    turn = run.log.state.turn + run.random.choice([0, 1])
    return PhaseEntered.model_validate({"turn": turn, "phase": phase})


def _child(run: RandomRun) -> AnyEvent | None:
    child = run.pick(run.log.state.children)
    if child is None:
        name = f"c{len(run.log.events)}"
        return ChildStarted(child_run_id=name, agent="reader", allotment_micros=100)
    return ChildFinished(
        child_run_id=str(child), status="succeeded", spent_micros=40, head_seq=9, head_hash="h"
    )


def _step(run: RandomRun) -> AnyEvent | None:
    seq = run.pick(run.log.state.workflow_intents)
    if seq is None:
        return make.step(
            f"w{len(run.log.events)}", effect=run.random.choice(["idempotent", "once"])
        )
    return make.step_done(seq, run.random.choice(["success", "error", "unknown_outcome"]))


def _timer(run: RandomRun) -> AnyEvent | None:
    timer = run.pick(run.log.state.timers)
    if timer is None:
        return TimerSet(timer_id=f"x{len(run.log.events)}", fires_at_us=run.log.at_us)
    return TimerFired(timer_id=str(timer))


def _guard(run: RandomRun) -> AnyEvent | None:
    opened = CircuitOpened(streak=3, threshold=3)
    events: list[AnyEvent] = [GuardDenied(guard="g", reason=None), opened, CircuitClosed()]
    return run.random.choice(events)


MOVES: list[Move] = [
    *[_request, _answer_model, _tool, _tool_done] * 10,
    *[_settle, _resolve, _release] * 8,
    *[_compact, _evidence, _grant] * 3,
    _pause,
    _expire,
    _message,
    lambda _: make.hold(),
    _revoke,
    _conditions,
    _phase,
    _child,
    _step,
    _timer,
    _guard,
    lambda _: ArtifactWritten(operation="written", path=None),
]
ENDS: list[Move] = [
    lambda _: RunSucceeded(answer=None),
    lambda _: RunFailed(error="turn_limit", message=None, partial_answer=None),
    lambda _: CancelRequested(now=True, reason=None),
]
