"""The oracle: judges a log of the kernel's own events beside the effects counted outside.

It knows DESIGN's invariants and nothing of how they are kept: it folds nothing with the kernel's
fold and asks nothing of the kernel's legality, so that it judges both. The model of the protocol
feeds it event by event; a test of the real engine hands it a finished log (`check`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from quarterdeck_kernel.events.control_events import CancelRequested, Held, Released
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import (
    RunCancelled,
    RunFailed,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.tool_events import (
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.events.unleased import UNLEASED_KINDS
from quarterdeck_kernel.events.workflow_events import WorkflowStepCompleted, WorkflowStepRequested
from tests.simulation.effects import Key, Try, Violation

_FIRST = frozenset({"run_queued", "run_forked"})
_BEHIND_THE_END = frozenset({"acknowledged", "artifact_written", "run_forked", "tool_evidence"})
_ALLOWING = frozenset({"approved", "granted", "edited"})


class Effect(NamedTuple):
    """One call that took effect outside, as the world noted it, or (`lands`) began and did not.

    `called_seq` is the head of the run's log when the call began, at `at_us`; with it the oracle
    also judges whether the call was allowed to begin at that moment.
    """

    key: str
    attempt: int
    at_us: int = 0
    epoch: int | None = None
    called_seq: int | None = None
    lands: bool = True


@dataclass(slots=True)
class _Approval:
    step_key: str
    tool: str | None
    digest: str | None


@dataclass(slots=True)
class _Run:
    """What stands open, kept by the oracle's own few rules."""

    seq: int = 0
    hash: str | None = None
    epoch: int = 0
    ended: str | None = None
    cancel: CancelRequested | None = None
    cancel_us: int = 0
    holds: dict[int, int] = field(default_factory=dict)
    pauses: dict[str, PauseRequested] = field(default_factory=dict)
    approvals: dict[str, _Approval] = field(default_factory=dict)
    retries: dict[int, str] = field(default_factory=dict)
    unknowns: set[int] = field(default_factory=set)
    doubted_steps: dict[int, str] = field(default_factory=dict)
    steps: dict[int, str] = field(default_factory=dict)


