"""Dispatching one tool call, and putting into one word how it ended.

Owns the table of BEHAVIOURS A8: what a return, an error, a timeout or a stop means, by the tool's
effect. Here, and nowhere else, is a tool's function called.
"""

import asyncio
from functools import partial
from typing import Any, NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.cancellation import Ended, Stop, ended
from quarterdeck_kernel.engine.evidence import Verdict, keep_late
from quarterdeck_kernel.engine.recovery import CANCELLED
from quarterdeck_kernel.engine.reported import artifacts_of, keep
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import ReadyCall
from quarterdeck_kernel.engine.watch import Watch
from quarterdeck_kernel.errors import (
    PermanentToolError,
    TransientToolError,
)
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.tools.call import Call
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.report import Progress, Report
from quarterdeck_kernel.tools.result import stored_result

_GRACE_US = 1_000_000
"""How long a call that was cancelled may take to tidy up; after that nobody waits for it."""


class Outcome(NamedTuple):
    """How a call ended, before it is bound to its intent."""

    word: str
    cause: str | None = None
    error: str | None = None
    result: Any = None
    readable: bool = True
    printed: str | None = None
    progress: Progress | None = None
    artifacts: tuple[ArtifactWritten, ...] = ()


async def dispatched(driver: RunDriver, ready: ReadyCall, intent_seq: int, stop: Stop) -> Outcome:
    """Call the tool, once, and return what became of it."""
    asked = ready.asked
    tool, policy = asked.tool, asked.retry
    report = Report(partial(keep, driver))
    context = ToolContext(
        run_id=driver.run_id,
        tenant=driver.tenant,
        step_key=asked.step_key,
        tool=tool.name,
        call_id=asked.call_id,
        idempotency_key=asked.idempotency_key,
        attempt=ready.attempt,
        timeout_s=policy.timeout_s,
        preview=ready.preview,
        report=report,
    )
    crash_point("engine.dispatch.before")
    try:
        arguments = driver.ingress.secrets.resolved(tool, ready.arguments)
        with driver.inside():
            call = tool.start(context, arguments)
    except Exception as refusal:  # noqa: BLE001 - whatever it is, nothing was called
        return Outcome("not_dispatched", "refused", error_text(refusal))
    once = tool.effect == "once"
    watch = Watch(driver)
    try:
        word = await ended(
            call.future,
            clock=driver.clock,
            within_us=int(policy.timeout_s * 1_000_000),
            stop=stop,
            once=once,
        )
    finally:
        await watch.close()
    report.close()
    if word != "done":
        call.cancel()
        await ended(call.future, clock=driver.clock, within_us=_GRACE_US, stop=Stop())
    crash_point("engine.dispatch.after")
    outcome = _outcome(driver, ready, intent_seq, call, word)
    artifacts = await artifacts_of(driver, report, intent_seq)
    return outcome._replace(
        printed=call.printed or None, progress=report.progress, artifacts=artifacts
    )


def _outcome(
    driver: RunDriver, ready: ReadyCall, intent_seq: int, call: Call, word: Ended
) -> Outcome:
    once = ready.asked.tool.effect == "once"
    cause = CANCELLED if word == "stop" else "timeout"
    if not call.future.done():
        driver.lingering.add(intent_seq)
        call.future.add_done_callback(lambda future: late(driver, intent_seq, future))
        return _uncertain(once=once, cause=cause, error=_gave_up(ready, word))
    error = call.future.exception()
    if error is None:
        return _success(call.future.result())
    if word != "done" and not isinstance(error, TransientToolError | PermanentToolError):
        return _uncertain(once=once, cause=cause, error=_gave_up(ready, word))
    return _failure(error, once=once)


def completed(
    ready: ReadyCall, intent_seq: int, outcome: Outcome, *, duration_us: int | None
) -> ToolCompleted:
    """Return the event of an outcome; what the model is told of it is hashed beside it."""
    event = ToolCompleted.model_validate(
        {
            "intent_seq": intent_seq,
            "call_id": ready.asked.call_id,
            "outcome": outcome.word,
            "cause": outcome.cause,
            "readable": outcome.readable,
            "duration_us": duration_us,
            "cost_micros": ready.reservation.micros if outcome.word == "success" else None,
            "note": ready.note,
            "result": outcome.result,
            "error": outcome.error,
            "printed": outcome.printed,
            "plan_done": outcome.progress.done if outcome.progress else None,
            "plan_total": outcome.progress.total if outcome.progress else None,
        }
    )
    if outcome.word in {"unknown_outcome", "not_dispatched"}:
        return event
    return event.model_copy(update={"message_digest": tool_message(event).digest()})


def _success(value: object) -> Outcome:
    stored = stored_result(value)
    if stored.readable:
        return Outcome("success", result=stored.result)
    return Outcome("success", result=None, readable=False, error=stored.problem)


def _failure(error: BaseException, *, once: bool) -> Outcome:
    text = error_text(error)
    match error:
        case TransientToolError():
            return Outcome("transient_error", "declared", text)
        case PermanentToolError():
            return Outcome("permanent_error", "declared", text)
        case _:
            kind = type(error).__name__
            return _uncertain(once=once, cause=kind, error=f"{kind}: {text}")


def _uncertain(*, once: bool, cause: str, error: str) -> Outcome:
    """What cannot be said of a `once` effect can be tried again with any other."""
    return Outcome("unknown_outcome" if once else "transient_error", cause, error)


def _gave_up(ready: ReadyCall, word: str) -> str:
    name = ready.asked.tool.name
    if word == "stop":
        return f"{name} was broken off before it answered"
    return f"{name} did not answer within {ready.asked.retry.timeout_s:g} s"


def late(driver: RunDriver, intent_seq: int, future: asyncio.Future[Any]) -> None:
    """Keep what a call says after nobody waited for it any more: as evidence, if it is unknown."""
    raised = future.exception()
    keep_late(driver, intent_seq, lambda: _evidence(future, raised))


def _evidence(
    future: asyncio.Future[Any], error: BaseException | None
) -> tuple[Verdict, JsonValue]:
    if error is None:
        return "done", stored_result(future.result()).result
    certain = isinstance(error, TransientToolError | PermanentToolError)
    return ("not_done" if certain else "cannot_tell"), error_text(error)
