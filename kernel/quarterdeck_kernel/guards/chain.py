"""The chain: guards asked one after another, and what their verdicts come to.

Owns their order, and that a guard which fails denies. What single guards look at is theirs.
"""

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
    Sequence,
)
from inspect import isawaitable
from typing import (
    Any,
    Final,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    assert_never,
    runtime_checkable,
)

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import (
    Allow,
    Degrade,
    Deny,
    Hold,
    Pause,
    Verdict,
    Warn,
    stricter,
)
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


_OF_THE_MOMENT: Final[frozenset[GuardKind]] = frozenset({"budget", "loop", "breaker"})
"""Kinds that judge by how a run stands just now: an approval is not bound to what they say."""

FURTHER: Final[frozenset[GuardKind]] = frozenset({"budget"})
"""Kinds that are asked about a further try of what was judged before."""

Kinds = Collection[GuardKind]


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
    """What all guards said: every warning, and at most one thing that stands in the way.

    `rules` are those that matched: an approval is bound to them.
    """

    warnings: tuple[tuple[str, Warn], ...] = ()
    denial: tuple[str, Deny] | None = None
    hold: tuple[str, Hold] | None = None
    degrade: tuple[str, Degrade] | None = None
    pause: Pause | None = None
    rules: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """Return what the model is to be told with what comes of the step."""
        return "\n".join(warn.reason for _, warn in self.warnings if warn.tells_model) or None

    @property
    def refuses(self) -> bool:
        """Tell whether the step may not go as it is, for a reason that a person may have ended."""
        return self.hold is not None or self.degrade is not None or self.denial is not None


class Chain:
    """Guards in their order, whatever order they were given in."""

    def __init__(self, guards: Iterable[Guard] = ()) -> None:
        """Sort them by kind; those of one kind stay as they were."""
        ordered = sorted(map(_checked, guards), key=lambda guard: ORDER.index(guard.kind))
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

    def judged(
        self, call: ProposedCall, kinds: Kinds = ORDER
    ) -> Judged | Coroutine[Any, Any, Judged]:
        """Return what the guards of some kinds say of a tool call: at once, if all know at once."""
        judges: list[tuple[str, GuardKind, Judge[ProposedCall]]] = [
            (g.name, g.kind, g.judge) for g in self._of_calls if g.kind in kinds
        ]
        return _at_once(_judging(judges, call))

    def judged_request(
        self, request: ProposedRequest, kinds: Kinds = ORDER
    ) -> Judged | Coroutine[Any, Any, Judged]:
        """Return what the guards of some kinds say of a model request, at once if all do."""
        judges: list[tuple[str, GuardKind, Judge[ProposedRequest]]] = [
            (g.name, g.kind, g.judge_request) for g in self._of_requests if g.kind in kinds
        ]
        return _at_once(_judging(judges, request))


def _checked(guard: Guard) -> Guard:
    """Return a guard that can be asked. One that nobody asks would let everything pass unseen."""
    if getattr(guard, "kind", None) not in ORDER:
        raise InvalidError(f"{guard!r} is no guard: its `kind` has to be one of {ORDER}")
    if not isinstance(guard, CallGuard | RequestGuard):
        raise InvalidError(
            f"guard {guard!r} judges nothing; give it a `name` and `judge(call)` or "
            "`judge_request(request)`"
        )
    return guard


Judge = Callable[[P], Verdict | Awaitable[Verdict]]
Asking = Generator[Awaitable[object], object, Judged]
"""Yields what is to be awaited, and is sent what came of it."""


def _at_once(asking: Asking) -> Judged | Coroutine[Any, Any, Judged]:
    """Return what comes of asking; only what really waits for something is left to be awaited."""
    try:
        waits_for = next(asking)
    except StopIteration as end:
        said: Judged = end.value
        return said
    return _to_the_end(asking, waits_for)


async def _to_the_end(asking: Asking, waits_for: Awaitable[object]) -> Judged:
    while True:
        try:
            try:
                answer = await waits_for
            except BaseException as error:  # noqa: BLE001 - whoever asked says what it means
                waits_for = asking.throw(error)
            else:
                waits_for = asking.send(answer)
        except StopIteration as end:
            said: Judged = end.value
            return said


def _judging(judges: Sequence[tuple[str, GuardKind, Judge[P]]], step: P) -> Asking:
    """Ask in order. The first denial or hold ends it; several pauses are one question."""
    warnings: list[tuple[str, Warn]] = []
    pause: Pause | None = None
    rules: list[str] = []
    for name, kind, judge in judges:
        verdict = yield from _verdict(judge, step)
        rules += _named(name, verdict) if kind not in _OF_THE_MOMENT else ()
        match verdict:
            case Allow():
                pass
            case Warn():
                warnings.append((name, verdict))
            case Deny():
                return Judged(tuple(warnings), denial=(name, verdict), rules=tuple(rules))
            case Hold():
                return Judged(tuple(warnings), hold=(name, verdict), rules=tuple(rules))
            case Degrade():
                return Judged(tuple(warnings), degrade=(name, verdict), rules=tuple(rules))
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


def _verdict(judge: Judge[P], step: P) -> Generator[Awaitable[object], object, Verdict]:
    try:
        verdict: object = judge(step)
        if isawaitable(verdict):
            verdict = yield verdict
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _failed("it was cancelled from within")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it closes the way, and is recorded
        return _failed(f"{type(error).__name__}: {error_text(error)}")
    if isinstance(verdict, Verdict):
        return verdict
    return _failed(f"it said something of type {type(verdict).__name__}, which is no verdict")


def _failed(why: str) -> Deny:
    return Deny(reason=f"the guard failed: {why}", rule="failed")
