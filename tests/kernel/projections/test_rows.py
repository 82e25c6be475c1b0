"""Rows of fleet, inbox and steps."""

import pytest

from quarterdeck_kernel.events.agent_events import ChildStarted
from quarterdeck_kernel.events.control_events import CancelRequested
from quarterdeck_kernel.events.people_events import PauseExpired
from quarterdeck_kernel.events.run_events import (
    Acknowledged,
    RunCancelled,
    RunFailed,
    RunSucceeded,
    RunTimedOut,
)
from quarterdeck_kernel.events.workflow_events import ValueRecorded
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_changes, inbox_rows
from quarterdeck_kernel.projections.rows import projection_rows
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.projections.steps import step_rows
from quarterdeck_kernel.vocabulary.rows import StepRow
from quarterdeck_kernel.vocabulary.words import NeedRank
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, SECOND, Log, queued, running


def test_a_fleet_row_says_what_follows_from_the_events() -> None:
    log = running(budget_micros=900, model="m", deadline_us=7)
    log.add(make.answered(log.add(make.asked())))
    log.add(CancelRequested(now=False, reason=None), ANNE)
    row = fleet_row(log.state)
    assert (row.run_id, row.tenant, row.agent, row.objective) == (
        "run",
        "acme",
        "cleaner",
        "tidy up",
    )
    assert (row.tokens, row.cost_micros, row.budget_micros, row.model) == (120, 70, 900, "m")
    assert (row.created_us, row.changed_us) == (log.state.created_us, log.at_us)
    assert (row.cancel_requested_us, row.deadline_us, row.head_seq) == (log.at_us, 7, 5)
    assert (row.need, row.rank, row.sort_us) == ("running", NeedRank.RUNNING, row.created_us)


def test_the_gravest_need_is_shown() -> None:
    log = Log()
    log.add(queued(objective=None))
    assert (fleet_row(log.state).need, fleet_row(log.state).objective) == ("queued", "")
    log = running()
    seq = log.add(make.tool())
    log.add(ChildStarted(child_run_id="c", agent="reader"))
    assert fleet_row(log.state).waits_for == "child reader"
    log.add(make.hold(), ANNE)
    row = fleet_row(log.state)
    assert (row.need, row.rank, row.waits_for) == ("held", NeedRank.HELD, "release by operator")
    log.add(make.pause())
    row = fleet_row(log.state)
    assert (row.need, row.rank, row.waits_for) == ("waiting", NeedRank.WAITING, "approve pay")
    log.add(make.done(seq, "unknown_outcome"))
    row = fleet_row(log.state)
    assert (row.need, row.rank, row.waits_for) == ("unknown", NeedRank.UNKNOWN, "verdict on pay")
    assert row.sort_us == log.at_us


def waiting(*expires: int | None) -> int:
    log = running()
    for number, expires_at_us in enumerate(expires):
        log.add(make.pause(f"p{number}", expires_at_us=expires_at_us, tool=None, title=None))
    return fleet_row(log.state).sort_us


def test_waiting_runs_stand_by_nearest_deadline_then_age() -> None:
    near, far = 1_800_000_000 * SECOND, 1_900_000_000 * SECOND
    assert waiting(None, far, near) == near
    assert waiting(near) < waiting(far) < waiting(None)
    assert waiting(None) == waiting(None, None)


@pytest.mark.parametrize(
    ("end", "need", "rank"),
    [
        (RunFailed(error="e", message=None, partial_answer=None), "failed", NeedRank.FAILED),
        (RunTimedOut(bound="deadline", bound_us=1), "timed_out", NeedRank.TIMED_OUT),
    ],
)
def test_a_failure_is_a_need_until_acknowledged(
    end: RunFailed | RunTimedOut, need: str, rank: NeedRank
) -> None:
    log = running()
    seq = log.add(end)
    row = fleet_row(log.state)
    assert (row.need, row.rank, row.waits_for) == (need, rank, "acknowledge")
    assert row.sort_us == -log.at_us, "the newest first"
    log.add(Acknowledged(seq=seq, note=None), ANNE)
    row = fleet_row(log.state)
    assert (row.need, row.rank, row.waits_for) == (need, NeedRank.DONE, None)


def test_ends() -> None:
    log = running()
    log.add(RunSucceeded(answer=None))
    assert (fleet_row(log.state).need, fleet_row(log.state).rank) == ("done", NeedRank.DONE)
    log = running()
    log.add(RunCancelled(reason=None))
    row = fleet_row(log.state)
    assert (row.need, row.rank) == ("cancelled", NeedRank.CANCELLED)


