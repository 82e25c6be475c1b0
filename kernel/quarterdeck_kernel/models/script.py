"""Scripts for the scripted model: what it answers, as data that a JSON file can hold.

Owns the shape of a script and what is checked when one is loaded. It must not know how a script is
played (`script_match`, `scripted`).
"""

import re
from typing import Literal, Self

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.usage import Usage


class When(Value):
    """When a rule applies: all that is given must hold; nothing given always holds.

    `said` is found in the last user message, `anywhere` in any message; their patterns are
    searched for as regular expressions. `answered` names tools that have answered since the last
    user message (one that is named twice, twice); `results` says exactly how many have, whatever
    their names. `turns` says exactly how many assistant messages stand in the request. `offered`
    names tools that the request offers; `schema_asked` tells a call for a structured answer from
    others.
    """

    model: str | None = None
    said: str | None = None
    said_pattern: str | None = None
    anywhere: str | None = None
    anywhere_pattern: str | None = None
    answered: tuple[str, ...] = ()
    results: int | None = Field(default=None, ge=0)
    turns: int | None = Field(default=None, ge=0)
    offered: tuple[str, ...] = ()
    schema_asked: bool | None = None

    @field_validator("said_pattern", "anywhere_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            message = f"the pattern {pattern!r} is no regular expression: {error}"
            raise ValueError(message) from error
        return pattern


class Call(Value):
    """A tool to call. Arguments given as text are sent as they stand, broken JSON included."""

    tool: str
    arguments: dict[str, JsonValue] | str = Field(default_factory=dict)


class Answer(Value):
    """What is said. A script costs nothing and says so; a cost of None is one nobody knows.

    Without a usage, characters are counted; without a finish reason, it follows from the calls.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    cost_micros: int | None = Field(default=0, ge=0)


class Failure(Value):
    """How an attempt fails. `after_text` is told to a listener first: a stream that is cut off.

    `silence` never answers and never fails: somebody else has to lose patience.
    """

    kind: Literal["transient", "timeout", "permanent", "overflow", "silence"]
    message: str = "the script says so"
    status: int | None = None
    retry_after_us: int | None = Field(default=None, ge=0)
    after_text: str = ""


class Rule(Value):
    """An answer or a failure, when it applies, and how often.

    `times` of an answer is how often it is given in one conversation, and is read from that
    conversation, so that a restarted process answers the same request the same; rules that ask for
    nothing and apply once are thus the turns of a conversation, one after the other. A failure
    leaves no trace in a conversation: its `times` is for how many tries of one and the same request
    it stands, counted in the memory of this process and model. None is always.

    `latency_us` passes before anything is said, `piece_us` between the pieces of a stream.
    """

    when: When = Field(default_factory=When)
    answer: Answer | None = None
    failure: Failure | None = None
    times: int | None = Field(default=1, ge=1)
    latency_us: int = Field(default=0, ge=0)
    piece_us: int = Field(default=0, ge=0)
    piece_chars: int = Field(default=16, ge=1)

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.answer is None) == (self.failure is None):
            message = "a rule has either an answer or a failure; give it exactly one"
            raise ValueError(message)
        return self


class Script(Value):
    """Rules, of which the first that applies is played. A request beyond the window overflows.

    `price` is what calls are expected to cost; what one does cost is said by its rule.
    """

    rules: tuple[Rule, ...]
    window_tokens: int | None = Field(default=None, ge=1)
    price: Price | None = None


def load_script(source: str | bytes | dict[str, JsonValue]) -> Script:
    """Return the script that JSON text or plain data describes; InvalidError says what is wrong."""
    try:
        if isinstance(source, dict):
            return Script.model_validate(source)
        return Script.model_validate_json(source)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'script'}: {found['msg']}"
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        )
        message = f"the script cannot be used: {places}"
        raise InvalidError(message) from error
