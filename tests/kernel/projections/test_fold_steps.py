"""Steps: intents and outcomes, unknowns, retries, approvals, messages, spend."""

import pytest

from quarterdeck_kernel.events.people_events import PauseExpired
from quarterdeck_kernel.events.tool_events import ToolEvidence
from quarterdeck_kernel.projections.context_builder import EventMessage, extend, listed
from quarterdeck_kernel.projections.open_items import AllowedCall, AllowedRetry, Person
from quarterdeck_kernel.vocabulary.limits import ALLOWED_CALLS, OPEN_ITEMS
from quarterdeck_kernel.vocabulary.messages import Message
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, BEN, Log, running

READER = Message(role="user", text="go on")


def test_a_tool_call_is_open_until_its_outcome() -> None:
    log = running()
    seq = log.add(make.tool(estimate_micros=40, call_id="c"))
    intent = log.state.tool_intents[seq]
    assert (intent.step_key, intent.call_id, intent.effect) == ("t1", "c", "once")
    assert (log.state.spend.reserved_micros, log.state.spend.tool_calls) == (40, 1)
    log.add(make.done(seq, cost_micros=30, duration_us=8))
    spend = log.state.spend
    assert log.state.tool_intents == {}
    assert (spend.reserved_micros, spend.cost_micros, spend.busy_us) == (0, 30, 8)
    assert not spend.cost_unknown


def test_a_call_that_was_not_dispatched_does_not_count() -> None:
    log = running()
    log.add(make.done(log.add(make.tool()), "not_dispatched"))
    assert log.state.spend.used("tool_calls") == 0
    assert log.state.vitals.error_streak == 0


def test_an_unknown_outcome_stays_open_with_its_reservation() -> None:
    log = running()
    seq = log.add(make.tool(estimate_micros=40))
    log.add(make.done(seq, "unknown_outcome"))
    assert log.state.unknowns[seq].name == "pay"
    assert log.state.spend.reserved_micros == 40
    probe = {"intent_seq": seq, "source": "probe", "verdict": "cannot_tell", "detail": None}
    evidence = log.add(ToolEvidence.model_validate(probe))
    assert log.state.unknowns[seq].evidence == "cannot_tell"
    assert log.state.unknowns[seq].evidence_seq == evidence
    log.add(make.settled(seq, "done"), ANNE)
    assert not log.state.blocked
    assert (log.state.spend.reserved_micros, log.state.spend.cost_unknown) == (0, True)


def test_evidence_for_what_is_settled_changes_nothing() -> None:
    log = running()
    seq = log.add(make.tool())
    log.add(make.done(seq))
    late = {"intent_seq": seq, "source": "late_result", "detail": 1}
    log.add(ToolEvidence.model_validate(late))
    assert log.state.unknowns == {}


def test_a_decided_retry_is_one_permission() -> None:
    log = running()
    seq = log.add(make.tool())
    log.add(make.done(seq, "unknown_outcome"))
    unknown = log.state.unknowns[seq]
    decision = log.add(make.settled(seq, "retry"), ANNE)
    allowed = AllowedRetry(seq, decision, "t1", "key-t1", 2, decided=True, unknown=unknown)
    assert log.state.allowed_retries == {seq: allowed}
    assert log.refusal(make.tool()) is not None
    assert log.refusal(make.tool(attempt=2)) is not None
    assert log.refusal(make.tool(attempt=3, decision_seq=decision)) is not None
    assert log.refusal(make.tool("t2", attempt=2, decision_seq=decision)) is not None
    again = make.tool(attempt=2, decision_seq=decision)
    log.add(make.done(log.add(again)))
    assert log.state.allowed_retries == {}
    assert log.refusal(again) is not None


def test_a_decided_retry_runs_while_another_unknown_is_open() -> None:
    log = running()
    first, second = log.add(make.tool("t1")), log.add(make.tool("t2"))
    log.add(make.done(first, "unknown_outcome"))
    log.add(make.done(second, "unknown_outcome"))
    decision = log.add(make.settled(first, "retry"), ANNE)
    assert log.refusal(make.tool("t3")) is not None
    log.add(make.tool("t1", attempt=2, decision_seq=decision))


def test_a_certified_transient_error_allows_one_more_try() -> None:
    log = running()
    log.add(make.done(log.add(make.tool()), "transient_error"))
    assert log.refusal(make.tool(attempt=2, idempotency_key="other")) is not None
    log.add(make.done(log.add(make.tool(attempt=2)), "permanent_error"))
    assert "needs a recorded decision" in str(log.refusal(make.tool(attempt=3)))


