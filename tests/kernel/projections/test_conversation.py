"""Conversations: contexts by reference, rows, and reading them back."""

import pytest

from quarterdeck_kernel.errors import IntegrityError, InvalidError, LimitExceededError
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.run_events import RunStarted
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.projections.context_builder import (
    Base,
    Built,
    Cut,
    EventMessage,
    Piece,
    build,
    extend,
    listed,
)
from quarterdeck_kernel.projections.conversation import (
    BaseNeeded,
    Span,
    base_needed,
    context_of,
    context_rows,
    spans,
)
from quarterdeck_kernel.projections.open_items import Place
from quarterdeck_kernel.projections.rebuild import message_of, placeholder, rebuild
from quarterdeck_kernel.vocabulary.limits import CONTEXT_MESSAGES, TRACKED_THREADS
from quarterdeck_kernel.vocabulary.messages import Message, Segment
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, Log, running


def user(text: str) -> Message:
    return Message(role="user", text=text)


def request(log: Log, built: Built, base: Base | None, **changes: object) -> tuple[int, Base]:
    seq = log.add(make.asked(f"m{log.state.head_seq}", built, **changes))
    return seq, listed(seq, built.context, base)


def talk() -> tuple[Log, int, Base]:
    """A question, an answer with a tool call, its result, an operator's word, the next request."""
    log = running()
    built = build(log.state.conversation, None, [user("one"), user("two")])
    seq, base = request(log, built, None)
    reply = log.add(make.answered(seq, tool_calls=1))
    result = log.add(make.done(log.add(make.tool(call_id="c")), call_id="c", result={"b": 1}))
    word = log.add(make.said(), ANNE)
    held = [
        EventMessage(at, message_of(log.events[at - 1]).digest()) for at in (reply, result, word)
    ]
    seq, base = request(log, extend(log.state.conversation, base, [*held, user("new")]), base)
    return log, seq, base


def test_a_turn_extends_its_thread_by_what_is_new() -> None:
    log, seq, base = talk()
    context = context_of(log.events[seq - 1])
    assert context is not None
    assert base_needed(log.state, context) is None
    rows = context_rows(seq, context)
    assert [(row.thread, row.place, row.seq, row.part) for row in rows] == [
        (3, 2, 4, -1),
        (3, 3, 6, -1),
        (3, 4, 7, -1),
        (3, 5, seq, 0),
    ]
    assert [row.place for row in base.rows] == list(range(6))
    assert log.state.conversation.last == Place(seq, 3, 6, 6)
    assert spans(base.place) == (Span(3, 0, 6),)


def read_back(log: Log) -> dict[int, Event]:
    return {event.seq: event for event in log.read()}


def test_it_is_read_back_as_it_was_sent() -> None:
    log, seq, base = talk()
    context = context_of(log.events[seq - 1])
    assert context is not None
    rebuilt = rebuild(seq, context, base.rows, read_back(log))
    assert [message.text for message in rebuilt.messages] == [
        "one",
        "two",
        "answer to 3",
        '{"b":1}',
        "hurry",
        "new",
    ]
    assert [message.role for message in rebuilt.messages][2:5] == ["assistant", "tool", "user"]
    assert rebuilt.messages[3].call_id == "c"
    assert rebuilt.erased == ()


def test_erased_content_is_shown_as_erased() -> None:
    log, seq, base = talk()
    context = context_of(log.events[seq - 1])
    assert context is not None
    events = read_back(log)
    for gone in (3, 4, 6):
        record = log.records[gone - 1]._replace(salt=None, payload=None, commitment=b"c")
        events[gone] = open_record(record)
    rebuilt = rebuild(seq, context, base.rows, events)
    assert rebuilt.erased == (3, 4, 6)
    assert [message.text for message in rebuilt.messages] == [
        "[erased: event #3]",
        "[erased: event #3]",
        "[erased: event #4]",
        "[erased: event #6]",
        "hurry",
        "new",
    ]
    assert rebuilt.messages[2] == placeholder(events[4])
    assert [m.role for m in rebuilt.messages] == [
        "user",
        "user",
        "assistant",
        "tool",
        "user",
        "user",
    ]
    assert rebuilt.messages[3].call_id == "c"
    assert context_rows(
        seq, context_of(open_record(log.records[seq - 1], facts_only=True)) or context
    )


def test_a_changed_message_is_named() -> None:
    log, seq, base = talk()
    context = context_of(log.events[seq - 1])
    assert context is not None
    events = read_back(log)
    changed = events[7].payload.model_copy(update={"text": "wait"})  # type: ignore[union-attr]
    events[7] = events[7]._replace(payload=changed)
    with pytest.raises(IntegrityError, match="message of event #7 is not the one that event #8"):
        rebuild(seq, context, base.rows, events)


