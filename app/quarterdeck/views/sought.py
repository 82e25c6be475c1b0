"""What somebody looks for in a log, and how an event is known to be it."""

from dataclasses import dataclass
from typing import Literal

from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.turn_events import PhaseEntered

What = Literal["turn", "trouble", "tool", "kind", "text", "time"]

TROUBLES = frozenset(
    {
        "pause_requested", "pause_expired", "tool_reconciled", "model_failed", "held",
        "budget_changed", "guard_denied", "guard_warned", "circuit_opened", "cancel_requested",
        "run_failed", "run_cancelled", "run_timed_out",
    }
)  # fmt: skip
"""Kinds that are an error, a pause, a budget or a verdict, whatever they say."""
_QUIET_OUTCOMES = frozenset({"success", "not_dispatched"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Something to go to: from event `start` on (not it itself), forward or (-1) backward.

    `text` is the name of the tool or kind, or what the event says somewhere; `at_us` the time
    whose last event is wanted.
    """

    what: What
    start: int = 0
    step: Literal[1, -1] = 1
    text: str = ""
    at_us: int = 0

    @property
    def kinds(self) -> frozenset[str] | None:
        """Return the kinds that are worth reading; None: all."""
        match self.what:
            case "turn":
                return frozenset({"phase_entered"})
            case "trouble":
                return TROUBLES | {"tool_completed"}
            case "tool":
                return frozenset({"tool_requested"})
            case "kind":
                return frozenset({self.text})
            case _:
                return None

    def fits(self, event: Event) -> bool:
        """Tell whether an event of these kinds is the one, by its facts."""
        payload = event.payload
        match self.what:
            case "turn":
                return isinstance(payload, PhaseEntered) and payload.phase == "perceive"
            case "trouble":
                return is_trouble(event)
            case "tool":
                return isinstance(payload, ToolRequested) and payload.tool == self.text
            case _:
                return True

    @property
    def words(self) -> str:
        """Return how it is called when it is not there."""
        way = "after" if self.step > 0 else "before"
        names = {"turn": "turn", "trouble": "trouble", "tool": f"call of {self.text}"}
        said = names.get(self.what, f"“{self.text}”" if self.what == "text" else self.text)
        return f"no {said} {way} #{self.start:,}"


def is_trouble(event: Event) -> bool:
    """Tell whether an event is what an operator jumps to."""
    if isinstance(event.payload, ToolCompleted):
        return event.payload.outcome not in _QUIET_OUTCOMES
    return event.kind in TROUBLES