def test_reads_are_tried_again_without_asking() -> None:
    log = running()
    log.add(make.done(log.add(make.tool(effect="read")), "transient_error"))
    assert log.state.allowed_retries == {}
    log.add(make.tool(effect="read", attempt=2))


def test_permissions_do_not_pile_up() -> None:
    log = running()
    for number in range(ALLOWED_CALLS + 5):
        log.add(make.done(log.add(make.tool(f"t{number}")), "transient_error"))
    assert len(log.state.allowed_retries) == ALLOWED_CALLS
    assert all(retry.step_key != "t0" for retry in log.state.allowed_retries.values())
    for number in range(ALLOWED_CALLS + 5):
        log.add(make.pause(f"p{number}"))
        log.add(make.answer(f"p{number}"), ANNE)
    assert len(log.state.allowed_calls) == ALLOWED_CALLS
    assert "p0" not in log.state.allowed_calls


def test_an_approval_allows_its_call_once() -> None:
    log = running()
    log.add(make.pause(step_key="t1"))
    decision = log.add(make.answer(), ANNE)
    allowed = AllowedCall("p1", decision, "approved", "t1", "pay", "d")
    assert log.state.allowed_calls == {"p1": allowed}
    log.add(make.pause("p2"))
    assert log.refusal(make.tool("t9")) is not None
    assert log.refusal(make.tool("t1", pause_id="p1", digest="other")) is not None
    assert log.refusal(make.tool("t9", pause_id="p1")) is not None
    assert log.refusal(make.tool("t1", pause_id="p2")) is not None
    log.add(make.done(log.add(make.tool("t1", pause_id="p1"))))
    assert log.state.allowed_calls == {}
    assert log.refusal(make.tool("t1", pause_id="p1")) is not None


def test_asking_again_voids_an_answer_never_used() -> None:
    log = running()
    log.add(make.pause(step_key="t1"))
    log.add(make.answer(), ANNE)
    log.add(make.pause("p2", step_key="t1"))
    assert log.state.allowed_calls == {}


def test_an_edit_binds_the_call_to_its_own_digest() -> None:
    log = running()
    log.add(make.pause(step_key="t1"))
    log.add(make.answer(decision="edited", digest="e"), ANNE)
    assert log.refusal(make.tool("t1", pause_id="p1")) is not None
    log.add(make.tool("t1", pause_id="p1", digest="e"))


def test_an_answer_to_a_question_allows_no_call() -> None:
    log = running()
    log.add(make.pause(type="input", tool=None, digest=None))
    log.add(make.answer(decision="answered", digest=None), ANNE)
    assert (log.state.pauses, log.state.allowed_calls) == ({}, {})


@pytest.mark.parametrize(
    "other",
    [
        {"name": "ANNE", "os_user": "cook", "host": "galley"},
        {"name": " anne", "os_user": "cook", "host": "galley"},
        {"name": "\uff41nne", "os_user": "cook", "host": "galley"},
        {"name": "eve", "os_user": "anne", "host": "galley"},
        {"name": "eve", "os_user": "Anne", "host": "bridge"},
        {"name": "anne", "os_user": None, "host": None},
    ],
    ids=str,
)
def test_nobody_counts_twice_under_another_spelling_name_or_host(other: dict[str, str]) -> None:
    log = running()
    log.add(make.pause(people_needed=2))
    log.add(make.answer(closes=False), ANNE)
    assert "another person" in str(log.refusal(make.answer(), ANNE.model_copy(update=other)))


def test_two_people_must_agree() -> None:
    log = running()
    log.add(make.pause(people_needed=2))
    assert log.refusal(make.answer(), ANNE) is not None
    log.add(make.answer(closes=False), ANNE)
    assert log.state.pauses["p1"].agreed == (Person("anne", "anne@bridge"),)
    assert "another person" in str(log.refusal(make.answer(), ANNE))
    same = ANNE.model_copy(update={"name": "somebody else"})
    assert "another person" in str(log.refusal(make.answer(), same))
    elsewhere = ANNE.model_copy(update={"host": "galley", "os_user": "cook"})
    assert "another person" in str(log.refusal(make.answer(), elsewhere))
    log.add(make.answer(), BEN)
    assert log.state.pauses == {}


def test_an_edit_asks_the_others_afresh() -> None:
    log = running()
    log.add(make.pause(people_needed=2))
    log.add(make.answer(closes=False), ANNE)
    assert log.refusal(make.answer(decision="edited", digest="e"), BEN) is not None
    log.add(make.answer(decision="edited", digest="e", closes=False), BEN)
    assert log.state.pauses["p1"].agreed == (Person("ben", "ben@bridge"),)
    assert log.refusal(make.answer(), ANNE) is not None
    log.add(make.answer(digest="e"), ANNE)


