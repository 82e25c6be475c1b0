"""What a probe says about a call whose outcome is not known: a closed union of three."""

from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """The effect has happened; `result` is what the call would have returned."""

    result: object = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """The effect has not happened, and will not happen later."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The probe could not find out: a person is asked."""


ProbeAnswer: TypeAlias = Done | NotDone | CannotTell

NOT_DONE: Final = NotDone()
"""Returned by a probe that found for certain that nothing has happened."""

CANNOT_TELL: Final = CannotTell()
"""Returned by a probe that found nothing certain."""
