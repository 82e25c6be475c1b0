"""All hooks of a kernel: who is asked, who is told, and what becomes of one that fails."""

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from inspect import isawaitable
from typing import Final, NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.engine.hook import (
    BEFORE,
    ENDS,
    Happened,
    Hook,
    HookPoint,
    ModelTurn,
    ToolTurn,
    point_of,
)
from quarterdeck_kernel.errors import HookFailedError
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.envelope import Event, Unreadable
from quarterdeck_kernel.events.guard_events import GuardWarned
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import Guard, GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import Allow, Deny, Hold, Pause, Verdict, Warn
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.vocabulary.messages import Message

Decide = Callable[[RunState], Sequence[AnyEvent]]

_LOG: Final = logging.getLogger("quarterdeck_kernel.hooks")

_FAULTS: Final = (Exception, asyncio.CancelledError, SystemExit)
"""What somebody else's code may raise, and is a failure of that code alone."""

_PATIENCE_S: Final = 5.0
"""How long a kernel that closes waits for observers who have heard and not finished."""


class CallHook(NamedTuple):
    """A guardrail before tools: a guard like any other."""

    hook: Hook
    kind: GuardKind = "policy"

    @property
    def name(self) -> str:
        """Return the hook's name."""
        return self.hook.name

    def judge(self, call: ProposedCall, /) -> Verdict | Awaitable[Verdict]:
        """Ask the hook."""
        verdict: Verdict | Awaitable[Verdict] = self.hook.function(call)
        return verdict


class RequestHook(NamedTuple):
    """A guardrail before models: a guard like any other."""

    hook: Hook
    kind: GuardKind = "policy"

    @property
    def name(self) -> str:
        """Return the hook's name."""
        return self.hook.name

    def judge_request(self, request: ProposedRequest, /) -> Verdict | Awaitable[Verdict]:
        """Ask the hook."""
        verdict: Verdict | Awaitable[Verdict] = self.hook.function(request)
        return verdict