def test_rejection_and_expiry_close_and_count_as_denied() -> None:
    log = running()
    log.add(make.pause())
    log.add(make.answer(decision="rejected"), ANNE)
    log.add(make.pause("p2", expires_at_us=log.at_us))
    log.add(PauseExpired(pause_id="p2", expired_at_us=log.at_us))
    assert (log.state.pauses, log.state.allowed_calls) == ({}, {})
    assert log.state.vitals.uncertainty == 1.0


def test_a_model_request_is_open_until_a_final_outcome() -> None:
    log = running()
    seq = log.add(make.asked(estimate_micros=90))
    log.add(make.failed(seq, error="interrupted", final=False, cost_micros=None))
    spend = log.state.spend
    assert log.state.model_intents[seq].attempt == 2
    assert (spend.model_calls, spend.reserved_micros, spend.unknown_costs) == (2, 90, 1)
    assert log.state.vitals.error_streak == 0, "an interrupted try is nobody's error"
    log.add(make.answered(seq))
    spend = log.state.spend
    assert log.state.model_intents == {}
    assert (spend.cost_micros, spend.reserved_micros, spend.used("tokens")) == (70, 0, 120)
    assert (spend.used("model_calls"), spend.used("wall_time_us")) == (2, 1000)
    assert log.state.conditions.model == "small-1"


def ask_and_fail(log: Log) -> int:
    message = log.state.messages["k"]
    assert message.digest is not None
    said = EventMessage(message.seq, message.digest)
    request = log.add(make.asked("m1", extend(log.state.conversation, None, [said])))
    assert log.state.messages["k"].carried_by == request
    assert log.refusal(make.said(withdrawn=True), ANNE) is not None
    log.add(make.failed(request))
    return request


def test_what_an_operator_said_is_used_once_a_request_with_it_is_answered() -> None:
    log = running()
    log.add(make.said(), ANNE)
    request = ask_and_fail(log)
    context = log.state.conversation.last
    assert context is not None
    assert set(log.state.messages) == {"k"}, "a failed request has used nothing"
    payload = log.events[request - 1].payload
    base = listed(request, payload.context, None)  # type: ignore[union-attr]
    again = log.add(make.asked("m2", extend(log.state.conversation, base, [READER])))
    assert log.state.messages["k"].carried_by == again
    log.add(make.answered(again, "m2"))
    assert log.state.messages == {}


def test_a_side_request_uses_nothing() -> None:
    log = running()
    seq = log.add(make.said(), ANNE)
    digest = log.state.messages["k"].digest
    assert digest is not None
    built = extend(log.state.conversation, None, [EventMessage(seq, digest)], main=False)
    request = log.add(make.asked("x", built, purpose="extraction"))
    log.add(make.answered(request, "x"))
    assert set(log.state.messages) == {"k"}
    assert log.state.vitals.context_tokens == 0


def test_a_message_is_withdrawn_until_used() -> None:
    log = running()
    log.add(make.said(), ANNE)
    assert "with the same text" in str(log.refusal(make.said(), BEN))
    assert "with another text" in str(log.refusal(make.said(text="slowly"), BEN))
    log.add(make.said(withdrawn=True), ANNE)
    assert log.state.messages == {}
    assert log.refusal(make.said(withdrawn=True), ANNE) is not None


def test_workflow_steps() -> None:
    log = running()
    seq = log.add(make.step(effect="once"))
    assert log.refusal(make.step()) is not None
    log.add(make.step_done(seq, "unknown_outcome"))
    assert log.state.unknowns[seq].kind == "workflow"
    assert log.refusal(make.step("w2")) is not None
    log.add(make.settled(seq, "retry"), ANNE)
    again = log.add(make.step(effect="once"))
    assert log.state.allowed_retries == {}
    log.add(make.step_done(again))
    assert log.state.vitals.side_effects == pytest.approx(0.2)
    log.add(make.step_done(log.add(make.step("w2", effect="read"))))
    log.add(make.step_done(log.add(make.step("w3")), "error"))
    assert log.state.vitals.error_streak == 1


def test_what_can_be_open_at_once_is_bounded() -> None:
    log = running()
    for number in range(OPEN_ITEMS):
        log.add(make.said(f"k{number}"), ANNE)
    assert "limit" in str(log.refusal(make.said("one more"), ANNE))
