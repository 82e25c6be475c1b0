"""What is to be written next: the gate of a turn, as a pure function of what stands in the log."""

from collections.abc import Mapping, Sequence

from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.projections.state import RunState
from tests.simulation.log import Step
from tests.simulation.rules import Rules
from tests.simulation.world import Spec

_TRIES = 3


class Plan:
    """A scenario: turns of parallel calls, and the rules by which they become events."""

    def __init__(self, turns: Sequence[Sequence[Spec]], rules: Rules) -> None:
        """Keep the turns; the model's answers are the scenario."""
        self.turns = turns
        self.specs: Mapping[str, Spec] = {spec.step_key: spec for turn in turns for spec in turn}
        self._rules = rules

    def settled(self, steps: Mapping[str, Step]) -> bool:
        """Tell whether every call of every turn is over."""
        return all(self._over(steps.get(spec.step_key)) for spec in self.specs.values())

    def _over(self, step: Step | None) -> bool:
        if step is None:
            return False
        # A `once` tool's transient error is tried again a few times, then told to the model.
        return step.status == "settled" or (step.status == "transient" and step.attempt >= _TRIES)

    def next(
        self, state: RunState, steps: Mapping[str, Step]
    ) -> list[ToolRequested | PauseRequested]:
        """Return the intents that may be written now, and behind them the pauses."""
        rules = self._rules
        if state.status != "running" or (state.holds and rules.hold_blocks):
            return []
        cancel = state.cancel
        if cancel is not None and cancel.now:
            return []
        found: list[ToolRequested | PauseRequested] = []
        for retry in state.allowed_retries.values():
            if retry.decided:
                spec = self.specs[retry.step_key]
                found.append(self._intent(spec, retry.attempt, decision_seq=retry.decision_seq))
        if cancel is not None:
            return found
        for spec in self._turn(steps):
            step = steps.get(spec.step_key)
            if step is not None and step.status == "approved" and step.pause_id is not None:
                found.append(self._intent(spec, max(step.attempt, 1), pause_id=step.pause_id))
        blocked = (
            (state.pauses and rules.pause_blocks)
            or (state.unknowns and rules.unknown_blocks)
            or (found and not state.pauses and not state.unknowns)
        )
        if not blocked:
            found += self._judged(state, steps)
        return found

    def _turn(self, steps: Mapping[str, Step]) -> Sequence[Spec]:
        for turn in self.turns:
            if not all(self._over(steps.get(spec.step_key)) for spec in turn):
                return turn
        return ()

    def _judged(
        self, state: RunState, steps: Mapping[str, Step]
    ) -> list[ToolRequested | PauseRequested]:
        """Return intents for calls that need no person (any more), then pauses for the others."""
        intents: list[ToolRequested | PauseRequested] = []
        pauses: list[ToolRequested | PauseRequested] = []
        for spec in self._ready(steps):
            step = steps.get(spec.step_key)
            attempt = self._attempt(step)
            used = step.pause_id if step is not None else None
            if used is not None and not self._rules.approval_used_once:
                intents.append(self._intent(spec, attempt, pause_id=used))
            elif spec.asks and attempt == 1:
                pauses.append(self._pause(spec, state.head_seq))
            else:
                intents.append(self._intent(spec, attempt))
        return intents + pauses

    def _ready(self, steps: Mapping[str, Step]) -> list[Spec]:
        waiting = {"open", "asked", "approved", "unknown", "retry"}
        if not self._rules.pause_blocks:
            waiting -= {"approved"}
        found = []
        turns = [self._turn(steps)]
        if not (self._rules.unknown_blocks and self._rules.pause_blocks):
            turns = list(self.turns)
        for spec in [spec for turn in turns for spec in turn]:
            step = steps.get(spec.step_key)
            if not self._over(step) and (step is None or step.status not in waiting):
                found.append(spec)
        return found

    def _attempt(self, step: Step | None) -> int:
        if step is None or step.attempt == 0:
            return 1
        if step.status == "not_dispatched":
            return step.attempt
        return step.attempt + 1

    def _intent(
        self,
        spec: Spec,
        attempt: int,
        *,
        pause_id: str | None = None,
        decision_seq: int | None = None,
    ) -> ToolRequested:
        wrong = pause_id is not None and not self._rules.approval_is_for_digest
        return ToolRequested(
            step_key=spec.step_key,
            tool="pay",
            version="1",
            effect=spec.effect,
            idempotency_key=spec.key,
            digest="edited meanwhile" if wrong else f"digest-{spec.step_key}",
            attempt=attempt,
            timeout_us=spec.timeout_us,
            pause_id=pause_id,
            decision_seq=decision_seq,
            arguments=None,
            preview=None,
        )

    def _pause(self, spec: Spec, seq: int) -> PauseRequested:
        return PauseRequested(
            pause_id=f"pause-{spec.step_key}-{seq}",
            type="approve",
            step_key=spec.step_key,
            tool="pay",
            digest=f"digest-{spec.step_key}",
            title=None,
            details=None,
            options=None,
        )