class Hooks:
    """The hooks of a kernel, at their points."""

    def __init__(self, hooks: Iterable[Hook] = ()) -> None:
        self._hooks = tuple(hooks)
        self._guardrails = self._of("guardrail")
        self._observers = self._of("observer")
        self._rewriters = self._of("rewriter")
        self._busy: set[asyncio.Future[object]] = set()

    def _of(self, role: str) -> dict[HookPoint, list[Hook]]:
        found: dict[HookPoint, list[Hook]] = {}
        for hook in self._hooks:
            if hook.role == role:
                found.setdefault(hook.point, []).append(hook)
        return found

    @property
    def guards(self) -> list[Guard]:
        """Return the guardrails that belong into the chain."""
        calls = [CallHook(hook) for hook in self._guardrails.get("before_tool", ())]
        requests = [RequestHook(hook) for hook in self._guardrails.get("before_model", ())]
        return [*calls, *requests]

    # -- rewriting

    def messages(self, turn: ModelTurn) -> tuple[Message, ...]:
        """Return what is to be asked of a model instead."""
        for hook in self._rewriters.get("before_model", ()):
            said = _rewritten(hook, turn)
            if said is None:
                continue
            if not (isinstance(said, Sequence) and all(isinstance(m, Message) for m in said)):
                raise HookFailedError(f"hook {hook.name!r} made no messages of messages: {said!r}")
            turn = turn._replace(messages=tuple(said))
        return turn.messages

    def arguments(self, turn: ToolTurn) -> dict[str, JsonValue]:
        """Return the arguments to call a tool with instead; they are checked again."""
        for hook in self._rewriters.get("before_tool", ()):
            said = _rewritten(hook, turn._replace(arguments=copy.deepcopy(turn.arguments)))
            if said is None:
                continue
            if not isinstance(said, dict):
                raise HookFailedError(
                    f"hook {hook.name!r} made no arguments of arguments: {said!r}"
                )
            turn = turn._replace(arguments=said)
        return turn.arguments

    # -- judging

    def deciding(self, decide: Decide) -> "Deciding":
        """Return a decision with what guardrails say of it behind it."""
        return Deciding(decide, self._guardrails)

    # -- telling

    def told(self, events: Sequence[Event], state: RunState) -> None:
        """Tell observers what is on disk."""
        for event in events if self._observers else ():
            point = point_of(event.payload)
            if point is None or isinstance(event.payload, Unreadable):
                continue
            happened = Happened(
                point, event.run_id, event.tenant, event.payload, state, seq=event.seq
            )
            for hook in self._observers.get(point, ()):
                self._tell(hook, happened)

    def _tell(self, hook: Hook, happened: Happened) -> None:
        try:
            answer = hook.function(happened)
        except _FAULTS as error:
            _failed(hook, error)
            return
        if isawaitable(answer):
            task = asyncio.ensure_future(_inside(answer))
            self._busy.add(task)
            task.add_done_callback(lambda done: self._finished(hook, done))

    def _finished(self, hook: Hook, task: asyncio.Future[object]) -> None:
        self._busy.discard(task)
        if task.cancelled():
            _LOG.error("observer %r was broken off", hook.name)
        elif (error := task.exception()) is not None:
            _failed(hook, error)

    async def close(self) -> None:
        """Wait a while for observers that are busy; then break them off."""
        if self._busy:
            _, late = await asyncio.wait(tuple(self._busy), timeout=_PATIENCE_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


class Deciding:
    """Decides what is written, and lets guardrails judge it; it may have to do so again.

    `decided` is how many events were decided on: those of guardrails stand behind them.
    """

    def __init__(self, decide: Decide, guardrails: Mapping[HookPoint, Sequence[Hook]]) -> None:
        self.decided = 0
        self._decide = decide
        self._guardrails = guardrails

    def __call__(self, state: RunState) -> Sequence[AnyEvent]:
        """Return what is to be written upon a state."""
        payloads = self._decide(state)
        self.decided = len(payloads)
        if not self._guardrails or any(point_of(each) in ENDS for each in payloads):
            return payloads
        run_id, tenant = state.identity.run_id, state.identity.tenant
        said: list[AnyEvent] = []
        for payload in payloads:
            point = point_of(payload)
            if point is not None and point not in BEFORE:
                happened = Happened(point, run_id, tenant, payload, state)
                for hook in self._guardrails.get(point, ()):
                    said += _said(hook, happened)
        return [*payloads, *said]


NO_HOOKS: Final = Hooks()


async def _inside(answer: Awaitable[object]) -> object:
    """Wait for an observer. A task that ends with SystemExit would take the loop with it."""
    try:
        return await answer
    except SystemExit as error:
        raise HookFailedError(f"it called for the end of the process: {error!r}") from error


def _rewritten(hook: Hook, turn: ModelTurn | ToolTurn) -> object:
    try:
        said: object = hook.function(turn)
    except _FAULTS as error:
        raise HookFailedError(
            f"hook {hook.name!r} failed at step {turn.step_key!r}, and nothing was asked: "
            f"{type(error).__name__}: {error_text(error)}"
        ) from error
    return said


def _said(hook: Hook, happened: Happened) -> list[AnyEvent]:
    """Return the event for a verdict that is no yes. One that fails says no."""
    try:
        verdict: object = hook.function(happened)
    except _FAULTS as error:
        return [_held(hook, f"it failed: {type(error).__name__}: {error_text(error)}")]
    match verdict:
        case Allow():
            return []
        case Warn():
            step_key = getattr(happened.payload, "step_key", None)
            return [GuardWarned(guard=hook.name, step_key=step_key, reason=verdict.reason)]
        case Pause():
            return [_held(hook, verdict.title)]
        case Deny() | Hold():
            return [_held(hook, verdict.reason)]
        case _:
            if isinstance(verdict, Coroutine):
                verdict.close()
            kind = type(verdict).__name__
            return [_held(hook, f"it said something of type {kind}, which is no verdict")]


def _held(hook: Hook, why: str) -> Held:
    return Held(by="guardrail", reason=f"{hook.name} at {hook.point}: {why}")


def _failed(hook: Hook, error: BaseException) -> None:
    _LOG.error("observer %r failed at %s: %s", hook.name, hook.point, error, exc_info=error)
