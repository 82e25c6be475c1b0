"""Illegal moves are refused with a sentence; what depends on order, revision, person and time."""

import re
from collections.abc import Callable

import pytest

from quarterdeck_kernel.events.agent_events import ArtifactWritten, ChildFinished, ChildStarted
from quarterdeck_kernel.events.control_events import (
    AgentChanged,
    BudgetChanged,
    CancelRequested,
    GrantGiven,
    GrantRevoked,
    ModelSwapped,
    Released,
    ToolScopeChanged,
)
from quarterdeck_kernel.events.guard_events import CircuitClosed, CircuitOpened
from quarterdeck_kernel.events.people_events import PauseExpired
from quarterdeck_kernel.events.run_events import (
    Acknowledged,
    ResumeRequested,
    RunCancelled,
    RunFailed,
    RunForked,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.tool_events import ToolEvidence
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.events.union import BY_KIND, AnyEvent
from quarterdeck_kernel.events.unleased import UNLEASED_KINDS
from quarterdeck_kernel.events.workflow_events import TimerFired, TimerSet, ValueRecorded
from quarterdeck_kernel.projections.context_builder import Cut, build, extend, listed
from quarterdeck_kernel.projections.legality import AFTER_END, BEFORE_START, refusal
from quarterdeck_kernel.projections.run_state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL
from quarterdeck_kernel.vocabulary.limits import OPEN_ITEMS
from quarterdeck_kernel.vocabulary.messages import Context, Message
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, BEN, SECOND, Log, queued, running

STARTED = RunStarted(holder="h", kernel_version="1")
SUCCEEDED = RunSucceeded(answer=None)
CANCEL = CancelRequested(now=False, reason=None)


def ended() -> Log:
    log = running()
    log.add(RunFailed(error="turn_limit", message=None, partial_answer=None))
    return log


def with_(*payloads: AnyEvent) -> Callable[[], Log]:
    def make_log() -> Log:
        log = running()
        for payload in payloads:
            log.add(payload, ANNE)
        return log

    return make_log


def only_queued() -> Log:
    log = Log()
    log.add(queued())
    return log


def child_end(child: str, status: str = "succeeded") -> ChildFinished:
    values = {"child_run_id": child, "status": status, "spent_micros": 0}
    return ChildFinished.model_validate({**values, "head_seq": 1, "head_hash": "h"})


def revoked(grant: str) -> GrantRevoked:
    return GrantRevoked(grant_id=grant, reason=None)


def grant(grant_id: str = "g", pause_id: str = "p1", tool: str = "pay") -> GrantGiven:
    return GrantGiven(grant_id=grant_id, pause_id=pause_id, tool=tool, constraints=None)


def budget(limit: int | None, revision: int) -> BudgetChanged:
    return BudgetChanged(budget="micros", limit=limit, revision=revision)


GRANTED = with_(make.pause(), make.answer(decision="granted"))
UNKNOWN = with_(make.tool(), make.done(3, "unknown_outcome"))
EXPIRED_AT = PauseExpired(pause_id="p1", expired_at_us=5)
ILLEGAL: list[tuple[str, Callable[[], Log], AnyEvent]] = [
    ("cannot be first", Log, STARTED),
    ("queued already", running, queued()),
    ("started already", running, STARTED),
    ("needs a run that was started", only_queued, make.tool()),
    ("needs a run that was started", only_queued, SUCCEEDED),
    ("which is final", ended, make.said()),
    ("which is final", ended, SUCCEEDED),
    ("which is final", ended, RunTimedOut(bound="deadline", bound_us=1)),
    ("which is final", ended, make.settled(1, "done")),
    ("cannot be acknowledged|not a failure", ended, Acknowledged(seq=2, note=None)),
    ("not a failure", running, Acknowledged(seq=2, note=None)),
    ("restored, not written", ended, ArtifactWritten(operation="written", path=None)),
    ("not the open request", with_(CANCEL), RunCancelled(request_seq=2, reason=None)),
    ("open unknown outcome \\(#3\\)", UNKNOWN, SUCCEEDED),
    ("open tool call \\(#3\\)", with_(make.tool()), RunCancelled(reason=None)),
    ("open model request", with_(make.asked()), SUCCEEDED),
    ("open workflow step", with_(make.step()), SUCCEEDED),
    ("not an open tool call", running, make.done(2)),
    ("record what came late as evidence", UNKNOWN, make.done(3)),
    ("not an unknown outcome", with_(make.tool()), make.settled(3, "done")),
    ("under way as #3", with_(make.tool()), make.tool()),
    ("unknown: settle it first", UNKNOWN, make.tool("t2")),
    ("unknown: settle it first", UNKNOWN, make.asked()),
    ("pause 'p1' is open", with_(make.pause()), make.tool()),
    ("pause 'p1' is open", with_(make.pause()), make.asked()),
    ("pause 'p1' is open", with_(make.pause()), make.step()),
    ("held by operator", with_(make.hold()), make.tool()),
    ("held by operator", with_(make.hold()), make.asked()),
    ("to be cancelled", with_(CANCEL), make.tool()),
    ("to be cancelled", with_(CANCEL), make.asked()),
    ("to be cancelled", with_(CANCEL), make.step()),
    ("allows no further try", running, make.tool(attempt=2, decision_seq=2)),
    ("does not cover", running, make.tool(grant_id="g")),
    ("not an open model request", running, make.answered(2)),
    ("not an open model request", running, make.failed(2)),
    ("not an open workflow step", running, make.step_done(2)),
    (
        "is set already",
        with_(TimerSet(timer_id="x", fires_at_us=1)),
        TimerSet(timer_id="x", fires_at_us=2),
    ),
    ("no timer", running, TimerFired(timer_id="x")),
    (
        "at work already",
        with_(ChildStarted(child_run_id="c", agent="a")),
        ChildStarted(child_run_id="c", agent="a"),
    ),
    ("not a child", running, child_end("c")),
    ("not an end", with_(ChildStarted(child_run_id="c", agent="a")), child_end("c", "running")),
    ("is open already", with_(make.pause()), make.pause(step_key="other")),
    ("waits already", with_(make.pause(step_key="s")), make.pause("p2", step_key="s")),
    ("not open", running, make.answer()),
    ("not open", with_(make.pause(), make.answer()), make.answer()),
    ("not open", running, EXPIRED_AT),
    ("has not expired", with_(make.pause()), EXPIRED_AT),
    ("has not expired", with_(make.pause(expires_at_us=6)), EXPIRED_AT),
    ("something else", with_(make.pause()), make.answer(digest="x")),
    ("digest of its own", with_(make.pause()), make.answer(decision="edited", digest=None)),
    ("needs no second person", with_(make.pause()), make.answer(decision="rejected", closes=False)),
    ("needs nobody else", with_(make.pause()), make.answer(closes=False)),
    ("needs 2 people; 1", with_(make.pause(people_needed=2)), make.answer()),
    ("held by operator already", with_(make.hold()), make.hold()),
    ("no hold of event #2", with_(make.hold()), Released(held_seq=2, reason=None)),
    ("cancelled already", with_(CANCEL), CANCEL),
    ("below zero", running, budget(-1, 1)),
    ("revision 0, the change is for 2", running, budget(1, 2)),
    ("revision 1, the change is for 1", with_(budget(1, 1)), budget(2, 1)),
    ("the model is at revision 0", running, ModelSwapped(model="m", revision=2)),
    ("the agent is at", running, AgentChanged(config_digest="c", revision=0, config=None)),
    ("the tool scope is at", running, ToolScopeChanged(scope="all", revision=3)),
    ("not answered by a grant", with_(make.pause(), make.answer()), grant()),
    ("not answered by a grant", GRANTED, grant(tool="rm")),
    ("does not stand", running, revoked("g")),
    (
        "open already",
        with_(CircuitOpened(streak=3, threshold=3)),
        CircuitOpened(streak=3, threshold=3),
    ),
    ("not open", running, CircuitClosed()),
    (
        "turn 0 is over",
        with_(PhaseEntered(turn=1, phase="rest")),
        PhaseEntered(turn=0, phase="rest"),
    ),
    (
        "in phase rest",
        with_(PhaseEntered(turn=1, phase="rest")),
        PhaseEntered(turn=1, phase="rest"),
    ),
    ("not in this run yet", running, ToolEvidence(intent_seq=9, source="probe", detail=None)),
]


@pytest.mark.parametrize(("sentence", "log", "payload"), ILLEGAL)
def test_an_illegal_move_is_refused(
    sentence: str, log: Callable[[], Log], payload: AnyEvent
) -> None:
    made = log()
    before = made.state.dump()
    reason = made.refusal(payload, ANNE)
    assert reason is not None
    assert re.search(sentence, reason), reason
    assert made.state.dump() == before


LEGAL: list[tuple[Callable[[], Log], AnyEvent]] = [
    (only_queued, make.hold()),
    (only_queued, RunCancelled(reason=None)),
    (only_queued, RunTimedOut(bound="deadline", bound_us=1)),
    (ended, Acknowledged(seq=3, note=None)),
    (ended, ToolEvidence(intent_seq=1, source="late_result", detail=None)),
    (ended, ArtifactWritten(operation="restored", path=None)),
    (with_(make.pause()), RunTimedOut(bound="deadline", bound_us=1)),
    (with_(make.tool(), make.hold()), make.done(3)),
    (with_(make.asked(), make.pause()), make.answered(3)),
    (with_(make.hold()), make.hold("budget")),
    (with_(CANCEL), CancelRequested(now=True, reason=None)),
    (with_(make.pause()), make.pause("p2")),
    (with_(make.pause()), ValueRecorded(step_key="v", source="now", value=1)),
    (with_(make.pause()), ResumeRequested(note=None)),
    (GRANTED, grant()),
    (running, budget(None, 1)),
    (UNKNOWN, make.settled(3, "failed")),
]


@pytest.mark.parametrize(("log", "payload"), LEGAL)
def test_a_legal_move_is_not_refused(log: Callable[[], Log], payload: AnyEvent) -> None:
    assert log().refusal(payload, ANNE) is None


def test_a_failure_is_acknowledged_once() -> None:
    log = ended()
    log.add(Acknowledged(seq=3, note=None), ANNE)
    assert "acknowledged already" in str(log.refusal(Acknowledged(seq=3, note=None), BEN))


def test_a_grant_covers_its_tool_only_and_is_given_once() -> None:
    log = GRANTED()
    log.add(grant(), ANNE)
    assert "stands already" in str(log.refusal(grant(), ANNE))
    assert log.refusal(make.tool(grant_id="g")) is None
    assert "does not cover" in str(log.refusal(make.tool(tool="rm", grant_id="g")))


def test_a_read_only_run_takes_nothing() -> None:
    state = RunState(read_only="newer")
    assert refusal(state, queued()) == "newer"


def test_the_deadline_decides_whether_an_answer_is_late() -> None:
    log = running()
    log.add(make.pause(expires_at_us=log.at_us + 3 * SECOND))
    assert log.refusal(make.answer(), ANNE) is None
    log.at_us += 2 * SECOND
    assert "too late" in str(log.refusal(make.answer(), ANNE))
    assert refusal(log.state, make.answer()) is None, "without a stamp, time is not judged"


def test_a_pause_does_not_expire_before_its_time_whatever_the_event_says() -> None:
    log = running()
    log.add(make.pause(expires_at_us=log.at_us + 3 * SECOND))
    early = PauseExpired(pause_id="p1", expired_at_us=log.at_us + 3 * SECOND)
    assert "has not expired" in str(log.refusal(early))
    log.at_us += 2 * SECOND
    assert log.refusal(early) is None


def test_only_people_answer() -> None:
    log = with_(make.pause())()
    assert "answered by a person" in str(log.refusal(make.answer(), AGENT))
    assert "answered by a person" in str(log.refusal(make.answer(), KERNEL))


def test_a_yes_to_the_call_is_no_verdict_on_an_unknown_of_its_step() -> None:
    log = UNKNOWN()
    log.add(make.pause(step_key="t1"))
    log.add(make.answer(), ANNE)
    assert "unknown: settle it first" in str(log.refusal(make.tool("t1", pause_id="p1")))
    log.add(make.settled(3, "failed"), ANNE)
    assert log.refusal(make.tool("t1", pause_id="p1")) is None


def test_an_approved_call_waits_for_a_hold_but_not_for_other_pauses() -> None:
    log = running()
    log.add(make.pause(step_key="t1"))
    log.add(make.answer(), ANNE)
    log.add(make.pause("p2"))
    allowed = make.tool("t1", pause_id="p1")
    assert log.refusal(allowed) is None
    log.add(make.hold(), ANNE)
    assert "held by operator" in str(log.refusal(allowed))


def test_an_approved_call_is_not_begun_once_the_run_is_to_stop_at_once() -> None:
    log = running()
    log.add(make.pause(step_key="t1"))
    log.add(make.answer(), ANNE)
    log.add(CANCEL, ANNE)
    assert log.refusal(make.tool("t1", pause_id="p1")) is None
    log.add(CancelRequested(now=True, reason=None), ANNE)
    assert log.refusal(make.tool("t1", pause_id="p1")) is not None


def forked(log: Log, **changes: object) -> RunForked:
    values = {
        "parent_run_id": "run",
        "parent_seq": log.state.head_seq,
        "parent_hash": log.state.head_hash,
        "changes": None,
    }
    return RunForked.model_validate({**values, **changes})


def test_a_fork_stands_upon_the_event_it_names() -> None:
    log = running()
    assert refusal(log.state, forked(log)) is None
    assert "cannot stand upon" in str(refusal(log.state, forked(log, parent_run_id="x")))
    assert "stands upon #2" in str(refusal(log.state, forked(log, parent_seq=1)))
    assert "stands upon #2" in str(refusal(log.state, forked(log, parent_hash="x")))
    assert "fork of itself" in str(log.refusal(forked(log)))
    child = Log("fork")
    child.state = log.state
    assert child.refusal(forked(log)) is None


def test_a_fork_belongs_to_its_parents_tenant() -> None:
    log = running()
    stamp = Log("fork").stamp(ANNE)._replace(tenant="other")
    assert "parent's tenant" in str(refusal(log.state, forked(log), stamp))


HELLO = Message(role="user", text="hello")


def test_a_context_must_add_up_and_stand_where_it_says() -> None:
    log = running()
    built = build(log.state.conversation, None, [HELLO, HELLO])
    first = log.add(make.asked("m1", built))
    base = listed(first, built.context, None)
    good = extend(log.state.conversation, base, [HELLO]).context
    assert (good.thread, good.shared, good.length) == (first, 3, 3)

    def says(context: Context, **changes: object) -> str | None:
        payload = make.asked("m2", new_messages=(HELLO,))
        wrong = context.model_copy(update=changes)
        return log.refusal(payload.model_copy(update={"context": wrong}))

    assert says(good) is None
    assert "segments hold 3" in str(says(good, length=4, shared=4))
    assert "segments hold 3" in str(says(good, digests=()))
    assert "without naming one" in str(says(good, base=None))
    assert "not in this run yet" in str(says(good, base=99))
    assert "cannot stand in thread" in str(says(good, thread=first + 1))
    assert "shares nothing" in str(says(good, thread=None))
    branch = extend(log.state.conversation, base, [HELLO], main=False).context
    assert (branch.thread, branch.shared) == (first, 2)
    assert says(branch) is None
    log.add(make.asked("m2", extend(log.state.conversation, base, [HELLO])))
    assert "branch from it" in str(says(good)), "the thread has grown since"
    short = build(log.state.conversation, base, [Cut(0, 1), HELLO, HELLO], main=False).context
    assert says(short) is None
    assert "shares 1 messages with its base, not 2" in str(says(short, shared=2))


def test_what_is_open_is_bounded() -> None:
    log = running()
    for number in range(OPEN_ITEMS):
        log.add(TimerSet(timer_id=f"x{number}", fires_at_us=1))
    assert "limit" in str(log.refusal(TimerSet(timer_id="x", fires_at_us=1)))


def test_every_kind_named_exists() -> None:
    assert set(BY_KIND) >= BEFORE_START | AFTER_END
    # A person may say anything to a run that waits to be taken up, but for what follows a call.
    assert {"circuit_closed", "grant_given", "pause_resolved"} == UNLEASED_KINDS - BEFORE_START
