"""What is to become of a call that was judged: each plan knows the events that it leads to."""

from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel.engine.boundary import paused, stopped
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.tool_call import (
    ReadyCall,
)
from quarterdeck_kernel.engine.tool_ingress import Remark
from quarterdeck_kernel.errors import (
    QuarterdeckError,
)
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Goes:
    """The call may be made: its intent is to be written, behind what guards warned of."""

    ready: ReadyCall
    warnings: tuple[Remark, ...] = ()

    @property
    def decided(self) -> bool:
        """Tell whether a recorded decision allows it, so that it may go while the run waits."""
        permission = self.ready.permission
        return permission.pause_id is not None or permission.decision_seq is not None

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the intent."""
        return [*self.warnings, intent_of(self.ready)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A person answered in the tool's place: nothing is dispatched."""

    ready: ReadyCall
    answer: JsonValue
    decided: bool = False

    def events(self, first: int) -> list[AnyEvent]:
        """Return intent and outcome, which stand together: the intent as event `first`."""
        outcome = ToolCompleted(
            intent_seq=first,
            call_id=self.ready.asked.call_id,
            outcome="success",
            cause="answered",
            result=self.answer,
            error=None,
        )
        told = outcome.model_copy(update={"message_digest": tool_message(outcome).digest()})
        return [intent_of(self.ready), told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """A person has to agree first."""

    question: PauseRequested
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the question."""
        return [*self.warnings, self.question]

    def error(self, state: RunState, _seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        return paused(state, self.question.pause_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A guard refuses the call."""

    denial: GuardDenied
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the denial."""
        return [*self.warnings, self.denial]

    def error(self, _state: RunState, seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        return denied(self.denial, seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """A guard stops the whole run: nothing is on record for the call, it is judged anew later."""

    held: tuple[AnyEvent, ...]
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the hold."""
        return [*self.warnings, *self.held]

    def error(self, state: RunState, _seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        error = stopped(state)
        assert error is not None, "the run was held just now"
        return error


Plan = Goes | Told | Asks | Denied | Holds


def intents_first(item: tuple[int, Plan]) -> tuple[int, int]:
    """Return by what plans are sorted: behind an open question no intent could be written."""
    place, plan = item
    match plan:
        case Goes() | Told():
            return 0, place
        case Asks() | Denied():
            return 1, place
        case Holds():
            return 2, place


def decided_on(plan: Plan, state: RunState) -> bool:
    """Tell whether a recorded decision allows the call, and stands still."""
    if not isinstance(plan, Goes):
        return plan.decided
    permission = plan.ready.permission
    return permission.pause_id in state.allowed_calls or permission.decision_seq in {
        retry.decision_seq for retry in state.allowed_retries.values() if retry.decided
    }


def still_granted(grant_id: str | None, state: RunState) -> bool:
    """Tell whether the grant that a call goes by stands still, if it goes by one."""
    return grant_id is None or grant_id in state.conditions.grants


def intent_of(ready: ReadyCall) -> ToolRequested:
    """Return the intent of a call."""
    asked, tool = ready.asked, ready.asked.tool
    return ToolRequested(
        step_key=asked.step_key,
        tool=tool.name,
        version=tool.version,
        effect=tool.effect,
        idempotency_key=asked.idempotency_key,
        digest=ready.digest,
        call_id=asked.call_id,
        model_seq=asked.model_seq,
        turn=asked.turn,
        attempt=ready.attempt,
        capability=tool.capability,
        risk=tool.risk,
        timeout_us=int(asked.retry.timeout_s * 1_000_000),
        pause_id=ready.permission.pause_id,
        decision_seq=ready.permission.decision_seq,
        grant_id=ready.permission.grant_id,
        estimate_micros=ready.reservation.micros,
        accounts=ready.reservation.accounts,
        day=ready.reservation.day,
        input_digest=ready.input_digest,
        note=ready.note,
        arguments=ready.arguments,
        preview=ready.preview,
        preconditions=ready.preconditions,
    )
