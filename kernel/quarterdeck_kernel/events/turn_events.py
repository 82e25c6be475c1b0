"""Events of a turn."""

from typing import Literal

from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.vocabulary.words import Phase


class TurnPayload(Payload):
    """Where in a turn the agent stands."""


class PhaseEntered(TurnPayload):
    """The turn moved to another phase; one event a change."""

    kind: Literal["phase_entered"] = "phase_entered"
    turn: int
    phase: Phase


AnyTurnEvent = PhaseEntered
