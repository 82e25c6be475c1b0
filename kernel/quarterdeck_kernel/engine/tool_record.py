"""What is on record for a tool step: the look before anything is judged or done.

Every answer is one of a few values, so that the step itself is one `match`. A call that was
answered is not looked at again by anybody: neither judged nor charged nor paused.
"""

import asyncio
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.boundary import abandoned, over, paused
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.pauses import expire
from quarterdeck_kernel.engine.recovery import CANCELLED, GAVE_UP, INTERRUPTED
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall, ToolResult, idempotency_key
from quarterdeck_kernel.errors import (
    DeniedError,
    DriftError,
    QuarterdeckError,
    ToolFailedError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.projections.open_items import AllowedCall, OpenUnknown
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.vocabulary.rows import StepRow

_SHOWN_CHARS = 500


class Fresh(NamedTuple):
    """Never asked for, or nothing came of it: begin. `attempt` counts dispatches."""

    attempt: int = 1


class Over(NamedTuple):
    """Done before: what came of it."""

    result: ToolResult | QuarterdeckError


class Joined(NamedTuple):
    """Somebody else's call of the same is under way in this process."""

    future: asyncio.Future[None]


class Unsettled(NamedTuple):
    """It may or may not have happened."""

    unknown: OpenUnknown


class Open(NamedTuple):
    """A person was asked, and has not answered."""

    pause_id: str


class Again(NamedTuple):
    """A further try of what was asked before, named by the decision where it needs one."""

    before: ToolRequested
    attempt: int
    decision_seq: int | None = None


class Allowed(NamedTuple):
    """A person has allowed the call; where they edited it, with these `arguments`."""

    call: AllowedCall
    arguments: dict[str, JsonValue] | None = None


class Answered(NamedTuple):
    """A person has answered in the tool's place."""

    pause_id: str
    answer: JsonValue


Found = Fresh | Over | Joined | Unsettled | Open | Again | Allowed | Answered


async def found(driver: RunDriver, asked: AskedCall) -> Found:
    """Return what is on record for a call."""
    # Looked for first: what ends while the record is read is to be looked at again.
    under_way = driver.under_way.get(asked.step_key)
    if driver.never_asked(asked.step_key):
        return Fresh()
    row = await driver.row(asked.step_key)
    if row is None:
        return Fresh()
    seen = driver.state.head_seq
    begun = await driver.event(row.requested_seq)
    if row.completed_seq is None and driver.state.terminal:
        return Over(over(driver.state))
    match begun.payload:
        case ToolRequested() as intent:
            if not _is_same(driver, asked, intent, begun):
                return await _same_but_redacted(driver, asked, row, begun)
            if under_way is not None:
                # Between two tries, too: who makes them goes on.
                return Joined(under_way)
            look = await _of_intent(driver, asked, row, intent)
        case PauseRequested() as pause if pause.tool == asked.tool.name:
            look = await _of_pause(driver, asked, row, pause)
        case GuardDenied() as denial if denial.tool == asked.tool.name:
            return Over(denied(denial, begun.seq))
        case other:
            raise drift(
                asked,
                begun,
                recorded=f"{other.kind} {getattr(other, 'tool', '') or ''}".strip(),
            )
    shared = begun.run_id != driver.run_id
    if shared and isinstance(look, Fresh | Again):
        # A try of the run that this one was forked from: here it is the first, under its own key.
        return Fresh()
    if look is not None:
        return look
    if driver.state.head_seq > seen:
        # It was settled between the look at the record and that at the state.
        return await found(driver, asked)
    if shared:
        # Open where this run was forked from: here it is begun afresh.
        return Fresh()
    # If another driver opened it, this one has stood still, and learns it only now.
    await driver.sure()
    raise abandoned(asked.step_key, begun.seq)


def offered(asked: AskedCall) -> str:
    """Return what is asked for, as one side of a divergence."""
    arguments = canonical.encode(asked.arguments)[:_SHOWN_CHARS]
    return f"tool step {asked.step_key!r}: {asked.tool.name} {arguments}"


def drift(asked: AskedCall, event: Event, *, recorded: str) -> DriftError:
    """Return the error for a step key that stands for something else on record."""
    offered = f"{asked.tool.name} {canonical.encode(asked.arguments)}"
    return DriftError(
        f"step {asked.step_key!r} is on record as {recorded[:500]} (event #{event.seq}), and is "
        f"asked for as {offered[:500]}; use another step key, or fork the run before that event",
        seq=event.seq,
        recorded=recorded,
        offered=offered,
        step_key=asked.step_key,
        digest=canonical.digest([asked.tool.name, asked.arguments_digest]),
    )


def _is_same(driver: RunDriver, asked: AskedCall, intent: ToolRequested, event: Event) -> bool:
    # The key covers run, step, tool and arguments; a new version of the tool is no drift.
    # A fork shares events of another run, under whose name their keys were made.
    key = asked.idempotency_key
    if event.run_id != driver.run_id:
        key = idempotency_key(event.run_id, asked.step_key, asked.tool.name, asked.arguments_digest)
    return intent.idempotency_key == key and intent.tool == asked.tool.name


async def _same_but_redacted(
    driver: RunDriver, asked: AskedCall, row: StepRow, begun: Event
) -> Over:
    """Return what came of a call that differs in nothing but what was taken out of its arguments.

    A policy or a pattern may have changed since; what has ended then has ended. Nothing is tried
    again under another key.
    """
    intent = begun.payload
    assert isinstance(intent, ToolRequested), "that is what does not fit"
    if (
        row.completed_seq is not None
        and intent.tool == asked.tool.name
        and driver.ingress.same_arguments(intent.arguments, asked.arguments)
    ):
        ended = await driver.event(row.completed_seq)
        match ended.payload:
            case (
                ToolCompleted(outcome="success" | "permanent_error")
                | ToolReconciled(verdict="done" | "failed")
            ):
                step_key = asked.step_key
                return Over(outcome(ended, step_key=step_key, intent=intent, replayed=True))
            case _:
                pass
    raise drift(asked, begun, recorded=f"{intent.tool} {canonical.encode(intent.arguments)}")


async def _of_intent(
    driver: RunDriver, asked: AskedCall, row: StepRow, intent: ToolRequested
) -> Found | None:
    seq, state = row.requested_seq, driver.state
    if row.completed_seq is None:
        if seq in state.unknowns:
            return Unsettled(state.unknowns[seq])
        retry = _retry(driver, asked, intent)
        if retry is not None:
            return retry
        if seq in driver.owed:
            return Joined(_no_longer())
        return None
    event = await driver.event(row.completed_seq)
    payload = event.payload
    if isinstance(payload, ToolCompleted):
        if payload.outcome == "not_dispatched":
            return await _as_before(driver, asked, intent)
        if payload.outcome == "transient_error" and _goes_again(asked, intent, payload):
            return Again(intent, intent.attempt + 1)
    return Over(outcome(event, step_key=asked.step_key, intent=intent, replayed=True))


def _no_longer() -> asyncio.Future[None]:
    """Return what to wait for where nothing is under way any more: look again."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over.set_result(None)
    return over


def _goes_again(asked: AskedCall, intent: ToolRequested, failed: ToolCompleted) -> bool:
    """Tell whether a failure was not the last word: broken off, or with tries left."""
    if failed.cause in {CANCELLED, INTERRUPTED}:
        return True
    return failed.cause != GAVE_UP and intent.attempt < asked.retry.tries


def _retry(driver: RunDriver, asked: AskedCall, intent: ToolRequested) -> Again | None:
    for retry in driver.state.allowed_retries.values():
        if retry.step_key == asked.step_key:
            return Again(intent, retry.attempt, retry.decision_seq if retry.decided else None)
    return None


async def _as_before(driver: RunDriver, asked: AskedCall, intent: ToolRequested) -> Found:
    """What was not dispatched may be begun by whatever allowed it then."""
    call = driver.state.allowed_calls.get(intent.pause_id or "")
    if call is not None and call.edited_seq is not None:
        return Allowed(call, await _edited(driver, call.edited_seq))
    if call is not None:
        return Allowed(call, intent.arguments if intent.arguments != asked.arguments else None)
    return _retry(driver, asked, intent) or Fresh(intent.attempt)


async def still_open(driver: RunDriver, asked: AskedCall, item: Open) -> Found:
    """Return what becomes of something open now: a person is awaited, unless time is up."""
    # While other calls of its batch were looked at, a person may have answered.
    if item.pause_id not in driver.state.pauses or await expire(driver, item.pause_id):
        return await found(driver, asked)
    return Over(paused(driver.state, item.pause_id))


async def _of_pause(
    driver: RunDriver, asked: AskedCall, row: StepRow, pause: PauseRequested
) -> Found | None:
    if row.completed_seq is None:
        return Open(pause.pause_id) if pause.pause_id in driver.state.pauses else None
    event = await driver.event(row.completed_seq)
    details = pause.details if isinstance(pause.details, dict) else {}
    match event.payload:
        case PauseResolved(decision="rejected" | "rejected_stop") as answer:
            text = f"{asked.tool.name!r} was rejected by {event.actor}"
            return Over(DeniedError(f"{text}: {answer.reason or 'no reason given'}", seq=event.seq))
        case PauseResolved() if details.get("asked") != asked.arguments:
            # Something else than people were shown: they are asked again.
            return Fresh()
        case PauseResolved(decision="answered") as answer:
            return Answered(pause.pause_id, answer.answer)
        case PauseResolved():
            call = driver.state.allowed_calls.get(pause.pause_id)
            if call is None:
                return Fresh()
            if call.edited_seq is not None:
                return Allowed(call, await _edited(driver, call.edited_seq))
            shown = _arguments(details["arguments"])
            return Allowed(call, shown if shown != asked.arguments else None)
        case PauseExpired():
            text = f"nobody allowed {asked.tool.name!r} in time: pause {pause.pause_id!r} expired"
            return Over(DeniedError(text, seq=event.seq))
        case other:
            raise drift(asked, event, recorded=other.kind)


async def _edited(driver: RunDriver, seq: int) -> dict[str, JsonValue]:
    decision = (await driver.event(seq)).payload
    assert isinstance(decision, PauseResolved), "the state names the answer to a pause"
    return _arguments(decision.answer)


def _arguments(data: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(data, dict), "arguments are an object, checked when they were recorded"
    return data


def outcome(
    event: Event, *, step_key: str, intent: ToolRequested, replayed: bool
) -> ToolResult | QuarterdeckError:
    """Return what an outcome on record means to whoever asks for the step."""
    payload = event.payload
    assert isinstance(payload, ToolCompleted | ToolReconciled), "only these end a tool step"
    if event.content == "erased":
        text = f"what step {step_key!r} gave was erased (event #{event.seq}); use a new step key"
        return ToolFailedError(text, seq=event.seq)
    message = tool_message(payload)
    done = (
        payload.outcome == "success"
        if isinstance(payload, ToolCompleted)
        else payload.verdict == "done"
    )
    if not done:
        return ToolFailedError(f"{intent.tool!r} failed: {message.text}", seq=event.seq)
    completed = payload if isinstance(payload, ToolCompleted) else None
    return ToolResult(
        step_key=step_key,
        value=payload.result,
        message=message,
        seq=event.seq,
        intent_seq=payload.intent_seq,
        attempt=intent.attempt,
        replayed=replayed,
        readable=completed.readable if completed is not None else True,
        duration_us=completed.duration_us if completed is not None else None,
    )
