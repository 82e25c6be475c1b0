"""The circuit breaker: after too many errors in a row a person looks before anything goes on."""

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import ALLOW, Hold, Verdict
from quarterdeck_kernel.projections.state import RunState


class BreakerGuard:
    """Holds a run whose streak of errors has reached the threshold.

    Releasing it closes the circuit, and the errors before are not held against what comes.
    """

    name: str = "breaker"
    kind: GuardKind = "breaker"

    def __init__(self, *, threshold: int = 3) -> None:
        self._threshold = threshold

    def judge(self, call: ProposedCall) -> Verdict:
        """Judge a tool call."""
        return self._verdict(call.state)

    def judge_request(self, request: ProposedRequest) -> Verdict:
        """Judge a model request."""
        return self._verdict(request.state)

    def _verdict(self, state: RunState) -> Verdict:
        streak = state.vitals.error_streak
        if streak < self._threshold:
            return ALLOW
        return Hold(
            by="breaker",
            reason=f"{streak} errors in a row (the breaker opens at {self._threshold})",
            rule="errors",
            threshold=self._threshold,
        )