class Oracle:
    """Follows one run; raises `Violation` at the first event or effect that must not be."""

    def __init__(self, *, grace: bool = False) -> None:
        """Begin before the first event.

        With `grace` a call may begin although the log has moved on since it was checked: a driver
        can always be stopped between its last look and the call.
        """
        self._run = _Run()
        self._keys: dict[str, Key] = {}
        self._tries: dict[int, Try] = {}
        self._evidence: set[int] = set()
        self._used: dict[int, tuple[str, _Approval]] = {}
        self._returned: list[tuple[str, int]] = []
        self._grace = grace

    # -- the log

    def feed(self, event: Event) -> None:
        """Judge the next event."""
        run = self._run
        if event.seq != run.seq + 1 or (event.prev is not None and event.prev != run.hash):
            raise Violation(f"#{event.seq} does not follow #{run.seq}")
        self._judge_writer(event)
        run.seq, run.hash = event.seq, event.hash
        if run.ended is not None and event.kind not in _BEHIND_THE_END:
            raise Violation(f"#{event.seq} {event.kind} stands behind the end ({run.ended})")
        match event.payload:
            case ToolRequested() as payload:
                self._intent(event.seq, payload)
            case ToolCompleted() as payload:
                self._outcome(event.seq, payload)
            case ToolEvidence() as payload:
                if payload.intent_seq not in self._tries:
                    raise Violation(f"#{event.seq} is evidence on #{payload.intent_seq}: no intent")
                self._evidence.add(payload.intent_seq)
                if payload.verdict == "done":
                    key = self._keys[self._tries[payload.intent_seq].key]
                    key.done_seq, key.done_us = event.seq, event.at_us
            case ToolReconciled() as payload if payload.intent_seq in run.doubted_steps:
                if payload.verdict != "retry":
                    del run.doubted_steps[payload.intent_seq]
            case WorkflowStepRequested() as payload:
                run.steps[event.seq] = payload.step_key
                for seq in [s for s, key in run.doubted_steps.items() if key == payload.step_key]:
                    del run.doubted_steps[seq]
            case ToolReconciled() as payload:
                self._reconciled(event.seq, payload)
            case WorkflowStepCompleted(outcome="unknown_outcome") as payload:
                run.doubted_steps[payload.intent_seq] = run.steps[payload.intent_seq]
            case PauseRequested() as payload:
                if payload.pause_id in run.pauses or payload.pause_id in run.approvals:
                    raise Violation(f"#{event.seq} opens pause {payload.pause_id!r} again")
                run.pauses[payload.pause_id] = payload
            case PauseResolved(closes=True) | PauseExpired():
                self._answered(event)
            case Held():
                run.holds[event.seq] = event.at_us
            case Released() as payload:
                if run.holds.pop(payload.held_seq, None) is None:
                    raise Violation(f"#{event.seq} releases #{payload.held_seq}: no open hold")
            case CancelRequested() as payload:
                run.cancel, run.cancel_us = payload, event.at_us
            case ModelRequested():
                self._not_while_blocked(event)
            case RunSucceeded() | RunFailed() | RunCancelled() | RunTimedOut():
                self._end(event)
            case _:
                pass

    def _judge_writer(self, event: Event) -> None:
        if event.epoch is None:
            if event.kind not in UNLEASED_KINDS | _FIRST:
                raise Violation(f"#{event.seq} {event.kind} was written without a lease")
        elif event.epoch < self._run.epoch:
            raise Violation(
                f"#{event.seq} {event.kind} is of epoch {event.epoch}, "
                f"but epoch {self._run.epoch} has written: two drivers"
            )
        else:
            self._run.epoch = event.epoch

    # -- tool calls

    def _intent(self, seq: int, payload: ToolRequested) -> None:
        run = self._run
        allowed = False
        if payload.pause_id is not None:
            approval = run.approvals.pop(payload.pause_id, None)
            if approval is None:
                raise Violation(f"#{seq} uses pause {payload.pause_id!r}, which allows nothing")
            asked = _Approval(payload.step_key, payload.tool, payload.digest)
            if approval != asked:
                raise Violation(f"#{seq} would run {asked}, but {approval} was approved")
            allowed = True
            self._used[seq] = payload.pause_id, approval
        if payload.decision_seq is not None:
            if run.retries.pop(payload.decision_seq, None) != payload.idempotency_key:
                raise Violation(f"#{seq} names #{payload.decision_seq}, which allows no such try")
            allowed = True
        if run.holds:
            raise Violation(f"#{seq} is an intent while the run is held")
        if run.cancel is not None and run.cancel.now:
            raise Violation(f"#{seq} is an intent while the run is to be cancelled at once")
        if (run.pauses or run.unknowns or run.cancel) and not allowed:
            raise Violation(f"#{seq} is an intent while the run is blocked, and nothing allows it")
        key = self._keys.setdefault(payload.idempotency_key, Key(payload.idempotency_key))
        self._tries[seq] = key.intend(seq, payload)

    def _outcome(self, seq: int, payload: ToolCompleted) -> None:
        tried = self._tries.get(payload.intent_seq)
        if tried is None or tried.closed_seq is not None:
            raise Violation(f"#{seq} is an outcome of #{payload.intent_seq}, which is not open")
        tried.close(seq, payload.outcome)
        if payload.outcome == "unknown_outcome":
            self._run.unknowns.add(payload.intent_seq)
        if payload.outcome == "not_dispatched" and tried.decision_seq is not None:
            # The decision was not carried out: it stands.
            self._run.retries[tried.decision_seq] = tried.key
        if payload.outcome == "not_dispatched" and payload.intent_seq in self._used:
            pause_id, approval = self._used[payload.intent_seq]
            self._run.approvals[pause_id] = approval
        self._keys[tried.key].judge()

    def _reconciled(self, seq: int, payload: ToolReconciled) -> None:
        tried = self._tries.get(payload.intent_seq)
        decided_again = (
            tried is not None and tried.verdict == "retry" and self._may_retry(tried.key)
        )
        if (
            tried is None
            or tried.outcome != "unknown_outcome"
            or (tried.verdict is not None and not decided_again)
        ):
            raise Violation(f"#{seq} settles #{payload.intent_seq}, which is not unknown")
        tried.verdict = payload.verdict
        self._run.unknowns.discard(payload.intent_seq)
        self._drop_retries(tried.key)
        key = self._keys[tried.key]
        if payload.verdict == "retry":
            self._run.retries[seq] = tried.key
            key.allow(tried.attempt, by=payload.by)
        key.judge()

    def _may_retry(self, key: str) -> bool:
        return key in self._run.retries.values()

    def _drop_retries(self, key: str) -> None:
        for seq in [seq for seq, name in self._run.retries.items() if name == key]:
            del self._run.retries[seq]

    def _answered(self, event: Event) -> None:
        payload = event.payload
        assert isinstance(payload, PauseResolved | PauseExpired)
        pause = self._run.pauses.pop(payload.pause_id, None)
        if pause is None:
            raise Violation(f"#{event.seq} answers pause {payload.pause_id!r}, which is not open")
        if isinstance(payload, PauseResolved) and payload.decision in _ALLOWING:
            edited = payload.decision == "edited"
            if not edited and payload.digest != pause.digest:
                raise Violation(f"#{event.seq} approves something else than the pause shows")
            self._run.approvals[payload.pause_id] = _Approval(
                pause.step_key, pause.tool, payload.digest if edited else pause.digest
            )

    def _not_while_blocked(self, event: Event) -> None:
        run = self._run
        if run.pauses or run.unknowns or run.holds or run.cancel:
            raise Violation(f"#{event.seq} {event.kind} is an intent while the run is blocked")

    def _end(self, event: Event) -> None:
        run = self._run
        if event.kind == "run_cancelled" and run.cancel is None:
            raise Violation(f"#{event.seq}: nobody asked to cancel")
        still = [seq for seq, tried in self._tries.items() if tried.closed_seq is None]
        unknown = run.unknowns | run.doubted_steps.keys()
        if still or unknown:
            raise Violation(f"#{event.seq} ends the run; open: {still}, unknown: {unknown}")
        if run.retries:
            raise Violation(
                f"#{event.seq} ends the run, but a retry that was decided on was never made: "
                f"what happened to {sorted(run.retries.values())} is not known"
            )
        run.ended = event.kind

    # -- the world

    def called(self, key: str, attempt: int, *, looked_us: int | None = None) -> None:
        """Judge a call; one that begins now, and looked at `looked_us` a last time, by the log."""
        name = self._keys.get(key)
        if name is None or not name.tries_of(attempt):
            raise Violation(f"{key} try {attempt} is called, but no intent of it stands on record")
        name.called(attempt)
        if self._grace or looked_us is None:
            return
        if all(tried.closed_seq is not None for tried in name.tries_of(attempt)):
            raise Violation(f"{key} try {attempt} is called, but its intent is closed")
        name.not_known_to_be_done(attempt, looked_us)
        run = self._run
        stops = [*run.holds.values()]
        if run.cancel is not None and run.cancel.now:
            stops.append(run.cancel_us)
        if any(stop_us < looked_us for stop_us in stops):
            raise Violation(f"{key} try {attempt} is called while the run is held or cancelled")

    def happened(self, key: str, attempt: int) -> None:
        """Count an effect outside."""
        self._keys[key].happened(attempt)

    def returned(self, key: str, attempt: int) -> None:
        """Hear that a call's result reached a driver which lived on to tell of it."""
        self._returned.append((key, attempt))

    def finish(self, *, ended: bool) -> None:
        """Judge what must be so at last; `ended` when the run had every chance to end."""
        if ended and self._run.ended is None:
            raise Violation("the run does not end, though everything was answered")
        for name, attempt in self._returned:
            tries = self._keys[name].tries_of(attempt)
            if not any(tried.told or tried.seq in self._evidence for tried in tries):
                raise Violation(f"the result of {name} try {attempt} reached a driver and was lost")


def check(
    events: Sequence[Event],
    effects: Iterable[Effect] = (),
    *,
    returned: Iterable[tuple[str, int]] = (),
    ended: bool = False,
    grace: bool = False,
) -> None:
    """Judge a finished log and the effects counted outside; raise `Violation` at the first fault.

    Effects with a `called_seq` are judged as begun behind that event; the others only counted.
    """
    oracle = Oracle(grace=grace)
    waiting = sorted(effects, key=lambda effect: effect.called_seq or 0)
    placed = [effect for effect in waiting if effect.called_seq is not None]
    for event in events:
        while placed and (placed[0].called_seq or 0) < event.seq:
            effect = placed.pop(0)
            oracle.called(effect.key, effect.attempt, looked_us=effect.at_us)
        oracle.feed(event)
    for effect in placed:
        oracle.called(effect.key, effect.attempt, looked_us=effect.at_us)
    for effect in waiting:
        if effect.called_seq is None:
            oracle.called(effect.key, effect.attempt)
        if effect.lands:
            oracle.happened(effect.key, effect.attempt)
    for name, attempt in returned:
        oracle.returned(name, attempt)
    oracle.finish(ended=ended)
