"""Events between a run and people."""

from typing import Literal

from pydantic import Field, JsonValue

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.words import PauseType, Risk


class PeoplePayload(Payload):
    """What a run asks of people, and what they say."""


class PauseRequested(PeoplePayload):
    """The run waits for a person. An approval is bound to `digest`: exactly what will run."""

    kind: Literal["pause_requested"] = "pause_requested"
    pause_id: str
    type: PauseType
    step_key: str
    tool: str | None = None
    tool_version: str | None = None
    effect: str | None = None
    call_id: str | None = None
    digest: str | None = None
    risk: Risk | None = None
    expires_at_us: int | None = None
    people_needed: int = Field(default=1, ge=1)
    token_hash: str | None = None
    title: Erasable[str]
    details: Erasable[JsonValue]
    options: Erasable[tuple[str, ...]]
    answer_schema: Erasable[dict[str, JsonValue]] = None


class PauseResolved(PeoplePayload):
    """A person answered. `closes` is False for the first of two people who must agree.

    `by_token`: whoever it was held the token of the pause.
    """

    kind: Literal["pause_resolved"] = "pause_resolved"
    pause_id: str
    decision: Literal["approved", "granted", "edited", "rejected", "rejected_stop", "answered"]
    digest: str | None = None
    closes: bool = True
    by_token: bool = False
    answer: Erasable[JsonValue]
    reason: Erasable[str]


class PauseExpired(PeoplePayload):
    """Nobody answered in time; never recorded as a person's no."""

    kind: Literal["pause_expired"] = "pause_expired"
    pause_id: str
    expired_at_us: int


class OperatorMessage(PeoplePayload):
    """Text for the next turn, used once; or the withdrawal of one that was not used yet."""

    kind: Literal["operator_message"] = "operator_message"
    key: str
    withdrawn: bool = False
    message_digest: str | None = None
    text: Erasable[str]


AnyPeopleEvent = PauseRequested | PauseResolved | PauseExpired | OperatorMessage
