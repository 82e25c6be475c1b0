"""Hooks: code of one's own at eight points of a run, here and nowhere else.

An *observer* hears what is on disk. It fails open: the log tells, and the run goes on. A
*guardrail* fails closed. Before a model or a tool it is a guard of the chain; elsewhere it judges
the event itself, and where it says no the run is held by the very batch that the event is in. A
*rewriter* changes the messages of a model step or the arguments of a call before they are looked
up, redacted, judged and recorded. It is a part of the code that asks: it must give the same for
the same, and where it was changed since, a replay finds the drift.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import JsonValue

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.run_events import (
    RunCancelled,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.proposed import ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import Verdict
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.messages import Message

HookPoint = Literal[
    "run_started",
    "run_completed",
    "run_failed",
    "before_model",
    "after_model",
    "before_tool",
    "after_tool",
    "turn_boundary",
]
"""A run that is cancelled or out of time counts as one that failed."""

Role = Literal["observer", "guardrail", "rewriter"]

BEFORE: Final = ("before_model", "before_tool")
ENDS: Final = ("run_completed", "run_failed")


class Happened(NamedTuple):
    """What a hook is told of. `state` is the one behind the event; for a guardrail, before it."""

    point: HookPoint
    run_id: str
    tenant: str
    payload: AnyEvent
    state: RunState
    seq: int | None = None


class ModelTurn(NamedTuple):
    """What is about to be asked of a model."""

    run_id: str
    tenant: str
    step_key: str
    messages: tuple[Message, ...]


class ToolTurn(NamedTuple):
    """A call that is about to be asked for; the arguments fit the tool."""

    run_id: str
    tenant: str
    step_key: str
    tool: str
    arguments: dict[str, JsonValue]


Observer: TypeAlias = Callable[[Happened], Awaitable[object] | object]
Guardrail: TypeAlias = (
    Callable[[Happened], Verdict]
    | Callable[[ProposedCall], Verdict | Awaitable[Verdict]]
    | Callable[[ProposedRequest], Verdict | Awaitable[Verdict]]
)
Rewriter: TypeAlias = (
    Callable[[ModelTurn], Sequence[Message] | None]
    | Callable[[ToolTurn], Mapping[str, JsonValue] | None]
)


class Hook(NamedTuple):
    """One hook. Made by `observer`, `guardrail` or `rewriter`."""

    point: HookPoint
    role: Role
    name: str
    function: Callable[[Any], Any]


def observer(point: HookPoint, function: Observer, *, name: str | None = None) -> Hook:
    """Hear of what happened at a point, once it is on disk."""
    return Hook(point, "observer", name or _name(function), function)


def guardrail(point: HookPoint, function: Guardrail, *, name: str | None = None) -> Hook:
    """Judge at a point. Before models and tools it may wait and ask; elsewhere it says yes or no.

    It may be asked more than once about one event, and answers by nothing but what it is given.
    """
    if point in ENDS:
        raise InvalidError(
            f"nothing can be stopped at {point!r}: the run is over; use an observer, or a "
            "guardrail at an earlier point"
        )
    return Hook(point, "guardrail", name or _name(function), function)


def rewriter(point: HookPoint, function: Rewriter, *, name: str | None = None) -> Hook:
    """Change what is asked of a model or a tool. None leaves it as it is."""
    if point not in BEFORE:
        raise InvalidError(
            f"nothing can be rewritten at {point!r}: it stands in the log; use one of {BEFORE}"
        )
    return Hook(point, "rewriter", name or _name(function), function)


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def point_of(payload: object) -> HookPoint | None:
    """Return the point that an event is, if it is one."""
    match payload:
        case RunStarted():
            return "run_started"
        case RunSucceeded():
            return "run_completed"
        case RunFailed() | RunCancelled() | RunTimedOut():
            return "run_failed"
        case ModelRequested():
            return "before_model"
        case ModelCompleted() | ModelFailed(final=True):
            return "after_model"
        case ToolRequested():
            return "before_tool"
        case ToolCompleted():
            return "after_tool"
        case PhaseEntered(phase="perceive"):
            return "turn_boundary"
        case _:
            return None
