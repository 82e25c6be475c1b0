"""How an agent's run ended, read from its last event."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded, RunTimedOut
from quarterdeck_kernel.vocabulary.words import Status

_ENDS = ("run_succeeded", "run_failed", "run_cancelled", "run_timed_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """The end of a run. `partial_answer` is what there was when it failed.

    `answer` is the agent's own text; where a structured answer was asked for it is an object of
    that `text`, the `data` taken from it, and the `problem` if there was none to be had.
    """

    run_id: str
    status: Status
    turns: int
    answer: JsonValue = None
    partial_answer: JsonValue = None
    error: str | None = None
    message: str | None = None

    @property
    def data(self) -> JsonValue:
        """Return the structured answer; None where none was asked for, or none could be had."""
        return self.answer.get("data") if isinstance(self.answer, dict) else None


async def result_of(driver: RunDriver) -> AgentResult:
    """Return the result of a run that is over."""
    state = driver.state
    assert state.terminal, "a run that goes on has no result"
    records = await driver.store.read(driver.run_id, kinds=_ENDS, backwards=True, limit=1)
    last = (await driver.event(records[0].seq)).payload
    answer: JsonValue = None
    partial: JsonValue = None
    error = message = None
    match last:
        case RunSucceeded():
            answer = last.answer
        case RunFailed():
            partial, error, message = last.partial_answer, last.error, last.message
        case RunTimedOut():
            error = last.bound
            message = _over(last)
        case _:
            error = "cancelled"
    return AgentResult(
        run_id=driver.run_id,
        status=state.status,
        turns=state.turn,
        answer=answer,
        partial_answer=partial,
        error=error,
        message=message,
    )


def _over(end: RunTimedOut) -> str:
    """Return which bound of time is over: a deadline is a moment, the other lengths."""
    if end.bound == "deadline":
        at = datetime.fromtimestamp(end.bound_us // 1_000_000, tz=UTC)
        return f"its deadline, {at:%Y-%m-%d %H:%M:%S} UTC, is over"
    return f"its {end.bound.replace('_', ' ')} of {end.bound_us / 1_000_000:g} s is over"
