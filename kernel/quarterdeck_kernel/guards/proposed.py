"""What guards judge: a step before it happens, beside the state of its run."""

from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.words import Effect, Risk


class ProposedCall(NamedTuple):
    """A tool call before it happens: what a guard may look at.

    `state` is read, never changed: whatever a guard counts, it counts by what is folded there.
    Not there yet are calls of the same batch that go before this one: there are `ahead` of them.
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
    ahead: int = 0


class ProposedRequest(NamedTuple):
    """A model request before it is sent. `tokens` is an estimate of what goes in."""

    run_id: str
    tenant: str
    step_key: str
    model: str
    tier: str | None
    purpose: str
    tokens: int
    state: RunState
    at_us: int


Proposed = ProposedCall | ProposedRequest
