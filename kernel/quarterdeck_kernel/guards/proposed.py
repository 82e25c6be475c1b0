"""What guards judge: a step before it happens, beside the state of its run."""

from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.reservation import NOTHING, Reservation
from quarterdeck_kernel.vocabulary.words import Effect, Risk


class Ahead(NamedTuple):
    """A call that goes before another of its batch."""

    input_digest: str
    reservation: Reservation = NOTHING


class ProposedCall(NamedTuple):
    """A tool call before it happens: what a guard may look at.

    `state` is read, never changed: whatever a guard counts, it counts by what is folded there.
    Not there yet are the calls `ahead`: those of the same batch that go before this one.
    `input_digest` is the same for calls that ask for the same.
    """

    run_id: str
    tenant: str
    step_key: str
    tool: str
    version: str
    effect: Effect
    capability: str | None
    risk: Risk
    arguments: dict[str, JsonValue]
    preview: JsonValue
    state: RunState
    at_us: int
    turn: int | None = None
    reservation: Reservation = NOTHING
    input_digest: str = ""
    ahead: tuple[Ahead, ...] = ()


class ProposedRequest(NamedTuple):
    """A model request before it is sent. `tokens` is an estimate of what goes in.

    `further`: it was asked before, and is to be tried again with what was reserved for it then.
    """

    run_id: str
    tenant: str
    step_key: str
    model: str
    tier: str | None
    purpose: str
    tokens: int
    state: RunState
    at_us: int
    reservation: Reservation = NOTHING
    further: bool = False


Proposed = ProposedCall | ProposedRequest
