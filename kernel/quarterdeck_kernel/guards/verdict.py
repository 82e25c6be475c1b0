"""Verdicts: what a guard may say of a call, as data."""

from typing import Literal

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import PauseType, Risk


class Allow(Value):
    """Nothing speaks against it."""


class Warn(Value):
    """It may happen, and people should know of the reason."""

    reason: str
    rule: str | None = None


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


Verdict = Allow | Warn | Deny | Hold | Pause

ALLOW = Allow()
