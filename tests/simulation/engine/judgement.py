"""What must be true of a run that has ended, beside its log and the world's count."""

from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.events.control_events import Released
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.workflow_events import WorkflowStepRequested
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US
from tests.simulation.effects import Violation
from tests.simulation.engine.bank import Bank
from tests.simulation.engine.people import Person
from tests.simulation.engine.plan import LAUNCH, Plan
from tests.simulation.oracle import Effect, check

_LATE_US = LEASE_TTL_US + 10_000_000
"""A driver that has not looked for longer than its lease lasts must look before it calls."""


def judge(
    run_id: str,
    events: Sequence[Event],
    state: RunState,
    plan: Plan | None,
    bank: Bank,
    person: Person,
) -> None:
    """Raise `Violation` at the first thing that must not be."""
    calls = [call for call in bank.calls if bank.runs[call.key] == run_id]
    # The world's time is not the log's: what a call should have seen is judged in `_stopped`.
    effects = [call._replace(at_us=0) for call in calls]
    returned = [
        (key, attempt)
        for lane, key, attempt in bank.returned
        if bank.runs[key] == run_id and not lane.dead and lane not in bank.full
    ]
    check(events, effects, returned=returned, ended=True)
    _stopped(run_id, events, calls, person)
    _launched(run_id, events, bank)
    if state.status in {"failed", "timed_out"}:
        raise Violation(f"{run_id} is {state.status}: {state.failure}")
    for event in events:
        if isinstance(event.payload, RunSucceeded):
            answer = event.payload.answer
            assert isinstance(answer, list), "both kinds of runs answer with a list"
            if plan is None:
                _flow_answered(answer, bank.launches[run_id])
            else:
                _agent_answered(answer, plan, events, bank)


def _stopped(run_id: str, events: Sequence[Event], calls: Sequence[Effect], person: Person) -> None:
    """Look for calls begun long behind a hold that they should have seen."""
    released = {e.payload.held_seq: e.seq for e in events if isinstance(e.payload, Released)}
    intents = {
        (e.payload.idempotency_key, e.payload.attempt): e.seq
        for e in events
        if isinstance(e.payload, ToolRequested)
    }
    for held_run, seq, at_us in person.stops:
        for call in calls:
            called_seq = call.called_seq or 0
            if (
                held_run == run_id
                and intents.get((call.key, call.attempt), 0) < seq <= called_seq
                and released.get(seq, called_seq + 1) > called_seq
                and at_us + _LATE_US < call.at_us
            ):
                raise Violation(f"{call} began, though the run was held by #{seq} long before")


def _launched(run_id: str, events: Sequence[Event], bank: Bank) -> None:
    steps = {
        e.seq
        for e in events
        if isinstance(e.payload, WorkflowStepRequested) and e.payload.name == LAUNCH
    }
    again = [
        e
        for e in events
        if isinstance(e.payload, ToolReconciled)
        and e.payload.intent_seq in steps
        and e.payload.verdict == "retry"
    ]
    if bank.launches[run_id] > 1 + len(again):
        raise Violation(f"{run_id} was launched {bank.launches[run_id]} times")


def _flow_answered(answer: list[JsonValue], launches: int) -> None:
    counted, _at, signal, paid, launched = answer
    if counted != 3 or signal not in {3, "too late"}:
        raise Violation(f"the workflow answered {answer}")
    if paid not in {"done pay", "ToolFailedError"} or (launched == "launched") != bool(launches):
        raise Violation(f"the workflow answered {answer}, and was launched {launches} times")


def _agent_answered(
    answer: list[JsonValue], plan: Plan, events: Sequence[Event], bank: Bank
) -> None:
    """Hold the answer against an undisturbed run's: it differs only where the log says why."""
    keys = [
        f"{turn}.{place}" for turn, calls in enumerate(plan.turns) for place in range(len(calls))
    ]
    if len(answer) != len(keys):
        raise Violation(f"the agent answered {answer}, and was to do {keys}")
    for key, said in zip(keys, answer, strict=True):
        of_step = [e for e in events if getattr(e.payload, "step_key", None) == key]
        intents = {e.seq: e.payload for e in of_step if isinstance(e.payload, ToolRequested)}
        ends = [e.payload for e in events if getattr(e.payload, "intent_seq", None) in intents]
        if said == f"done {key}":
            known = any(bank.done[intent.idempotency_key] for intent in intents.values())
        elif said == "ToolFailedError":
            known = any(
                (isinstance(end, ToolCompleted) and end.outcome.endswith("_error"))
                or (isinstance(end, ToolReconciled) and end.verdict == "failed")
                for end in ends
            )
        else:
            questions = {
                e.payload.pause_id for e in of_step if isinstance(e.payload, PauseRequested)
            }
            known = said == "DeniedError" and any(
                (isinstance(e.payload, GuardDenied) and e in of_step)
                or (isinstance(e.payload, PauseResolved) and e.payload.pause_id in questions)
                for e in events
            )
        if not known:
            raise Violation(f"step {key} is said to be {said!r}, and nothing in the world says so")
