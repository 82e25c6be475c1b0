"""What the oracle knows of one idempotency key: its tries, and what happened outside under it."""

from dataclasses import dataclass, field
from itertools import pairwise

from quarterdeck_kernel.events.tool_events import ToolRequested


class Violation(AssertionError):  # noqa: N818 - it is a finding, not an error of the program
    """An invariant of DESIGN does not hold."""


_TOLD = frozenset({"success", "transient_error", "permanent_error"})
_OVER = frozenset({"success", "permanent_error"})


@dataclass(slots=True)
class Try:
    """One intent, and how it was closed."""

    seq: int
    key: str
    attempt: int
    effect: str
    decision_seq: int | None = None
    closed_seq: int | None = None
    outcome: str | None = None
    verdict: str | None = None

    def close(self, seq: int, outcome: str) -> None:
        """Take the outcome over."""
        self.closed_seq, self.outcome = seq, outcome

    @property
    def told(self) -> bool:
        """Tell whether the log says how the call went."""
        return self.outcome in _TOLD

    @property
    def nothing_happened(self) -> bool:
        """Tell whether the log certifies that this try had no effect."""
        certified = self.outcome == "transient_error" and self.effect == "once"
        return certified or self.outcome == "not_dispatched"


@dataclass(slots=True)
class Key:
    """All tries under one key, oldest first; effects and calls by try."""

    name: str
    tries: list[Try] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    effects: list[int] = field(default_factory=list)
    allowed_by_operator: set[int] = field(default_factory=set)
    denied_by_probe: int = 0
    done_seq: int = 0
    done_us: int = 0

    def tries_of(self, attempt: int) -> list[Try]:
        """Return the intents of a try; one that was not dispatched may be followed by another."""
        return [tried for tried in self.tries if tried.attempt == attempt]

    def intend(self, seq: int, payload: ToolRequested) -> Try:
        """Judge a further intent under this key against those before it."""
        if self.tries:
            self._follows(seq, payload, self.tries[-1])
        elif payload.attempt != 1:
            raise Violation(f"#{seq} is try {payload.attempt} of {self.name}, without a first")
        tried = Try(seq, self.name, payload.attempt, payload.effect, payload.decision_seq)
        self.tries.append(tried)
        return tried

    def _follows(self, seq: int, payload: ToolRequested, last: Try) -> None:
        if last.closed_seq is None:
            raise Violation(f"#{seq} tries {self.name} again while #{last.seq} is open")
        if last.outcome in _OVER or last.verdict in {"done", "failed"}:
            raise Violation(f"#{seq} tries {self.name} again, which #{last.seq} settled")
        if last.outcome == "not_dispatched" and payload.attempt == last.attempt:
            if (payload.decision_seq is None) != (last.decision_seq is None):
                raise Violation(f"#{seq} takes the place of #{last.seq} without its decision")
            return
        if payload.attempt != last.attempt + 1:
            raise Violation(f"#{seq} is try {payload.attempt} of {self.name}, not the next")
        decided = last.verdict == "retry" and payload.decision_seq is not None
        if last.effect == "once" and not (last.nothing_happened or decided):
            raise Violation(f"#{seq} tries {self.name} again, and no decision allows it")

    def allow(self, attempt: int, *, by: str) -> None:
        """Note who decided that the key be tried again behind a try."""
        if by == "operator":
            self.allowed_by_operator.add(attempt)
        else:
            self.denied_by_probe = max(self.denied_by_probe, attempt)

    def called(self, attempt: int) -> None:
        """Count a call."""
        if attempt in self.calls:
            raise Violation(f"{self.name} try {attempt} is dispatched a second time")
        self.calls.append(attempt)

    def not_known_to_be_done(self, attempt: int, looked_us: int) -> None:
        """Refuse a further try that was decided on before it was known that it is not needed."""
        tried = self.tries_of(attempt)[-1]
        decided_seq = tried.decision_seq
        if decided_seq is None or tried.effect != "once" or self.done_us >= looked_us:
            return
        if self.done_seq > decided_seq:
            raise Violation(
                f"{self.name} try {attempt} is called upon #{decided_seq}, though #{self.done_seq} "
                "says since then that it was done"
            )

    def happened(self, attempt: int) -> None:
        """Count an effect."""
        self.effects.append(attempt)
        self.judge()

    def judge(self) -> None:
        """Hold what happened against what the log allows and certifies."""
        if not self.effects or not self.tries or self.tries[0].effect != "once":
            return
        happened = sorted(self.effects)
        for attempt in happened:
            tries = self.tries_of(attempt)
            if not tries or all(tried.nothing_happened for tried in tries):
                raise Violation(f"{self.name} try {attempt} happened, but the log says it did not")
            if attempt <= self.denied_by_probe:
                raise Violation(
                    f"{self.name} try {attempt} happened, but was tried again upon a probe's "
                    "'not done'"
                )
        for earlier, later in pairwise(happened):
            if not any(earlier <= allowed < later for allowed in self.allowed_by_operator):
                raise Violation(
                    f"{self.name} happened twice (tries {earlier} and {later}), and nobody "
                    "decided that it may"
                )
