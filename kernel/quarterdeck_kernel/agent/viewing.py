"""What a viewer of an agent needs to know, as a typed stream: derived from events, never stored.

Every item names its run and the event it comes from, so a viewer that was cut off goes on behind
the last one it saw. What ends a run is always in it, errors above all.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import RunNotFoundError
from quarterdeck_kernel.events.agent_events import ChildStarted, ContextCompacted
from quarterdeck_kernel.events.control_events import Held, ModelSwapped, Released
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.people_events import (
    OperatorMessage,
    PauseExpired,
    PauseRequested,
    PauseResolved,
)
from quarterdeck_kernel.events.run_events import (
    RunCancelled,
    RunFailed,
    RunQueued,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.subscription import subscribe
from quarterdeck_kernel.vocabulary.model import Value

ViewKind = Literal[
    "started",
    "tier",
    "thinking",
    "reasoning",
    "tool_calling",
    "tool_result",
    "asking",
    "answered",
    "said",
    "notice",
    "error",
    "completed",
    "max_steps",
    "cancelled",
    "finished",
]
"""`finished` follows every end, whichever it was; nothing comes behind it."""


class Viewed(Value):
    """One thing to show. `text` is data, whoever wrote it; `data` is what there is besides."""

    run_id: str
    seq: int
    at_us: int
    kind: ViewKind
    text: str = ""
    tool: str | None = None
    call_id: str | None = None
    ok: bool = True
    data: JsonValue = None


_ENDS = frozenset({"run_succeeded", "run_failed", "run_cancelled", "run_timed_out"})


async def view(
    store: EventStore, run_id: str, *, after: int = 0, follow: bool = True
) -> AsyncIterator[Viewed]:
    """Yield what happens in a run behind event `after`, as it happens, until the run has ended.

    Who does not follow it is shown what has happened so far.
    """
    head = (await store.read(run_id, backwards=True, limit=1, payloads=False))[:1]
    if not head:
        raise RunNotFoundError(f"there is no run {run_id!r} to view")
    if after >= head[0].seq and (head[0].kind in _ENDS or not follow):
        return
    async for _, record in subscribe(store, run_id=run_id, after=after):
        event = await opened(store, record)
        for viewed in viewed_of(event):
            yield viewed
        if record.kind in _ENDS or (not follow and record.seq >= head[0].seq):
            return


def viewed_of(event: Event) -> Sequence[Viewed]:
    """Return what there is to show of an event: nothing, one thing, or a few."""
    return [
        item.model_copy(update={"run_id": event.run_id, "seq": event.seq, "at_us": event.at_us})
        for item in _items(event)
    ]


def _item(kind: ViewKind, text: str | None = "", **more: JsonValue) -> Viewed:
    return Viewed.model_validate(
        {"run_id": "", "seq": 0, "at_us": 0, "kind": kind, "text": text or "", **more}
    )


def _items(event: Event) -> Iterator[Viewed]:
    payload = event.payload
    match payload:
        case RunQueued():
            yield _item("notice", payload.objective, data={"agent": payload.agent})
        case RunStarted():
            yield _item("started", data={"holder": payload.holder})
        case ModelRequested():
            if payload.tier is not None:
                yield _item("tier", payload.tier, data={"model": payload.model})
            yield _item("thinking", data={"model": payload.model, "purpose": payload.purpose})
        case ModelCompleted():
            if payload.message is not None and payload.message.text.strip():
                yield _item("reasoning", payload.message.text)
        case ModelFailed():
            yield _item(
                "error",
                payload.message,
                ok=False,
                data={"error": payload.error, "final": payload.final},
            )
        case ToolRequested():
            yield _item(
                "tool_calling",
                encode(payload.arguments),
                tool=payload.tool,
                call_id=payload.call_id,
                data={"effect": payload.effect, "attempt": payload.attempt},
            )
        case ToolCompleted():
            yield _tool_result(payload)
        case ToolReconciled():
            yield _item(
                "tool_result",
                _shown(payload.result) if payload.verdict == "done" else payload.reason,
                call_id=payload.call_id,
                ok=payload.verdict == "done",
                data={"verdict": payload.verdict, "by": payload.by},
            )
        case _:
            yield from _other_items(event)


def _other_items(event: Event) -> Iterator[Viewed]:
    payload = event.payload
    match payload:
        case PauseRequested():
            options: list[JsonValue] = list(payload.options or ())
            yield _item(
                "asking",
                payload.title,
                tool=payload.tool,
                data={"pause_id": payload.pause_id, "type": payload.type, "options": options},
            )
        case PauseResolved():
            yield _item(
                "answered",
                _shown(payload.answer) if payload.answer is not None else payload.decision,
                ok=payload.decision not in {"rejected", "rejected_stop"},
                data={"pause_id": payload.pause_id, "by": str(event.actor)},
            )
        case PauseExpired():
            yield _item("answered", "expired", ok=False, data={"pause_id": payload.pause_id})
        case OperatorMessage(withdrawn=False):
            yield _item("said", payload.text, data={"by": str(event.actor)})
        case GuardDenied() | GuardWarned():
            denied = isinstance(payload, GuardDenied)
            kind: ViewKind = "error" if denied else "notice"
            yield _item(kind, payload.reason, tool=payload.tool, ok=not denied)
        case Held() | Released():
            yield _item("notice", payload.reason, data={"kind": payload.kind})
        case ModelSwapped():
            yield _item("tier", payload.tier or payload.model, data={"model": payload.model})
        case ContextCompacted():
            saved = payload.tokens_before - payload.tokens_after
            yield _item("notice", f"shortened the conversation by {saved:,} tokens")
        case ChildStarted():
            yield _item("notice", payload.agent, data={"child_run_id": payload.child_run_id})
        case _:
            yield from _ends(event)


def _ends(event: Event) -> Iterator[Viewed]:
    payload = event.payload
    match payload:
        case RunSucceeded():
            yield _item("completed", _shown(payload.answer), data=payload.answer)
        case RunFailed(error="turn_limit"):
            yield _item("max_steps", payload.message, ok=False, data=payload.partial_answer)
        case RunFailed():
            yield _item(
                "error", payload.message, ok=False, data={"error": payload.error, "final": True}
            )
        case RunTimedOut():
            yield _item("error", f"its {payload.bound.replace('_', ' ')} is over", ok=False)
        case RunCancelled():
            yield _item("cancelled", payload.reason, ok=False)
        case _:
            return
    yield _item("finished", event.kind.removeprefix("run_"), ok=event.kind == "run_succeeded")


def _tool_result(payload: ToolCompleted) -> Viewed:
    ok = payload.outcome == "success"
    return _item(
        "tool_result" if payload.outcome != "unknown_outcome" else "error",
        _shown(payload.result) if ok and payload.readable else payload.error or payload.cause,
        call_id=payload.call_id,
        ok=ok,
        data={"outcome": payload.outcome, "duration_us": payload.duration_us},
    )


def _shown(value: JsonValue) -> str:
    return value if isinstance(value, str) else encode(value)
