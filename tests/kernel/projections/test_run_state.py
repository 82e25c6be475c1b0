"""The fold itself: identity, order, events that cannot be read, forks, the end of a run."""

from dataclasses import replace

import pytest

from quarterdeck_kernel.errors import IntegrityError
from quarterdeck_kernel.events.agent_events import ChildFinished, ChildStarted
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
from quarterdeck_kernel.events.envelope import Unreadable
from quarterdeck_kernel.events.people_events import PauseExpired
from quarterdeck_kernel.events.run_events import (
    Acknowledged,
    ForkMerged,
    ResumeRequested,
    RunCancelled,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import TimerFired, TimerSet
from quarterdeck_kernel.projections.open_items import Hold, Lineage
from quarterdeck_kernel.projections.run_state import RunState, empty, fold
from quarterdeck_kernel.vocabulary.limits import STATE_TEXT_CHARS
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, SECOND, Log, queued, running


def test_a_run_is_what_its_first_event_says() -> None:
    log = Log()
    log.add(queued(budget_micros=500, deadline_us=9, model="m", parent_run_id="p", depth=2), ANNE)
    identity = log.state.identity
    assert (identity.run_id, identity.tenant, identity.agent) == ("run", "acme", "cleaner")
    assert (identity.person, identity.parent_run_id, identity.depth) == ("anne", "p", 2)
    assert identity.objective == "tidy up"
    assert log.state.status == "queued"
    assert log.state.conditions.limit("micros") == (500, 0)
    assert log.state.conditions.limit("tokens") == (None, 0)
    assert log.state.deadline_us == 9
    log.add(RunStarted(holder="h", kernel_version="1"))
    assert (log.state.status, log.state.started_us) == ("running", log.at_us)
    assert (log.state.head_seq, log.state.head_hash) == (2, log.events[-1].hash)


def test_an_erased_objective_is_none() -> None:
    log = Log()
    log.add(queued(objective=None))
    assert log.state.identity.objective is None


def test_an_objective_is_kept_short_and_storable() -> None:
    log = Log()
    log.add(queued(objective="\ud800" + "x" * 9_000))
    kept = log.state.identity.objective
    assert kept is not None
    assert kept.startswith("<U+D800>x")
    assert len(kept) == STATE_TEXT_CHARS
    assert fold(empty(), log.read()) == log.state
    assert RunState.load(log.state.dump()) == log.state


def test_a_gap_is_an_error() -> None:
    log = running()
    with pytest.raises(IntegrityError, match="#2 of run 'run' does not follow #0"):
        fold(empty(), log.events[1:])


def test_an_event_of_a_newer_version_makes_the_run_read_only() -> None:
    log = running()
    before = log.state
    future = log.events[-1]._replace(
        seq=3, hash="h3", kind="dreamt", payload=Unreadable("dreamt", 9, {})
    )
    later = log.events[-1]._replace(seq=4, hash="h4", payload=RunSucceeded(answer=None))
    state = fold(before, [future, later])
    assert state.read_only is not None
    assert "#3 (dreamt, schema 9)" in state.read_only
    assert (state.head_seq, state.head_hash, state.status) == (4, "h4", "running")
    assert RunState.load(state.dump()) == state


def test_conditions_take_over_what_was_decided() -> None:
    log = running()
    log.add(ModelSwapped(model="big", tier="frontier", parameters={"t": 0.1}, revision=1), ANNE)
    log.add(BudgetChanged(budget="tokens", limit=10, revision=1), ANNE)
    log.add(ToolScopeChanged(scope="deny", tools=("rm",), revision=1), ANNE)
    log.add(AgentChanged(config_digest="c", revision=1, config=None), ANNE)
    conditions = log.state.conditions
    assert (conditions.model, conditions.tier, conditions.parameters) == (
        "big",
        "frontier",
        {"t": 0.1},
    )
    assert conditions.limit("tokens") == (10, 1)
    assert (conditions.scope, conditions.scope_tools) == ("deny", ("rm",))
    assert (conditions.config_digest, conditions.config_seq) == ("c", 6)


def test_holds_are_open_until_released_by_name() -> None:
    log = running()
    budget = log.add(make.hold("budget"))
    person = log.add(make.hold(), ANNE)
    assert log.state.hold == Hold(person, "operator", "wait", log.at_us)
    log.add(Released(held_seq=person, reason=None), ANNE)
    assert log.state.hold is not None
    assert log.state.hold.seq == budget
    log.add(Released(held_seq=budget, reason=None), ANNE)
    assert not log.state.blocked
    assert not log.state.holds


def test_an_urgent_cancel_keeps_its_age() -> None:
    log = running()
    log.add(CancelRequested(now=False, reason=None), ANNE)
    first = log.at_us
    seq = log.add(CancelRequested(now=True, reason=None), ANNE)
    assert log.state.cancel == (seq, True, first)
    log.add(RunCancelled(request_seq=seq, reason=None))
    assert log.state.status == "cancelled"


def test_the_end_closes_what_only_a_living_run_could_answer() -> None:
    log = running()
    log.add(make.said(), ANNE)
    log.add(TimerSet(timer_id="x", fires_at_us=1))
    log.add(ChildStarted(child_run_id="c", agent="a", allotment_micros=5))
    log.add(make.pause())
    log.add(make.hold(), ANNE)
    seq = log.add(RunFailed(error="turn_limit", message=None, partial_answer=None))
    state = log.state
    assert not state.blocked
    assert (state.timers, state.children, state.messages) == ({}, {}, {})
    assert (state.spend.reserved_micros, state.ended_us) == (0, log.at_us)
    assert state.unacknowledged_failure_seq == seq
    log.add(Acknowledged(seq=seq, note=None), ANNE)
    assert log.state.unacknowledged_failure_seq is None
    assert log.state.failure is not None


def test_events_that_change_nothing_bounded() -> None:
    log = running()
    before = log.state
    log.add(ResumeRequested(note=None), ANNE)
    log.add(ForkMerged(fork_run_id="f", fork_seq=3, fork_hash="h", merged=None), ANNE)
    after = replace(log.state, head_seq=before.head_seq, head_hash=before.head_hash)
    assert replace(after, changed_us=before.changed_us) == before


def test_timers_and_children_are_open_until_they_end() -> None:
    log = running()
    log.add(TimerSet(timer_id="x", fires_at_us=7))
    log.add(ChildStarted(child_run_id="c", agent="reader", allotment_micros=500))
    assert log.state.timers["x"].fires_at_us == 7
    assert log.state.spend.reserved_micros == 500
    log.add(TimerFired(timer_id="x"))
    log.add(
        ChildFinished(
            child_run_id="c",
            status="failed",
            spent_micros=123,
            spent_unknown=True,
            head_seq=4,
            head_hash="h",
        )
    )
    spend = log.state.spend
    assert (spend.reserved_micros, spend.children_micros, spend.cost_micros) == (0, 123, 0)
    assert (spend.used("micros"), spend.cost_unknown) == (123, True)
    assert (log.state.timers, log.state.children) == ({}, {})


def granted() -> Log:
    log = running()
    log.add(make.pause())
    log.add(make.answer(decision="granted"), ANNE)
    log.add(GrantGiven(grant_id="g", pause_id="p1", tool="pay", constraints=None), ANNE)
    return log


def test_grants_stand_until_revoked() -> None:
    log = granted()
    assert log.state.conditions.grants["g"].tool == "pay"
    log.add(GrantRevoked(grant_id="g", reason=None), ANNE)
    assert log.state.conditions.grants == {}


def test_a_fork_inherits_the_past_but_no_rights_and_no_duties() -> None:
    log = granted()
    request = log.add(make.asked())
    log.add(make.answered(request))
    log.add(make.said(), ANNE)
    log.add(TimerSet(timer_id="x", fires_at_us=7))
    once = log.add(make.tool(estimate_micros=9))
    log.add(make.tool("t2", effect="read"))
    log.add(make.asked("m2", estimate_micros=5))
    step = log.add(make.step(effect="once"))
    log.add(make.step("w2"))
    log.add(make.pause("p2"))
    log.add(make.hold(), ANNE)
    log.add(CancelRequested(now=True, reason=None), ANNE)
    fork = log.fork(
        log.state.head_seq,
        changed=("objective", "model"),
        model="big",
        changes={"objective": "tidy less"},
    )
    state = fork.state
    assert state.identity.run_id == "fork"
    assert state.identity.objective == "tidy less"
    assert state.identity.lineage == Lineage("run", log.state.head_seq, log.state.head_hash)
    assert (state.status, state.created_us, state.started_us) == ("queued", fork.at_us, None)
    assert set(state.unknowns) == {once, step}
    assert all(unknown.inherited for unknown in state.unknowns.values())
    assert (state.tool_intents, state.model_intents, state.workflow_intents) == ({}, {}, {})
    assert (state.pauses, state.holds, state.cancel, state.conditions.grants) == ({}, {}, None, {})
    assert (state.allowed_calls, state.allowed_retries) == ({}, {})
    assert set(state.messages) == {"k"}
    assert set(state.timers) == {"x"}
    assert (state.spend.cost_micros, state.spend.reserved_micros) == (70, 0)
    assert state.conditions.model == "big"
    assert state.conversation.threads == {}
    assert state.conversation.last is not None
    assert fork.refusal(make.settled(once, "retry"), ANNE) is not None
    fork.add(make.settled(once, "failed"), ANNE)


def test_a_fork_of_an_ended_run_lives() -> None:
    log = running()
    log.add(RunTimedOut(bound="deadline", bound_us=5 * SECOND))
    fork = log.fork(3, changed=("objective",))
    assert (fork.state.status, fork.state.failure, fork.state.deadline_us) == ("queued", None, None)
    assert fork.state.identity.objective is None
    fork.add(RunStarted(holder="h", kernel_version="1"))


def test_facts_alone_differ_in_texts_only() -> None:
    log = granted()
    log.add(make.pause("p2"))
    log.add(make.hold(), ANNE)
    state = fold(empty(), log.facts())
    assert state.identity == log.state.identity._replace(objective=None)
    assert state.pauses["p2"] == log.state.pauses["p2"]._replace(title=None)
    assert state.hold is not None
    assert state.hold.reason is None
    state.identity, state.pauses, state.holds = (
        log.state.identity,
        log.state.pauses,
        log.state.holds,
    )
    assert state == log.state


@pytest.mark.parametrize(
    "stray",
    [
        make.done(1),
        make.settled(1, "done"),
        make.answered(1),
        make.failed(1),
        make.step_done(1),
        make.answer("none"),
        PauseExpired(pause_id="none", expired_at_us=1),
        Released(held_seq=1, reason=None),
        TimerFired(timer_id="none"),
        Acknowledged(seq=1, note=None),
    ],
)
def test_an_answer_to_nothing_that_stands_in_a_log_changes_nothing(stray: AnyEvent) -> None:
    log = running()
    before = log.state
    log.add(stray, ANNE, legal=False)
    head = {"head_seq": 3, "head_hash": log.state.head_hash, "changed_us": log.at_us}
    assert log.state == replace(before, **head)  # type: ignore[arg-type]
