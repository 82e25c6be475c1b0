"""Verdicts: what a guard may say of a call, as data."""

from typing import Literal

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import PauseType, Risk


class Allow(Value):
    """Nothing speaks against it."""


class Warn(Value):
    """It may happen, and people should know of the reason; the model too, if it `tells_model`."""

    reason: str
    rule: str | None = None
    tells_model: bool = False


class Deny(Value):
    """It must not happen."""

    reason: str
    rule: str | None = None


class Pause(Value):
    """It may happen once a person has agreed. Unanswered in time it is denied."""

    title: str
    type: PauseType = "approve"
    rule: str | None = None
    risk: Risk | None = None
    people_needed: int = Field(default=1, ge=1)
    expires_after_s: float | None = Field(default=None, gt=0)


class Hold(Value):
    """Nothing new may be begun in the run until somebody has released it."""

    by: Literal["budget", "breaker"]
    reason: str
    rule: str | None = None
    threshold: int | None = None


class Degrade(Value):
    """Not this model, but a cheaper one may be asked. Of a tool call it is a denial."""

    model: str
    reason: str
    rule: str | None = None


Verdict = Allow | Warn | Deny | Hold | Pause | Degrade

ALLOW = Allow()
