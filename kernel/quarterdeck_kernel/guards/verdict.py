"""Verdicts: what a guard may say of a call, as data."""

from typing import Final, Literal

from pydantic import Field

from quarterdeck_kernel.vocabulary.limits import LONGEST_WAIT_S
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import PauseType, Risk


class Said(Value):
    """What a guard says. `rules` are all of its rules that matched, if it has rules.

    An approval is bound to them: each is written so that it changes when the rule does.
    """

    rules: tuple[str, ...] = ()


class Allow(Said):
    """Nothing speaks against it."""


class Warn(Said):
    """It may happen, and people should know of the reason; the model too, if it `tells_model`."""

    reason: str
    rule: str | None = None
    tells_model: bool = False


class Deny(Said):
    """It must not happen."""

    reason: str
    rule: str | None = None


class Pause(Said):
    """It may happen once a person has agreed. Unanswered in time it is denied."""

    title: str
    type: PauseType = "approve"
    rule: str | None = None
    risk: Risk | None = None
    people_needed: int = Field(default=1, ge=1)
    expires_after_s: float | None = Field(default=None, gt=0, le=LONGEST_WAIT_S)


class Hold(Said):
    """Nothing new may be begun in the run until somebody has released it."""

    by: Literal["budget", "breaker"]
    reason: str
    rule: str | None = None
    threshold: int | None = None


class Degrade(Said):
    """Not this model, but a cheaper one may be asked. Of a tool call it is a denial."""

    model: str
    reason: str
    rule: str | None = None


Verdict = Allow | Warn | Deny | Hold | Pause | Degrade

ALLOW = Allow()

_RISKS: Final[tuple[Risk | None, ...]] = (None, "low", "medium", "high")


def stricter(first: Pause, second: Pause) -> Pause:
    """Return the one question that contents both: the first, with the stricter of their terms."""
    times = [each.expires_after_s for each in (first, second) if each.expires_after_s is not None]
    return first.model_copy(
        update={
            "risk": max(first.risk, second.risk, key=_RISKS.index),
            "people_needed": max(first.people_needed, second.people_needed),
            "expires_after_s": min(times, default=None),
        }
    )
