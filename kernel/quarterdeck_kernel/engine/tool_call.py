"""A tool call as the engine carries it: what is asked, what allows it, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.guards.personal_data.category import Found
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.reservation import NOTHING, Reservation
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

_KEY_DIGITS = 40
_INPUT_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A call whose tool is known and whose arguments fit it.

    `taken_out` tells of what there was in the arguments; with `blocked` in them they must not pass.
    """

    step_key: str
    tool: Tool
    arguments: dict[str, JsonValue]
    arguments_digest: str
    idempotency_key: str
    retry: RetryPolicy
    call_id: str | None = None
    model_seq: int | None = None
    turn: int | None = None
    taken_out: Mapping[Found, int] = field(default_factory=dict)
    blocked: Mapping[Found, int] = field(default_factory=dict)

    @property
    def input_digest(self) -> str:
        """Return what calls that ask for the same have in common."""
        return canonical.digest([self.tool.name, self.arguments_digest])[:_INPUT_DIGITS]


class Permission(NamedTuple):
    """What allows a call besides that nobody objects: an answer, a decided retry, a grant."""

    pause_id: str | None = None
    decision_seq: int | None = None
    grant_id: str | None = None


NOTHING_SPECIAL = Permission()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCall:
    """A call that may be made now, once: this very thing, as this try.

    `input_digest` is None where nobody looks for loops; `note` is told to the model with what comes
    of it.
    """

    asked: AskedCall
    arguments: dict[str, JsonValue]
    digest: str
    preview: JsonValue = None
    preconditions: JsonValue = None
    attempt: int = 1
    permission: Permission = NOTHING_SPECIAL
    reservation: Reservation = NOTHING
    input_digest: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool step gave.

    `value` is the result as it is stored, whether the call was just made or is replayed: code
    sees the same both times. `message` is what a model is told of it. An unreadable result is one
    that could not be stored: the call succeeded, and `value` is None.
    """

    step_key: str
    value: JsonValue
    message: Message
    seq: int
    intent_seq: int
    attempt: int
    replayed: bool
    readable: bool = True
    duration_us: int | None = None


def idempotency_key(run_id: str, step_key: str, tool: str, arguments_digest: str) -> str:
    """Return the key under which the world may know a step: the same over all its tries."""
    return canonical.digest([run_id, step_key, tool, arguments_digest])[:_KEY_DIGITS]


class ExactCall(NamedTuple):
    """Exactly what would run: what an approval is bound to. `arguments` are their digest."""

    run: str
    tenant: str
    step: str
    tool: str
    version: str
    effect: str
    arguments: str
    preview: JsonValue
    preconditions: JsonValue
    rules: tuple[str, ...]

    def digest(self) -> str:
        """Return the hash that stands for it."""
        return canonical.digest(self._asdict())
