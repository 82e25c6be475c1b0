"""What is in doubt stays so until somebody settles it, whatever was decided meanwhile."""

import pytest

from quarterdeck_kernel.errors import IllegalMoveError
from quarterdeck_kernel.events.control_events import CancelRequested
from quarterdeck_kernel.events.tool_events import ToolEvidence
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, Log, running


def evidence(intent_seq: int, verdict: str) -> ToolEvidence:
    values = {"intent_seq": intent_seq, "source": "late_result", "verdict": verdict, "detail": None}
    return ToolEvidence.model_validate(values)


def doubted(estimate_micros: int | None = None) -> tuple[Log, int]:
    """Return a run with one unknown outcome."""
    log = running()
    seq = log.add(make.tool(estimate_micros=estimate_micros))
    log.add(make.done(seq, "unknown_outcome"))
    return log, seq


def again(log: Log, seq: int, attempt: int) -> int:
    """Decide on a further try of what is unknown, and write its intent."""
    decision = log.add(make.settled(seq, "retry"), ANNE)
    return log.add(make.tool(attempt=attempt, decision_seq=decision))


def test_a_cancel_puts_a_decided_try_in_doubt_again() -> None:
    log, seq = doubted(estimate_micros=40)
    before = log.state.unknowns[seq]
    log.add(make.settled(seq, "retry"), ANNE)
    assert (log.state.unknowns, log.state.spend.reserved_micros) == ({}, 0)
    log.add(CancelRequested(now=False, reason=None), ANNE)
    assert (log.state.unknowns, log.state.allowed_retries) == ({seq: before}, {})
    assert log.state.spend.reserved_micros == 40
    with pytest.raises(IllegalMoveError, match="cannot be tried again, because the run is to be"):
        log.add(make.settled(seq, "retry"), ANNE)


def test_a_late_done_puts_a_decided_try_in_doubt_again() -> None:
    log, seq = doubted()
    log.add(make.settled(seq, "retry"), ANNE)
    log.add(evidence(seq, "cannot_tell"))
    assert log.state.unknowns == {}
    told = log.add(evidence(seq, "done"))
    unknown = log.state.unknowns[seq]
    assert (unknown.evidence, unknown.evidence_seq) == ("done", told)
    assert log.state.allowed_retries == {}


def test_who_decides_knowing_that_it_was_done_may_try_again() -> None:
    log, seq = doubted()
    log.add(evidence(seq, "done"))
    intent = again(log, seq, 2)
    assert not log.state.tool_intents[intent].overtaken
    log.add(make.done(intent, "not_dispatched"))
    assert list(log.state.allowed_retries) == [seq]


def test_a_late_done_beside_the_open_try_keeps_it_from_being_made_again() -> None:
    log, seq = doubted()
    intent = again(log, seq, 2)
    log.add(evidence(seq, "done"))
    assert log.state.tool_intents[intent].overtaken
    log.add(make.done(intent, "not_dispatched"))
    assert log.state.allowed_retries == {}
    assert log.state.unknowns[seq].evidence == "done"


def test_a_late_done_of_an_earlier_try_speaks_for_the_later_ones() -> None:
    log, first = doubted()
    second = again(log, first, 2)
    log.add(make.done(second, "unknown_outcome"))
    log.add(evidence(first, "not_done"))
    assert log.state.unknowns[second].evidence is None
    third = again(log, second, 3)
    log.add(evidence(first, "done"))
    assert log.state.tool_intents[third].overtaken
    log.add(make.done(third, "unknown_outcome"))
    assert log.state.unknowns[third].evidence == "done"
    assert log.state.unknowns[third].earlier == (first, second)


def test_evidence_before_its_unknown_stands_beside_it() -> None:
    log = running()
    seq = log.add(make.tool())
    told = log.add(evidence(seq, "done"))
    log.add(make.done(seq, "unknown_outcome"))
    unknown = log.state.unknowns[seq]
    assert (unknown.evidence, unknown.evidence_seq) == ("done", told)


def test_weaker_evidence_does_not_take_the_place_of_stronger() -> None:
    log, seq = doubted()
    for verdict, kept in (("cannot_tell",) * 2, ("not_done",) * 2, ("cannot_tell", "not_done")):
        log.add(evidence(seq, verdict))
        assert log.state.unknowns[seq].evidence == kept
    log.add(evidence(seq, "done"))
    log.add(evidence(seq, "not_done"))
    assert log.state.unknowns[seq].evidence == "done"


def test_a_state_with_doubts_is_stored_whole() -> None:
    log, seq = doubted()
    second = again(log, seq, 2)
    log.add(evidence(seq, "done"))
    assert type(log.state).load(log.state.dump()) == log.state
    log.add(make.done(second, "unknown_outcome"))
    assert type(log.state).load(log.state.dump()) == log.state