def test_missing_or_moved_rows_are_named() -> None:
    log, seq, base = talk()
    context = context_of(log.events[seq - 1])
    assert context is not None
    for rows in (base.rows[1:], base.rows[::-1]):
        with pytest.raises(IntegrityError, match="event #8"):
            rebuild(seq, context, rows, read_back(log))


def test_content_that_was_not_read_is_no_message() -> None:
    log, _, _ = talk()
    with pytest.raises(InvalidError, match="#4 is left_out; read it whole"):
        message_of(log.facts()[3])


def test_only_some_events_hold_messages() -> None:
    log = running()
    seq = log.add(PhaseEntered(turn=1, phase="rest"))
    with pytest.raises(IntegrityError, match="holds no message"):
        message_of(log.events[seq - 1])
    asked = log.add(make.asked())
    with pytest.raises(IntegrityError, match="holds no message 1"):
        message_of(log.events[asked - 1], 1)
    assert message_of(log.events[asked - 1], 0) == user("hello")


def test_what_a_model_is_told_of_a_tool() -> None:
    log = running()
    texts = []
    outcomes: list[ToolCompleted | ToolReconciled] = [
        make.done(3, result="plain"),
        make.done(3, result=None),
        make.done(3, "permanent_error"),
        make.done(3, "permanent_error", error=None, cause="timeout"),
        make.done(3, "transient_error", error=None),
        make.settled(3, "done"),
        make.settled(3, "failed"),
        make.settled(3, "failed", reason=None),
    ]
    for outcome in outcomes:
        other = Log()
        other.state = log.state
        other.add(outcome, legal=False)
        texts.append(message_of(other.events[0]).text)
        assert message_of(other.events[0]).digest() == outcome.message_digest
    expected = ["plain", "null", "broken", "timeout", "transient_error", "paid"]
    assert texts == [*expected, "asked the bank", "failed"]


def test_a_side_request_costs_only_what_it_adds() -> None:
    log, _, base = talk()
    built = extend(log.state.conversation, base, [user("extract")], main=False)
    seq, side = request(log, built, base, purpose="extraction")
    assert base_needed(log.state, built.context) is None
    assert [(r.thread, r.place) for r in context_rows(seq, built.context)] == [(seq, 6)]
    assert spans(side.place) == (Span(3, 0, 6), Span(seq, 6, 7))
    assert spans(side.place, 5, 99) == (Span(3, 5, 6), Span(seq, 6, 7))
    assert log.state.conversation.last == base.place, "the next turn goes on from the turn"
    repair = extend(log.state.conversation, side, [user("fix it")], main=False)
    assert (repair.context.thread, repair.context.shared) == (3, 6)
    needed = base_needed(log.state, repair.context)
    assert needed == BaseNeeded(seq, 6, 7, side.place)
    with pytest.raises(InvalidError, match="message 6 of the list of #9 is needed"):
        context_rows(99, repair.context)
    rows = context_rows(99, repair.context, side.rows)
    assert [(row.thread, row.place) for row in rows] == [(99, 6), (99, 7)]


def test_a_turn_that_goes_on_from_a_branch_is_copied_once() -> None:
    log, _, base = talk()
    first, _ = request(log, extend(log.state.conversation, base, [user("a")]), base)
    second_built = extend(log.state.conversation, base, [user("b")])
    second, branch = request(log, second_built, base)
    assert (second_built.context.thread, second_built.context.shared) == (3, 6)
    third_built = extend(log.state.conversation, branch, [user("c")])
    assert third_built.context.thread is None
    needed = base_needed(log.state, third_built.context)
    assert needed == BaseNeeded(second, 0, 7, branch.place)
    third, own = request(log, third_built, branch)
    assert spans(own.place) == (Span(third, 0, 8),)
    fourth = extend(log.state.conversation, own, [user("d")])
    assert fourth.context.thread == third
    assert log.state.conversation.threads == {3: 7, third: 8}
    assert first < second < third


def test_a_forgotten_base_has_to_be_read() -> None:
    log, _, base = talk()
    built = build(log.state.conversation, base, [Cut(1, 3), user("x")])
    log.add(make.answered(8, f"m{7}"))
    log.add(make.asked("other"))
    log.add(make.answered(log.state.head_seq, "other"))
    assert base_needed(log.state, built.context) == BaseNeeded(8, 1, 3, None)


