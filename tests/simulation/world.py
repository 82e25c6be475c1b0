"""The world outside: time, processes, calls under way, and one counter of effects a key."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.simulation.oracle import Oracle

Result = Literal["success", "transient", "permanent", "raised"]


class Spec(NamedTuple):
    """A call that the model of the scenario makes in a turn."""

    step_key: str
    effect: Literal["read", "idempotent", "once"]
    asks: bool
    probe: bool
    timeout_us: int

    @property
    def key(self) -> str:
        """Return its idempotency key."""
        return f"key-{self.step_key}"


@dataclass(slots=True)
class Call:
    """A call under way: when it takes effect, if it does, and when its result comes back."""

    spec: Spec
    attempt: int
    process: str
    started_us: int
    lands_us: int | None
    returns_us: int | None
    result: Result
    sent: bool

    def back(self, now_us: int) -> bool:
        """Tell whether the result is there."""
        return self.returns_us is not None and self.returns_us <= now_us


class World:
    """Owns the clock and the effects. An effect happens within its tool's timeout, or never."""

    def __init__(self, rng: random.Random, oracle: Oracle) -> None:
        """Begin at a time that is not zero."""
        self.now_us = 100
        self.oracle = oracle
        self.effects: Counter[str] = Counter()
        self.dead: set[str] = set()
        self._rng = rng
        self._calls: list[Call] = []

    def pass_time(self, us: int) -> None:
        """Let time pass, and effects happen in their order."""
        self.now_us += us
        due = [c for c in self._calls if c.lands_us is not None and c.lands_us <= self.now_us]
        for call in sorted(due, key=lambda call: call.lands_us or 0):
            self._calls.remove(call)
            self._land(call)

    def _land(self, call: Call) -> None:
        key = call.spec.key
        if call.spec.effect == "once" or not self.effects[key]:
            self.effects[key] += 1
            self.oracle.happened(key, call.attempt)

    def call(self, spec: Spec, attempt: int, process: str, looked_us: int) -> Call:
        """Begin a call; how it goes is decided here, unseen."""
        rng = self._rng
        self.oracle.called(spec.key, attempt, looked_us=looked_us)
        start, limit = self.now_us, spec.timeout_us
        fate = rng.random()
        lands = start + rng.randint(0, limit)
        back = lands + rng.choice((0, 1, 3, limit))
        call = Call(spec, attempt, process, start, lands, back, "success", rng.random() < 0.5)
        if fate < 0.12:
            call.lands_us, call.result = None, "transient"
        elif fate < 0.18:
            call.lands_us, call.result = None, "permanent"
        elif fate < 0.28:
            call.result = "raised"
        elif fate < 0.36:
            call.returns_us = None
        elif fate < 0.42:
            call.lands_us = call.returns_us = None
        if call.lands_us is not None:
            self._calls.append(call)
            self.pass_time(0)
        return call

    def die(self, process: str) -> None:
        """End a process: what it had not sent never happens."""
        self.dead.add(process)
        self._calls = [c for c in self._calls if c.process != process or c.sent]

    def probe(self, spec: Spec) -> Literal["done", "not_done", "cannot_tell"]:
        """Answer, truly for this moment, whether a key took effect."""
        if self._rng.random() < 0.2:
            return "cannot_tell"
        return "done" if self.effects[spec.key] else "not_done"
