"""What is on record for a model step, and how it differs from what is asked for now."""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.boundary import abandoned
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.log_reader import rows_of
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult, fingerprint
from quarterdeck_kernel.engine.request_reader import message_sent, request_sent, tools_sent
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    DriftError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    QuarterdeckError,
    StepError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.projections.threads import place_of
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema, context_digest

_SHOWN_CHARS = 200
_LEAD_CHARS = 40
_ERRORS: dict[str, type[ModelError]] = {
    "transient": ModelTransientError,
    "timeout": ModelTimeoutError,
    "permanent": ModelPermanentError,
    "overflow": ContextOverflowError,
}


class Recorded(NamedTuple):
    """The request on record, and what ended it: None while it is open."""

    seq: int
    request: ModelRequested
    result: ModelResult | QuarterdeckError | None


async def recorded(driver: RunDriver, asked: AskedModel, mark: str) -> Recorded | None:
    """Return what is on record for a step, None if nothing is or nothing came of it.

    `mark` is the fingerprint of what is asked now: another one on record is a drift.
    """
    if driver.never_asked(asked.step_key):
        return None
    seen = driver.state.head_seq
    row = await driver.row(asked.step_key)
    if row is None:
        return None
    event = await driver.event(row.requested_seq)
    request = event.payload
    if isinstance(request, GuardDenied) and request.tool is None:
        raise denied(request, event.seq)
    if not isinstance(request, ModelRequested):
        raise DriftError(
            f"step {asked.step_key!r} is on record as {event.kind} (event #{event.seq}), not as a "
            "model step; use another step key",
            seq=event.seq,
            recorded=event.kind,
            offered="model_requested",
            step_key=asked.step_key,
            digest=mark,
        )
    if row.completed_seq is None:
        ended, end = None, None
        if event.run_id != driver.run_id:
            # Open where this run was forked from: here it is asked anew.
            return None
        if event.seq not in driver.state.model_intents:
            if driver.state.head_seq > seen:
                # It was answered between the look at the record and that at the state.
                return await recorded(driver, asked, mark)
            raise abandoned(asked.step_key, event.seq)
    else:
        ended = await driver.event(row.completed_seq)
        end = ended.payload
        if isinstance(end, ModelFailed) and end.error in {"interrupted", "cancelled"}:
            return None
    if request.fingerprint != mark and not (
        ended is not None and await _same_but_redacted(driver, asked, event, request)
    ):
        raise await _drift(driver, asked, mark, event, request)
    if ended is None:
        return Recorded(event.seq, request, None)
    return Recorded(event.seq, request, result(ended, replayed=True))


async def _same_but_redacted(
    driver: RunDriver, asked: AskedModel, event: Event, request: ModelRequested
) -> bool:
    """Tell whether an ended request differs in nothing but what was taken out of its messages.

    A policy or a pattern may have changed since; what was answered then is answered.
    """
    if request.context.length != len(asked.messages):
        return False
    sent = (await request_sent(driver.store, driver.run_id, event.seq)).request.messages
    tools = driver.memory.digests(asked.messages, asked.tools).of_tools
    # All else is the same if the fingerprint is, with the messages of then.
    if fingerprint(asked, context_digest([m.digest() for m in sent]), tools) != request.fingerprint:
        return False
    return all(map(driver.ingress.same_message, sent, asked.messages))


def offered(asked: AskedModel) -> str:
    """Return what is asked for, as one side of a divergence."""
    said = asked.messages[-1]
    return f"model step {asked.step_key!r}: {said.role} {said.text[:_SHOWN_CHARS]!r}"


def result(event: Event, *, replayed: bool) -> ModelResult | QuarterdeckError:
    """Return what the end of a model step means to whoever asks for it."""
    payload = event.payload
    if isinstance(payload, ModelFailed):
        kind = _ERRORS.get(payload.error, ModelPermanentError)
        return kind(
            payload.message or f"the model failed (event #{event.seq})",
            status=payload.status,
            retry_after_us=payload.retry_after_us,
        )
    assert isinstance(payload, ModelCompleted), "only these end a model step"
    if payload.message is None:
        text = f"the answer of step {payload.step_key!r} was erased (event #{event.seq})"
        return StepError(text, seq=event.seq)
    return ModelResult(
        step_key=payload.step_key,
        message=payload.message,
        finish_reason=payload.finish_reason,
        usage=payload.usage,
        cost_micros=payload.cost_micros,
        model=payload.model,
        seq=event.seq,
        request_seq=payload.request_seq,
        replayed=replayed,
        duration_us=payload.duration_us,
    )


