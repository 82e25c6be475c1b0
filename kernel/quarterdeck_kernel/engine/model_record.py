"""What is on record for a model step, and how it differs from what is asked for now."""

from typing import NamedTuple

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.log_reader import rows_of
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.engine.model_memory import Digests
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import (
    DriftError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    QuarterdeckError,
    StepError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.projections.rebuild import rebuild
from quarterdeck_kernel.projections.threads import place_of

_SHOWN_CHARS = 200
_ERRORS: dict[str, type[ModelError]] = {
    "transient": ModelTransientError,
    "timeout": ModelTimeoutError,
    "permanent": ModelPermanentError,
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
    row = await driver.row(asked.step_key)
    if row is None:
        return None
    event = await driver.event(row.requested_seq)
    request = event.payload
    if not isinstance(request, ModelRequested):
        raise DriftError(
            f"step {asked.step_key!r} is on record as {event.kind} (event #{event.seq}), not as a "
            "model step; use another step key",
            seq=event.seq,
            recorded=event.kind,
            offered="model_requested",
        )
    if row.completed_seq is None:
        ended, end = None, None
        if event.seq not in driver.state.model_intents:
            # Open where this run was forked from: here it is asked anew.
            return None
    else:
        ended = await driver.event(row.completed_seq)
        end = ended.payload
        if isinstance(end, ModelFailed) and end.error in {"interrupted", "cancelled"}:
            return None
    if request.fingerprint != mark:
        raise await _drift(driver, asked, event, request)
    if ended is None:
        return Recorded(event.seq, request, None)
    return Recorded(event.seq, request, result(ended, replayed=True))


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
            payload.message or f"the model failed (event #{event.seq})", status=payload.status
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
    driver: RunDriver, asked: AskedModel, event: Event, request: ModelRequested
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
    )


async def _difference(
    driver: RunDriver, asked: AskedModel, event: Event, request: ModelRequested
) -> tuple[str, str]:
    rows = await rows_of(driver.store, driver.run_id, place_of(event.seq, request.context))
    digests = driver.memory.digests(asked.messages, asked.tools)
    for place, row in enumerate(rows):
        if place >= len(digests.messages) or row.digest != digests.messages[place]:
            return await _parted(driver, asked, event, request, place)
    if len(digests.messages) > len(rows):
        extra = asked.messages[len(rows)]
        return f"{len(rows)} messages", f"one more: {extra.role} {extra.text[:_SHOWN_CHARS]!r}"
    return _other_difference(asked, request, digests)


async def _parted(
    driver: RunDriver, asked: AskedModel, event: Event, request: ModelRequested, place: int
) -> tuple[str, str]:
    """Return both sides of the first message that differs."""
    rows = await rows_of(driver.store, driver.run_id, place_of(event.seq, request.context))
    events = {row.seq: await driver.event(row.seq) for row in rows}
    message = rebuild(event.seq, request.context, rows, events).messages[place]
    before = f"message {place}: {message.role} {message.text[:_SHOWN_CHARS]!r}"
    if place >= len(asked.messages):
        return before, f"only {len(asked.messages)} messages"
    now = asked.messages[place]
    return before, f"message {place}: {now.role} {now.text[:_SHOWN_CHARS]!r}"


def _other_difference(
    asked: AskedModel, request: ModelRequested, digests: Digests
) -> tuple[str, str]:
    if request.purpose != asked.purpose:
        return f"purpose {request.purpose}", f"purpose {asked.purpose}"
    if asked.model is not None and request.model != asked.model:
        return f"model {request.model}", f"model {asked.model}"
    if request.tools is not None and request.tools.digest != digests.of_tools:
        names = ", ".join(t.name for t in request.new_tools or ()) or "none"
        return f"tools {names}", f"tools {', '.join(t.name for t in asked.tools) or 'none'}"
    if (request.answer_schema or None) != asked.answer_schema:
        return (
            f"answer schema {canonical.encode(request.answer_schema)[:_SHOWN_CHARS]}",
            f"answer schema {canonical.encode(asked.answer_schema)[:_SHOWN_CHARS]}",
        )
    if any(request.parameters.get(name) != value for name, value in asked.parameters.items()):
        return (
            f"parameters {canonical.encode(request.parameters)[:_SHOWN_CHARS]}",
            f"parameters {canonical.encode(asked.parameters)[:_SHOWN_CHARS]}",
        )
    return "another set of tools, model or parameters", "the present ones"
