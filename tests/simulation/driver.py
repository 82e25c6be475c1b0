"""A driver: one process that drives the run, as steps between which anything may happen.

Each step is one thing that a real engine does without letting go: one commit, one look at the
store, one call begun. What the process knows it knows from its last look (`seen`) and from its own
memory; both are gone when it dies, and both are old when it wakes up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from quarterdeck_kernel.events.run_events import RunCancelled, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import (
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import OpenUnknown, ToolIntent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT
from tests.simulation.log import HeadMoved, LeaseLost, Log, Refused
from tests.simulation.plan import Plan
from tests.simulation.rules import Rules
from tests.simulation.world import Call, Spec, World

TTL_US = 12
_REAL_OUTCOME: dict[str, Literal["success", "transient_error", "permanent_error"]] = {
    "success": "success",
    "transient": "transient_error",
    "permanent": "permanent_error",
}


@dataclass(slots=True)
class Mine:
    """An intent that this process wrote, and what became of it here."""

    spec: Spec
    attempt: int
    stage: Literal["written", "checked", "leaving", "flying"] = "written"
    generation: int = 0
    looked_us: int = 0
    call: Call | None = None


@dataclass(slots=True)
class Probe:
    """A question to a tool whether it has done something, and its answer."""

    asked_us: int
    answer: Literal["done", "not_done", "cannot_tell"]


class Driver:
    """One process; a scheduler picks among its `options`."""

    def __init__(self, name: str, log: Log, plan: Plan, *, gap: bool) -> None:
        """Begin a process that drives nothing yet.

        With `gap` it may be stopped between its last check and the call itself.
        """
        self.name = name
        self.number = 0
        self.log = log
        self.world: World = log.world
        self.rules: Rules = log.rules
        self.plan = plan
        self.gap = gap
        self.awake = True
        self.up = True
        self._forget()

    def _forget(self) -> None:
        self.seen = 0
        self.epoch: int | None = None
        self.known_epoch = 0
        self.deadline_us = 0
        self.generation = 0
        self.mine: dict[int, Mine] = {}
        self.probes: dict[int, Probe] = {}
        self.ask_again_us: dict[int, int] = {}

    @property
    def process(self) -> str:
        """Name the process, which is another one after each restart."""
        return f"{self.name}{self.number}"

    @property
    def state(self) -> RunState:
        """Return the state as this process last saw it."""
        return self.log.states[self.seen]

    # -- what befalls a process

    def crash(self) -> None:
        """Die: memory and calls that were not sent yet are gone, the lock file tells at once."""
        self.up = False
        self.world.die(self.process)
        self._forget()

    def restart(self) -> None:
        """Begin anew."""
        self.up = self.awake = True
        self.number += 1

    # -- what it may do next

    def options(self) -> list[Callable[[], None]]:
        """Return what this process could do now."""
        if not (self.up and self.awake):
            return []
        found: list[Callable[[], None]] = []
        for seq, mine in self.mine.items():
            call = mine.call
            if mine.stage == "leaving":
                found.append(partial(self.send, seq))
            elif call is not None and call.back(self.world.now_us):
                found.append(partial(self.record, seq))
        if self.epoch is None:
            if self._claimable():
                found.append(self.claim)
            return found
        if self.seen != self.log.seq:
            found.append(self.look)
        if self.state.terminal:
            return found
        if self.deadline_us - self.world.now_us < TTL_US // 2:
            found.append(self.renew)
        self._offer_steps(found)
        self._offer_probes(found)
        return found

    def _claimable(self) -> bool:
        lease = self.log.lease
        if self.log.state.terminal:
            return False
        free = lease.holder is None or lease.holder in self.world.dead
        return free or lease.holder == self.process or lease.deadline_us <= self.world.now_us

    def _offer_steps(self, found: list[Callable[[], None]]) -> None:
        state, now_us = self.state, self.world.now_us
        if state.status == "queued":
            found.append(self.start)
            return
        strangers = [seq for seq in state.tool_intents if seq not in self.mine]
        if strangers:
            found.append(partial(self.recover, strangers))
        flying_once = any(
            m.stage in {"leaving", "flying"}
            and m.spec.effect == "once"
            and seq in state.tool_intents
            for seq, m in self.mine.items()
        )
        queue_once = True
        for seq, mine in self.mine.items():
            if mine.stage == "flying":
                late = (
                    mine.call is not None and now_us >= mine.call.started_us + mine.spec.timeout_us
                )
                if late and seq in state.tool_intents:
                    found.append(partial(self.time_out, seq))
            elif mine.stage in {"written", "checked"}:
                next_in_line = mine.spec.effect != "once" or (queue_once and not flying_once)
                queue_once = queue_once and mine.spec.effect != "once"
                if mine.stage == "checked":
                    found.append(partial(self.go, seq))
                elif next_in_line or self._stopped(state, seq):
                    found.append(partial(self.check, seq))
        if self.plan.next(state, self.log.steps[self.seen]):
            found.append(self.intend)
        if self._can_end(state):
            found.append(self.end)

    def _can_end(self, state: RunState) -> bool:
        if state.cancel is None and not self.plan.settled(self.log.steps[self.seen]):
            return False
        if not self.rules.cancel_waits_for_open and state.cancel is not None:
            return True
        return not (state.tool_intents or state.unknowns)

    def _offer_probes(self, found: list[Callable[[], None]]) -> None:
        for seq, unknown in self.state.unknowns.items():
            if seq in self.probes:
                found.append(partial(self.believe, seq))
            elif (
                self.plan.specs[unknown.step_key].probe
                and seq not in self.state.allowed_retries
                and unknown.evidence is None
                and self.ask_again_us.get(seq, 0) <= self.world.now_us
            ):
                found.append(partial(self.probe, seq))

    # -- lease

    def claim(self) -> None:
        """Take the run up."""
        if not self._claimable():
            return
        lease = self.log.claim(self.process, TTL_US)
        self.epoch = self.known_epoch = lease.epoch
        self.deadline_us = lease.deadline_us
        self.seen = self.log.seq

    def renew(self) -> None:
        """Push the deadline back; one that has passed is worth nothing until the epoch is seen."""
        lease = self.log.lease
        if self.world.now_us >= self.deadline_us and self.rules.late_renewal_looks:
            if lease.epoch != self.epoch:
                self.lose()
                return
            self.generation += 1
        self.deadline_us = self.world.now_us + TTL_US
        if lease.epoch == self.epoch:
            lease.deadline_us = self.deadline_us

    def lose(self) -> None:
        """Stop driving; what is under way here goes on."""
        self.epoch = None
        for mine in self.mine.values():
            if mine.stage == "checked":
                mine.stage = "written"

    def look(self) -> None:
        """Fold what others have written."""
        self.seen = self.log.seq

    # -- writing

    def _append(self, *payloads: AnyEvent) -> bool:
        assert self.epoch is not None
        try:
            self.log.drive(payloads, on=self.seen, epoch=self.epoch)
        except HeadMoved:
            self.look()
            return False
        except LeaseLost:
            self.lose()
            return False
        self.seen = self.log.seq
        return True

    def start(self) -> None:
        """Begin the run."""
        self._append(RunStarted(holder=self.process, kernel_version="model"))

    def end(self) -> None:
        """End the run."""
        cancel = self.state.cancel
        if cancel is not None:
            self._append(RunCancelled(request_seq=cancel.seq, reason=None))
        else:
            self._append(RunSucceeded(answer=None))

    def intend(self) -> None:
        """Write the intents of what may run now and the pauses of what must be asked, at once."""
        state = self.state
        wanted = self.plan.next(state, self.log.steps[self.seen])
        before = self.seen
        if not self.rules.intent_before_call:
            for payload in wanted:
                if payload.kind == "tool_requested":
                    self.world.call(
                        self.plan.specs[payload.step_key],
                        payload.attempt,
                        self.process,
                        self.world.now_us,
                    )
        if self._append(*wanted):
            for seq, payload in enumerate(wanted, before + 1):
                if payload.kind == "tool_requested":
                    spec = self.plan.specs[payload.step_key]
                    self.mine[seq] = Mine(spec, payload.attempt)

    def recover(self, strangers: list[int]) -> None:
        """Close what a driver before left open: nobody here can say how it went."""
        if not self.rules.recovery_closes:
            return
        if not self.rules.dispatch_once:
            for seq in strangers:
                intent = self.state.tool_intents[seq]
                self.mine[seq] = Mine(self.plan.specs[intent.step_key], intent.attempt)
            return
        intents = [self.state.tool_intents[seq] for seq in strangers]
        self._append(*[self._lost(intent, "interrupted") for intent in intents])

    def _lost(self, intent: ToolIntent, cause: str) -> ToolCompleted:
        certain = not self.rules.timeout_is_unknown and cause == "timeout"
        if not self.rules.retry_needs_decision and cause == "interrupted":
            certain = True
        unknown = intent.effect == "once" and not certain
        return ToolCompleted(
            intent_seq=intent.seq,
            outcome="unknown_outcome" if unknown else "transient_error",
            cause=cause,
            result=None,
            error=None,
        )

    # -- dispatch: look, then check the deadline and call

    def _stopped(self, state: RunState, seq: int) -> bool:
        """Tell whether an intent must not be dispatched any more."""
        if not self.rules.dispatch_checks_hold:
            return False
        payload = self.log.events[seq - 1].payload
        assert isinstance(payload, ToolRequested)
        decided = payload.decision_seq is not None
        cancel = state.cancel
        if (
            payload.decision_seq is not None
            and self.rules.evidence_stops_retry
            and self.log.done_seq(payload.idempotency_key, state.head_seq) > payload.decision_seq
        ):
            return True
        return bool(state.holds) or (cancel is not None and (cancel.now or not decided))

    def check(self, seq: int) -> None:
        """Look a last time: is the lease ours, is the intent open, is nothing held?"""
        if self.rules.dispatch_checks_epoch:
            if self.log.lease.epoch != self.epoch:
                self.lose()
                return
            self.look()
            if seq not in self.state.tool_intents:
                del self.mine[seq]
                return
        elif not self.rules.dispatch_checks_hold:
            self.look()
        mine = self.mine[seq]
        if self._stopped(self.log.state if self.rules.dispatch_checks_epoch else self.state, seq):
            if self._append(
                ToolCompleted(intent_seq=seq, outcome="not_dispatched", result=None, error=None)
            ):
                del self.mine[seq]
            return
        mine.stage, mine.generation = "checked", self.generation
        mine.looked_us = self.world.now_us

    def go(self, seq: int) -> None:
        """Begin the call, if the lease still holds on the clock that counts suspended time."""
        mine = self.mine[seq]
        if self.rules.dispatch_checks_deadline and (
            self.world.now_us >= self.deadline_us or mine.generation != self.generation
        ):
            mine.stage = "written"
            if self.world.now_us >= self.deadline_us:
                self.lose()
            return
        mine.stage = "leaving"
        if not self.gap:
            self.send(seq)

    def send(self, seq: int) -> None:
        """Call."""
        mine = self.mine[seq]
        mine.stage = "flying"
        if self.rules.intent_before_call:
            mine.call = self.world.call(mine.spec, mine.attempt, self.process, mine.looked_us)

    # -- outcomes

    def time_out(self, seq: int) -> None:
        """Give up waiting; the call may still come back, and then it is evidence."""
        self._append(self._lost(self.state.tool_intents[seq], "timeout"))

    def record(self, seq: int) -> None:
        """Write how a call went: as its outcome while the intent is open, else as evidence."""
        mine = self.mine[seq]
        assert mine.call is not None
        if self.epoch is not None and seq in self.state.tool_intents:
            stale = self.seen != self.log.seq
            written = self._append(self._outcome(seq, mine.call))
            if written or (stale and not self.rules.outcome_is_rebased):
                self._told(seq)
            return
        if self.epoch is None and self.log.lease.epoch == self.known_epoch:
            return
        if self.rules.outcome_becomes_evidence:
            verdict: Literal["done", "not_done", "cannot_tell"] = "cannot_tell"
            if mine.call.result in _REAL_OUTCOME:
                verdict = "done" if mine.call.result == "success" else "not_done"
            evidence = ToolEvidence(
                intent_seq=seq, source="late_result", verdict=verdict, detail=None
            )
            try:
                self.log.tell(evidence, AGENT)
            except Refused as error:
                raise AssertionError("evidence is never refused") from error
        self._told(seq)

    def _told(self, seq: int) -> None:
        call = self.mine.pop(seq).call
        assert call is not None
        if call.result != "raised":
            self.log.oracle.returned(call.spec.key, call.attempt)

    def _outcome(self, seq: int, call: Call) -> ToolCompleted:
        outcome = _REAL_OUTCOME.get(call.result)
        if outcome is None:
            return self._lost(self.state.tool_intents[seq], "exception")
        return ToolCompleted(intent_seq=seq, outcome=outcome, result=None, error=None)

    # -- probes

    def probe(self, seq: int) -> None:
        """Ask the tool whether it has done it."""
        spec = self.plan.specs[self.state.unknowns[seq].step_key]
        self.probes[seq] = Probe(self.world.now_us, self.world.probe(spec))

    def believe(self, seq: int) -> None:
        """Write what a probe settles, if it settles anything."""
        probe = self.probes.pop(seq)
        unknown = self.state.unknowns[seq]
        verdict: Literal["done", "retry"] = "done"
        if probe.answer == "cannot_tell":
            self._append(
                ToolEvidence(intent_seq=seq, source="probe", verdict="cannot_tell", detail=None)
            )
            return
        if probe.answer == "not_done":
            if not self._conclusive(seq, unknown, probe):
                return
            verdict = "retry"
        self._append(
            ToolReconciled(intent_seq=seq, verdict=verdict, by="probe", result=None, reason=None)
        )

    def _conclusive(self, seq: int, unknown: OpenUnknown, probe: Probe) -> bool:
        """Tell whether 'not done' means that it will not be done any more.

        Nobody begins the call behind the moment in which it was declared unknown: until then its
        lease, or its process, had ended. And within its timeout it has happened, or never will.
        """
        if not self.rules.not_done_waits:
            return True
        settled_us = unknown.since_us + self.plan.specs[unknown.step_key].timeout_us
        if probe.asked_us < settled_us:
            self.ask_again_us[seq] = settled_us
            return False
        writer = self.log.writers[seq]
        own = writer == self.process and self._is_over(seq, probe.asked_us)
        gone = own or writer in self.world.dead
        if self.gap and self.rules.not_done_needs_death and not gone:
            self.ask_again_us[seq] = self.world.now_us + TTL_US
            return False
        return True

    def _is_over(self, seq: int, at_us: int) -> bool:
        """Tell whether a call of this process cannot take effect any more."""
        mine = self.mine.get(seq)
        if mine is None:
            return True
        call = mine.call
        return call is not None and call.started_us + mine.spec.timeout_us <= at_us
