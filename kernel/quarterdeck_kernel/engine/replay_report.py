"""What a replay check says: equal, or where code and log part, with both sides in words."""

from dataclasses import dataclass

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.workflow_record import step_text
from quarterdeck_kernel.errors import ConsistencyError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.events.workflow_events import TimerSet, ValueRecorded, WorkflowStepRequested

_SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay check found.

    `equal`: nothing the code did differs from the log. `complete`: the code came to its end, and
    nothing on record was left over; without it the log ends before the code does, or the run was
    ended from outside. Where they differ, `seq` is the event at which they part (None if the log
    has ended there), `recorded` what stands there, `offered` what the code has instead. `raised` is
    what the code ended with, if it did not return.
    """

    run_id: str
    head_seq: int
    equal: bool
    complete: bool
    sentence: str
    seq: int | None = None
    recorded: str | None = None
    offered: str | None = None
    raised: str | None = None

    def __str__(self) -> str:
        return self.sentence


def parted(event: Event, recorded: str, offered: str) -> ConsistencyError:
    """Return what is wrong, where the event on record is something else than the code has."""
    return ConsistencyError(
        f"code and log part at event #{event.seq}: recorded is {recorded}, and the code has "
        f"{offered}",
        seq=event.seq,
        recorded=recorded,
        offered=offered,
    )


def same_end(recorded: object, offered: object) -> bool:
    """Tell whether a run ends as it did."""
    if isinstance(recorded, RunSucceeded) and isinstance(offered, RunSucceeded):
        return canonical.encode(recorded.answer) == canonical.encode(offered.answer)
    if isinstance(recorded, RunFailed) and isinstance(offered, RunFailed):
        return (recorded.error, recorded.message) == (offered.error, offered.message)
    return False


def text_of(payload: object) -> str:
    """Return what an event is, as one side of a divergence."""
    match payload:
        case ToolRequested():
            arguments = canonical.encode(payload.arguments)[:_SHOWN_CHARS]
            return f"tool step {payload.step_key!r}: {payload.tool} {arguments}"
        case ModelRequested():
            said = payload.new_messages[-1] if payload.new_messages else None
            text = f": {said.role} {said.text[:_SHOWN_CHARS]!r}" if said is not None else ""
            return f"model step {payload.step_key!r}{text}"
        case WorkflowStepRequested():
            return step_text(payload.position, payload.name)
        case PauseRequested():
            return f"pause {payload.title!r}"
        case ValueRecorded():
            return f"{payload.source} as {payload.step_key!r}"
        case TimerSet():
            return f"timer {payload.timer_id!r}"
        case RunSucceeded():
            return f"the end, with the answer {canonical.encode(payload.answer)[:_SHOWN_CHARS]}"
        case RunFailed():
            return f"the end, failed with {payload.error}: {payload.message}"
        case _:
            return str(getattr(payload, "kind", payload))