async def _drift(
    driver: RunDriver, asked: AskedModel, mark: str, event: Event, request: ModelRequested
) -> DriftError:
    """Say where the request on record and the one asked for now part: both sides."""
    before, now = await _difference(driver, asked, event, request)
    return DriftError(
        f"step {asked.step_key!r} asks for something else than event #{event.seq} has on record: "
        f"recorded {before}, offered {now}; use another step key, or fork the run before that "
        "event",
        seq=event.seq,
        recorded=before,
        offered=now,
        step_key=asked.step_key,
        digest=mark,
    )


async def _difference(
    driver: RunDriver, asked: AskedModel, event: Event, request: ModelRequested
) -> tuple[str, str]:
    """Return both sides of the first thing that differs. Reads one message, however long it is."""
    rows = await rows_of(driver.store, driver.run_id, place_of(event.seq, request.context))
    digests = driver.memory.digests(asked.messages, asked.tools)
    for place, row in enumerate(rows):
        if place >= len(digests.messages) or row.digest != digests.messages[place]:
            before = _message(await message_sent(driver.store, driver.run_id, event.seq, place))
            if place >= len(asked.messages):
                return f"message {place}: {before[:_SHOWN_CHARS]}", f"only {place} messages"
            shown = parted(before, _message(asked.messages[place]))
            return f"message {place}: {shown[0]}", f"message {place}: {shown[1]}"
    if len(digests.messages) > len(rows):
        extra = _message(asked.messages[len(rows)])
        return f"{len(rows)} messages", f"one more: {extra[:_SHOWN_CHARS]}"
    offered = await tools_sent(driver.store, driver.run_id, event.seq)
    if offered is not None and offered != asked.tools:
        return _tools(offered, asked.tools)
    return _other_difference(asked, request)


def _message(message: Message) -> str:
    """Return a message as text, with all that a model is told."""
    text = f"{message.role} {message.text!r}"
    if message.call_id is not None:
        text = f"{text} to call {message.call_id!r}"
    calls = [f"{call.tool}({call.arguments}) as {call.call_id!r}" for call in message.tool_calls]
    return f"{text} calling {'; '.join(calls)}" if calls else text


def _tools(before: Sequence[ToolSchema], now: Sequence[ToolSchema]) -> tuple[str, str]:
    names, offered = [tool.name for tool in before], [tool.name for tool in now]
    if names != offered:
        shown = parted(", ".join(names) or "none", ", ".join(offered) or "none")
        return f"tools {shown[0]}", f"tools {shown[1]}"
    was, is_ = next((b, n) for b, n in zip(before, now, strict=True) if b != n)
    shown = parted(canonical.encode(was.model_dump()), canonical.encode(is_.model_dump()))
    return f"tool {was.name!r} as {shown[0]}", f"as {shown[1]}"


def _other_difference(asked: AskedModel, request: ModelRequested) -> tuple[str, str]:
    if request.purpose != asked.purpose:
        return f"purpose {request.purpose}", f"purpose {asked.purpose}"
    before, now = (
        canonical.encode(schema) if schema is not None else "none"
        for schema in (request.answer_schema, asked.answer_schema)
    )
    if before != now:
        shown = parted(before, now)
        return f"answer schema {shown[0]}", f"answer schema {shown[1]}"
    # Which of these code insisted on is not on record, only that it was something else.
    model = f"model {asked.model!r}" if asked.model is not None else "no model of its own"
    shown = parted(canonical.encode(request.parameters), canonical.encode(asked.parameters))
    return (
        f"model {request.model!r} with parameters {shown[0]}",
        f"{model} with parameters {shown[1]} of its own",
    )


def parted(before: str, now: str) -> tuple[str, str]:
    """Return as much of two texts as can be shown: from shortly before they part."""
    at = next((n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), None)
    if at is None:
        at = min(len(before), len(now))
    start = max(0, at - _LEAD_CHARS) if at >= _SHOWN_CHARS else 0
    left, right = (
        f"{'…' if start else ''}{text[start : start + _SHOWN_CHARS]}"
        f"{'…' if len(text) > start + _SHOWN_CHARS else ''}"
        for text in (before, now)
    )
    return left, right
