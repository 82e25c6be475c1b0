"""A driver: one process that drives the run, as steps between which anything may happen.

Each step is one thing that a real engine does without letting go: one commit, one look at the
store, one call begun.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from quarterdeck_kernel.events.run_events import RunCancelled, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import (
    ToolCompleted,
    ToolEvidence,
    ToolReconciled,
    ToolRequested,
)
from quarterdeck_kernel.projections.open_items import OpenUnknown, ToolIntent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT
from tests.simulation.log import Refused
from tests.simulation.process import TTL_US, Mine, Probe, Process
from tests.simulation.world import Call

_REAL_OUTCOME: dict[str, Literal["success", "transient_error", "permanent_error"]] = {
    "success": "success",
    "transient": "transient_error",
    "permanent": "permanent_error",
}


class Driver(Process):
    """One process; a scheduler picks among its `options`."""

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
            if self.claimable():
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
                and unknown.evidence is None
                and self.ask_again_us.get(seq, 0) <= self.world.now_us
            ):
                found.append(partial(self.probe, seq))

    def start(self) -> None:
        """Begin the run."""
        self.append(RunStarted(holder=self.process, kernel_version="model"))

    def end(self) -> None:
        """End the run."""
        cancel = self.state.cancel
        if cancel is not None:
            self.append(RunCancelled(request_seq=cancel.seq, reason=None))
        else:
            self.append(RunSucceeded(answer=None))

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
        if self.append(*wanted):
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
        self.append(*[self._lost(intent, "interrupted") for intent in intents])

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
        intent = state.tool_intents.get(seq)
        if intent is not None and intent.overtaken and self.rules.evidence_stops_retry:
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
            if self.append(
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
        self.append(self._lost(self.state.tool_intents[seq], "timeout"))

    def record(self, seq: int) -> None:
        """Write how a call went: as its outcome while the intent is open, else as evidence."""
        mine = self.mine[seq]
        assert mine.call is not None
        if self.epoch is not None and seq in self.state.tool_intents:
            stale = self.seen != self.log.seq
            written = self.append(self._outcome(seq, mine.call))
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
        verdict: Literal["done", "failed", "retry"] = "done"
        if probe.answer == "cannot_tell":
            self.append(
                ToolEvidence(intent_seq=seq, source="probe", verdict="cannot_tell", detail=None)
            )
            return
        if probe.answer == "not_done":
            if not self._conclusive(seq, unknown, probe):
                return
            # Nothing is tried again in a run that is to be cancelled: it has failed.
            verdict = "retry" if self.state.cancel is None else "failed"
        self.append(
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
        if self.rules.not_done_needs_death and not gone:
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