def test_compaction_begins_a_thread_of_its_own() -> None:
    log, _, base = talk()
    summary = user("so far: little")
    built = build(log.state.conversation, base, [Cut(0, 1), summary, Cut(4, 6)])
    assert built.context.thread is None
    assert base_needed(log.state, built.context) == BaseNeeded(8, 0, 6, base.place)
    seq = log.add(make.compacted(8, built))
    short = listed(seq, built.context, base)
    assert [row.thread for row in short.rows] == [seq] * 4
    assert [row.seq for row in short.rows] == [3, seq, 7, 8]
    assert log.state.vitals.context_tokens == 100
    last, after = request(log, extend(log.state.conversation, short, [user("z")]), short)
    context = context_of(log.events[last - 1])
    assert context is not None
    assert context.thread == seq
    texts = [m.text for m in rebuild(last, context, after.rows, read_back(log)).messages]
    assert texts == ["one", "so far: little", "hurry", "new", "z"]
    assert message_of(log.events[seq - 1]) == summary


def test_compaction_keeps_what_a_failed_request_carried() -> None:
    log, seq, base = talk()
    assert log.state.messages["k"].carried_by == seq
    built = build(log.state.conversation, base, [Cut(0, 1), user("s"), Cut(4, 6)])
    compaction = log.add(make.compacted(8, built))
    assert log.state.messages["k"].carried_by == compaction


def test_a_list_sent_again_changes_no_thread() -> None:
    log, _, base = talk()
    built = extend(log.state.conversation, base, [])
    seq, again = request(log, built, base)
    assert context_rows(seq, built.context) == ()
    assert again.rows == base.rows
    cut = build(log.state.conversation, again, [Cut(0, 3)])
    _, shorter = request(log, cut, again)
    assert log.state.conversation.threads == {3: 6}
    assert shorter.rows == base.rows[:3]


def test_a_fork_does_not_extend_what_it_inherited() -> None:
    log, seq, base = talk()
    fork = log.fork(seq)
    assert fork.state.conversation.last == base.place
    built = extend(fork.state.conversation, base, [user("else")])
    assert (built.context.thread, built.context.shared) == (3, 6)
    bold = extend(log.state.conversation, base, [user("else")])
    assert bold.context.shared == 7
    fork.add(RunStarted(holder="h", kernel_version="1"))
    assert "branch from it" in str(fork.refusal(make.asked("m", bold)))


def test_only_the_last_threads_are_followed() -> None:
    log = running()
    bases = []
    for number in range(TRACKED_THREADS + 3):
        built = build(log.state.conversation, None, [user(f"{number}")])
        bases.append(request(log, built, None)[1])
        if number > 0:
            # The first thread stays in use, so it is never the least recent.
            again = extend(log.state.conversation, bases[0], [user("more")])
            bases[0] = request(log, again, bases[0])[1]
    threads = log.state.conversation.threads
    assert len(threads) == TRACKED_THREADS
    assert bases[0].place.thread in threads
    assert bases[1].place.thread not in threads
    assert extend(log.state.conversation, bases[1], [user("x")]).context.shared == 1


def test_new_messages_in_a_row_are_one_segment() -> None:
    log, _, base = talk()
    pieces: list[Piece] = [user("a"), user("b"), Cut(0, 1), user("c")]
    built = build(log.state.conversation, base, pieces)
    assert built.context.segments == (
        Segment(source="new", start=0, stop=2),
        Segment(source="base", start=0, stop=1),
        Segment(source="new", start=2, stop=3),
    )
    rows = context_rows(99, built.context, base.rows)
    assert [(row.place, row.seq, row.part) for row in rows] == [
        (0, 99, 0),
        (1, 99, 1),
        (2, 3, 0),
        (3, 99, 2),
    ]


def test_a_context_that_cannot_be_is_refused() -> None:
    log, _, base = talk()
    for cut in (Cut(0, 7), Cut(3, 3), Cut(-1, 2)):
        with pytest.raises(InvalidError, match="not in the base's list of 6"):
            build(log.state.conversation, base, [cut])
    with pytest.raises(InvalidError, match="list of 0"):
        build(log.state.conversation, None, [Cut(0, 1)])
    many = [EventMessage(1, "d")] * (CONTEXT_MESSAGES + 1)
    with pytest.raises(LimitExceededError, match="compact it"):
        build(log.state.conversation, None, many)


def test_a_list_of_tools_is_remembered_where_it_was_last_whole() -> None:
    log = running()
    tools = build(log.state.conversation, None, [user("schema")]).context
    seq = log.add(make.asked(tools=tools))
    assert (log.state.conversation.tools_seq, log.state.conversation.tools_digest) == (
        seq,
        tools.digest,
    )
