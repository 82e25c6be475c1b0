"""The log of the model: the kernel's events, fold and legality, without a store or a hash.

A commit is atomic, as the store's is. Beside it stands the lease, as the store keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from quarterdeck_kernel.events.envelope import Event, Stamp
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import RunQueued
from quarterdeck_kernel.events.tool_events import (
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.unleased import UNLEASED_KINDS
from quarterdeck_kernel.projections.legality import refusal
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from tests.simulation.effects import Violation
from tests.simulation.oracle import Oracle
from tests.simulation.rules import Rules
from tests.simulation.world import World

Verdict = Literal["done", "not_done", "cannot_tell"]


def _strength(verdict: Verdict | None) -> int:
    return (None, "cannot_tell", "not_done", "done").index(verdict)


class HeadMoved(Exception):  # noqa: N818 - as the kernel's, without its message
    """Another writer was faster."""


class LeaseLost(Exception):  # noqa: N818 - as above
    """Another driver has claimed the run."""


class Refused(Exception):  # noqa: N818 - as above
    """What is answered does not stand any more."""


@dataclass(slots=True)
class Lease:
    """Who drives, as the store knows it."""

    epoch: int = 0
    holder: str | None = None
    deadline_us: int = 0


class Step(NamedTuple):
    """Where one call of the scenario stands."""

    status: str
    attempt: int = 0
    pause_id: str | None = None


class Log:
    """One run's events, its state behind each, and its lease."""

    def __init__(self, rules: Rules, world: World, oracle: Oracle) -> None:
        """Begin a run."""
        self.rules = rules
        self.world = world
        self.oracle = oracle
        self.events: list[Event] = []
        self.states: list[RunState] = [empty()]
        self.steps: list[dict[str, Step]] = [{}]
        self.lease = Lease()
        self.holders: dict[int, str] = {}
        self.writers: dict[int, str] = {}
        self._evidence: dict[int, Verdict] = {}
        self._commit((RunQueued(agent="purser", objective="", config={}),), AGENT, None)

    @property
    def seq(self) -> int:
        """Return the head."""
        return len(self.events)

    @property
    def state(self) -> RunState:
        """Return the state at the head."""
        return self.states[-1]

    def claim(self, holder: str, ttl_us: int) -> Lease:
        """Take the lease under a new epoch."""
        self.lease = Lease(self.lease.epoch + 1, holder, self.world.now_us + ttl_us)
        self.holders[self.lease.epoch] = holder
        return self.lease

    def drive(self, payloads: tuple[AnyEvent, ...], *, on: int, epoch: int) -> None:
        """Append as a driver: upon the head it has seen, under the newest epoch."""
        if self.rules.append_checks_epoch and epoch != self.lease.epoch:
            raise LeaseLost
        if on != self.seq:
            raise HeadMoved
        reason = self._commit(payloads, AGENT, epoch)
        if reason is not None:
            raise Violation(f"the kernel refuses what the protocol writes: {reason}")

    def tell(self, payload: AnyEvent, actor: Actor) -> None:
        """Append without a lease: what people decide, and what a former driver still knows."""
        assert payload.kind in UNLEASED_KINDS
        if self._commit((payload,), actor, None) is not None:
            raise Refused

    def _commit(
        self, payloads: tuple[AnyEvent, ...], actor: Actor, epoch: int | None
    ) -> str | None:
        batch: list[tuple[Event, RunState]] = []
        state = self.state
        now_us = self.world.now_us
        for payload in payloads:
            if self.rules.judged or epoch is None:
                stamp = Stamp("run", "acme", actor, now_us, "", epoch)
                reason = refusal(state, payload, stamp)
                stands = self.rules.answer_must_stand or payload.kind == "run_queued"
                if reason is not None and (self.rules.judged or stands):
                    return reason
            seq = state.head_seq + 1
            event = Event(
                "run", seq, "", payload.kind, "acme", now_us, actor, epoch, None, "", payload
            )
            state = fold(state, (event,))
            batch.append((event, state))
        for event, behind in batch:
            self.events.append(event)
            self.states.append(behind)
            self.steps.append(_stepped(self.steps[-1], self.states[-2], event))
            if event.epoch is not None:
                self.writers[event.seq] = self.holders[event.epoch]
            self.oracle.feed(event)
        self._tells_all(state, [event for event, _ in batch])
        return None

    def _tells_all(self, state: RunState, batch: Iterable[Event]) -> None:
        """Check that the strongest of what is known of an unknown outcome stands beside it."""
        for event in batch:
            if isinstance(event.payload, ToolEvidence) and event.payload.verdict is not None:
                seq, verdict = event.payload.intent_seq, event.payload.verdict
                self._evidence[seq] = max(self._evidence.get(seq, verdict), verdict, key=_strength)
        for seq, unknown in state.unknowns.items():
            known = self._evidence.get(seq)
            if known is not None and _strength(known) > _strength(unknown.evidence):
                raise Violation(f"evidence on #{seq} says {known}; it shows {unknown.evidence}")


_STATUS_OF = {
    "success": "settled",
    "permanent_error": "settled",
    "transient_error": "transient",
    "unknown_outcome": "unknown",
    "not_dispatched": "not_dispatched",
}


def _stepped(steps: dict[str, Step], before: RunState, event: Event) -> dict[str, Step]:
    """Return where each call stands behind an event: the engine has an index for this."""
    match event.payload:
        case ToolRequested() as payload:
            return {**steps, payload.step_key: Step("open", payload.attempt, payload.pause_id)}
        case ToolCompleted() as payload:
            intent = before.tool_intents.get(payload.intent_seq)
            if intent is None:
                return steps
            step = steps[intent.step_key]
            status = _STATUS_OF[payload.outcome]
            if status == "not_dispatched" and step.pause_id is not None:
                # The approval was not used after all: it stands.
                status = "approved"
            return {**steps, intent.step_key: step._replace(status=status)}
        case ToolReconciled() as payload:
            unknown = before.unknowns.get(payload.intent_seq)
            if unknown is None:
                return steps
            status = "retry" if payload.verdict == "retry" else "settled"
            return {**steps, unknown.step_key: steps[unknown.step_key]._replace(status=status)}
        case PauseRequested() as payload:
            old = steps.get(payload.step_key, Step("asked"))
            return {**steps, payload.step_key: Step("asked", old.attempt, payload.pause_id)}
        case PauseResolved() as payload:
            pause = before.pauses.get(payload.pause_id)
            if pause is None:
                return steps
            status = "approved" if payload.decision == "approved" else "settled"
            return {**steps, pause.step_key: steps[pause.step_key]._replace(status=status)}
        case _:
            return steps
