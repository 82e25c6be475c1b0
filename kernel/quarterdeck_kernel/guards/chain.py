"""The chain: guards asked one after another, and what their verdicts come to.

Owns their order, and that a guard which fails denies. What single guards look at is theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from inspect import isawaitable
from typing import Final, Literal, NamedTuple, Protocol, TypeVar, assert_never, runtime_checkable

from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import Allow, Deny, Hold, Pause, Verdict, Warn, stricter
from quarterdeck_kernel.projections.texts import error_text

P = TypeVar("P", bound=Proposed)

GuardKind = Literal[
    "personal_data", "capability", "policy", "budget", "loop", "breaker", "approval"
]
"""What a guard is about. A guard of one's own names the kind it is to stand behind."""

ORDER: Final[tuple[GuardKind, ...]] = (
    "personal_data",
    "capability",
    "policy",
    "budget",
    "loop",
    "breaker",
    "approval",
)


class Named(Protocol):
    """What every guard says of itself."""

    @property
    def name(self) -> str:
        """Return the name that stands beside its verdicts."""
        ...

    @property
    def kind(self) -> GuardKind:
        """Return what it is about: guards are asked in the order of kinds."""
        ...


@runtime_checkable
class CallGuard(Named, Protocol):
    """Judges a tool call. It answers from what it is given: nothing happens in it."""

    def judge(self, call: ProposedCall, /) -> Verdict | Awaitable[Verdict]:
        """Return what it says of a call. Raising counts as a denial."""
        ...


@runtime_checkable
class RequestGuard(Named, Protocol):
    """Judges a model request. It answers from what it is given: nothing happens in it."""

    def judge_request(self, request: ProposedRequest, /) -> Verdict | Awaitable[Verdict]:
        """Return what it says of a request. Raising counts as a denial."""
        ...


Guard = CallGuard | RequestGuard


class Judged(NamedTuple):
    """What all guards said: at most one denial, hold or pause, and every warning before it.

    `rules` are those that matched: an approval is bound to them.
    """

    warnings: tuple[tuple[str, Warn], ...] = ()
    denial: tuple[str, Deny] | None = None
    hold: tuple[str, Hold] | None = None
    pause: Pause | None = None
    rules: tuple[str, ...] = ()


class Chain:
    """Guards in their order, whatever order they were given in."""

    def __init__(self, guards: Iterable[Guard] = ()) -> None:
        """Sort them by kind; those of one kind stay as they were."""
        ordered = sorted(guards, key=lambda guard: ORDER.index(guard.kind))
        self._of_calls = tuple(guard for guard in ordered if isinstance(guard, CallGuard))
        self._of_requests = tuple(guard for guard in ordered if isinstance(guard, RequestGuard))

    @property
    def kinds(self) -> frozenset[GuardKind]:
        """Return the kinds there is a guard of."""
        return frozenset(guard.kind for guard in (*self._of_calls, *self._of_requests))

    @property
    def judges_calls(self) -> bool:
        """Tell whether anybody is asked about tool calls."""
        return bool(self._of_calls)

    @property
    def judges_requests(self) -> bool:
        """Tell whether anybody is asked about model requests."""
        return bool(self._of_requests)

    async def judged(self, call: ProposedCall) -> Judged:
        """Return what the guards say of a tool call."""
        return await _judged([(each.name, each.judge) for each in self._of_calls], call)

    async def judged_request(self, request: ProposedRequest) -> Judged:
        """Return what the guards say of a model request."""
        return await _judged(
            [(each.name, each.judge_request) for each in self._of_requests], request
        )


Judge = Callable[[P], Verdict | Awaitable[Verdict]]


async def _judged(judges: Sequence[tuple[str, Judge[P]]], step: P) -> Judged:
    """Ask in order. The first denial or hold ends it; several pauses are one question."""
    warnings: list[tuple[str, Warn]] = []
    pause: Pause | None = None
    rules: list[str] = []
    for name, judge in judges:
        verdict = await _verdict(judge, step)
        rules += _named(name, verdict)
        match verdict:
            case Allow():
                pass
            case Warn():
                warnings.append((name, verdict))
            case Deny():
                return Judged(tuple(warnings), denial=(name, verdict), rules=tuple(rules))
            case Hold():
                return Judged(tuple(warnings), hold=(name, verdict), rules=tuple(rules))
            case Pause():
                pause = stricter(pause, verdict) if pause is not None else verdict
            case _:
                assert_never(verdict)
    return Judged(tuple(warnings), pause=pause, rules=tuple(rules))


def _named(name: str, verdict: Verdict) -> list[str]:
    """Return the rules behind a verdict, for an approval to be bound to."""
    if verdict.rules:
        return [f"{name}:{rule}" for rule in verdict.rules]
    if isinstance(verdict, Allow):
        return []
    return [f"{name}:{verdict.rule or ''}"]


async def _verdict(judge: Judge[P], step: P) -> Verdict:
    try:
        verdict: object = judge(step)
        if isawaitable(verdict):
            verdict = await verdict
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _failed("it was cancelled from within")
    except Exception as error:  # noqa: BLE001 - a guard that fails closes the way, and it is recorded
        return _failed(f"{type(error).__name__}: {error_text(error)}")
    if isinstance(verdict, Verdict):
        return verdict
    return _failed(f"it said something of type {type(verdict).__name__}, which is no verdict")


def _failed(why: str) -> Deny:
    return Deny(reason=f"the guard failed: {why}", rule="failed")
