"""How a run fares: the vector of BEHAVIOURS B2, and the mode that follows from it.

Owns the arithmetic only; which event is a success or a failure is decided by the folds.
"""

from dataclasses import dataclass
from typing import Final

from quarterdeck_kernel.vocabulary.words import Mode, Risk

START_UNCERTAINTY: Final = 0.7
LEAST_UNCERTAINTY: Final = 0.05
RECOVER_STREAK: Final = 3


@dataclass(slots=True)
class Vitals:
    """The vector. Two streaks, because a model that answers does not mend a tool that fails.

    `plan_total` is 0 until the agent has a plan of its own; `window_tokens` is None until a
    request says how much the model takes in.
    """

    uncertainty: float = START_UNCERTAINTY
    side_effects: float = 0.0
    tool_streak: int = 0
    model_streak: int = 0
    context_tokens: int = 0
    window_tokens: int | None = None
    plan_done: int = 0
    plan_total: int = 0

    def copy(self) -> "Vitals":
        """Return an equal one to change."""
        return Vitals(
            self.uncertainty,
            self.side_effects,
            self.tool_streak,
            self.model_streak,
            self.context_tokens,
            self.window_tokens,
            self.plan_done,
            self.plan_total,
        )

    @property
    def error_streak(self) -> int:
        """Return how many errors stand since the last success."""
        return self.tool_streak + self.model_streak

    @property
    def context_pressure(self) -> float | None:
        """Return how full the model's window is, or None where its size is not known."""
        return self.context_tokens / self.window_tokens if self.window_tokens else None

    @property
    def progress(self) -> float | None:
        """Return how much of the agent's own plan is done, or None where it has none."""
        return self.plan_done / self.plan_total if self.plan_total else None

    @property
    def risk(self) -> Risk:
        """Return how much a person should watch."""
        if self.uncertainty > 0.75 or self.side_effects > 0.7:  # noqa: PLR2004 - BEHAVIOURS B2
            return "high"
        if self.uncertainty > 0.45 or self.side_effects > 0.4:  # noqa: PLR2004 - BEHAVIOURS B2
            return "medium"
        return "low"

    def mode(self, *, asks: bool, finished: bool) -> Mode:
        """Return what the run should be about, in the order of B2."""
        if asks:
            return "ask_human"
        if self.tool_streak + self.model_streak >= RECOVER_STREAK:
            return "recover"
        if finished:
            return "sleep"
        window = self.window_tokens
        crowded = window is not None and self.context_tokens > 0.8 * window
        if crowded or self.uncertainty > 0.65:  # noqa: PLR2004 - BEHAVIOURS B2
            return "explore"
        return "verify" if self.side_effects > 0.6 else "execute"  # noqa: PLR2004 - BEHAVIOURS B2

    def succeeded(self) -> None:
        """Count a step that reached its end."""
        self.uncertainty = max(LEAST_UNCERTAINTY, self.uncertainty * 0.85)

    def failed(self) -> None:
        """Count a step that failed, erred or was denied."""
        self.uncertainty = min(1.0, self.uncertainty + 0.15)

    def wrote(self) -> None:
        """Count a change to the world."""
        self.side_effects = min(1.0, self.side_effects + 0.2)

    def read(self) -> None:
        """Count a look at the world."""
        self.side_effects *= 0.8

    def turned(self) -> None:
        """Begin a new turn."""
        self.side_effects *= 0.9

    def planned(self, done: int, total: int) -> None:
        """Take over how far the agent's plan has come."""
        self.plan_done, self.plan_total = done, total

    def mended(self) -> None:
        """Forget the errors in a row."""
        self.tool_streak = 0
        self.model_streak = 0