def test_the_inbox_holds_pauses_and_unknowns() -> None:
    log = running()
    seq = log.add(make.tool(risk="high"))
    before = log.state
    log.add(make.pause(expires_at_us=9, risk="low"))
    log.add(make.done(seq, "unknown_outcome"))
    opened, closed = inbox_changes(before, log.state)
    assert closed == ()
    unknown, pause = opened
    assert (pause.item_id, pause.kind, pause.title, pause.tool) == ("p1", "pause", "pay 5", "pay")
    assert (pause.risk, pause.deadline_us, pause.seq) == ("low", 9, 4)
    assert (unknown.item_id, unknown.kind, unknown.tool) == (f"unknown:{seq}", "unknown", "pay")
    assert (unknown.risk, unknown.seq, unknown.since_us) == ("high", seq, log.at_us)
    assert inbox_changes(log.state, log.state) == ((), ())
    before = log.state
    log.add(make.settled(seq, "done"), ANNE)
    log.add(PauseExpired(pause_id="p1", expired_at_us=9))
    assert inbox_changes(before, log.state) == ((), ("p1", f"unknown:{seq}"))


def test_an_item_without_a_title_is_named_by_what_it_is() -> None:
    log = running()
    log.add(make.pause(title=None))
    log.add(make.pause("p2", type="input", tool=None, digest=None, title=None))
    assert [row.title for row in inbox_rows(log.state)] == ["approve pay", "input"]


def test_an_item_opened_and_closed_in_one_batch_never_shows() -> None:
    log = running()
    before = log.state
    log.add(make.pause())
    log.add(make.answer(), ANNE)
    assert inbox_changes(before, log.state) == ((), ())


def test_a_pause_opened_again_under_its_id_is_opened() -> None:
    log = running()
    log.add(make.pause())
    before = log.state
    log.add(make.answer(), ANNE)
    log.add(make.pause())
    opened, closed = inbox_changes(before, log.state)
    assert ([row.seq for row in opened], closed) == ([5], ())


def test_a_fork_opens_its_own_items_and_closes_none_of_its_parent() -> None:
    log = running()
    seq = log.add(make.tool())
    log.add(make.pause())
    fork = log.fork(4)
    opened, closed = inbox_changes(log.state, fork.state)
    assert [(row.run_id, row.item_id) for row in opened] == [("fork", f"unknown:{seq}")]
    assert closed == ()


def steps_of(log: Log, after: int) -> tuple[StepRow, ...]:
    return step_rows(fold(empty(), log.events[:after]), log.events[after:])


def test_steps_are_found_from_request_to_end() -> None:
    log = running()
    model = log.add(make.asked("m"))
    tool = log.add(make.tool("t"))
    step = log.add(make.step("w"))
    unknown = log.add(make.tool("u"))
    open_rows = {row.step_key: row for row in steps_of(log, 2)}
    assert open_rows["m"] == StepRow(step_key="m", requested_seq=model)
    assert open_rows["t"] == StepRow(step_key="t", requested_seq=tool)
    middle = log.state.head_seq
    log.add(make.failed(model, "m", final=False))
    assert steps_of(log, middle) == ()
    log.add(make.answered(model, "m"))
    log.add(make.done(tool))
    log.add(make.step_done(step))
    log.add(make.done(unknown, "unknown_outcome"))
    ends = {row.step_key: row.completed_seq for row in steps_of(log, middle)}
    assert ends == {"m": middle + 2, "t": middle + 3, "w": middle + 4, "u": None}
    assert steps_of(log, 2)[0].completed_seq == middle + 2
    at = log.state.head_seq
    log.add(make.settled(unknown, "done"), ANNE)
    assert steps_of(log, at) == (
        StepRow(step_key="u", requested_seq=unknown, completed_seq=at + 1),
    )


def test_a_failed_request_and_a_retry() -> None:
    log = running()
    model = log.add(make.asked("m"))
    log.add(make.failed(model, "m"))
    assert steps_of(log, 3)[0].completed_seq == 4
    unknown = log.add(make.tool("u"))
    log.add(make.done(unknown, "unknown_outcome"))
    log.add(make.settled(unknown, "retry"), ANNE)
    assert steps_of(log, 6) == (StepRow(step_key="u", requested_seq=unknown),)


def test_pauses_and_recorded_values_are_found_too() -> None:
    log = running()
    log.add(make.pause(step_key="a", people_needed=2))
    log.add(make.answer(closes=False), ANNE)
    log.add(ValueRecorded(step_key="v", source="uuid", value="x"))
    rows = {row.step_key: (row.requested_seq, row.completed_seq) for row in steps_of(log, 2)}
    assert rows == {"a": (3, None), "v": (5, 5)}
    log.add(make.answer(decision="rejected"), ANNE)
    assert steps_of(log, 5) == (StepRow(step_key="a", requested_seq=3, completed_seq=6),)


def test_all_rows_of_a_batch() -> None:
    log = running()
    before = log.state
    log.add(make.asked("m"))
    log.add(make.tool("t"))
    log.add(make.pause())
    rows = projection_rows(before, log.state, log.events[2:])
    assert rows.fleet == fleet_row(log.state)
    assert [row.item_id for row in rows.inbox_opened] == ["p1"]
    assert [(row.thread, row.place, row.seq, row.part) for row in rows.context] == [(3, 0, 3, 0)]
    assert {row.step_key for row in rows.steps} == {"m", "t", "step-p1"}
