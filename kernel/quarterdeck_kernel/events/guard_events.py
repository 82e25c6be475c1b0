"""Events of guards: every verdict that is not a plain yes."""

from typing import Literal

from quarterdeck_kernel.events.payload import Erasable, Payload


class GuardPayload(Payload):
    """What a guard said or did."""


class GuardWarned(GuardPayload):
    """A guard lets a step pass with a warning. `rules` are those of its rules that matched."""

    kind: Literal["guard_warned"] = "guard_warned"
    guard: str
    rule: str | None = None
    step_key: str | None = None
    tool: str | None = None
    rules: tuple[str, ...] = ()
    reason: Erasable[str]


class GuardDenied(GuardPayload):
    """A guard refused a step. `rule` decided; `rules` are those of its rules that matched."""

    kind: Literal["guard_denied"] = "guard_denied"
    guard: str
    rule: str | None = None
    step_key: str | None = None
    tool: str | None = None
    rules: tuple[str, ...] = ()
    reason: Erasable[str]


class GuardRedacted(GuardPayload):
    """Personal data or secrets were removed before anything was stored; only counts remain."""

    kind: Literal["guard_redacted"] = "guard_redacted"
    guard: str
    step_key: str | None = None
    where: Literal["prompt", "output", "arguments", "result"]
    counts: dict[str, int]


class CircuitOpened(GuardPayload):
    """Too many errors in a row: the run is held for an operator."""

    kind: Literal["circuit_opened"] = "circuit_opened"
    streak: int
    threshold: int


class CircuitClosed(GuardPayload):
    """The breaker lets steps pass again."""

    kind: Literal["circuit_closed"] = "circuit_closed"


AnyGuardEvent = GuardWarned | GuardDenied | GuardRedacted | CircuitOpened | CircuitClosed
