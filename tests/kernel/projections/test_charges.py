"""The ledger and the accounts, against a naive recount of random logs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck_kernel.errors import IllegalMoveError
from quarterdeck_kernel.events.agent_events import ChildFinished, ChildStarted
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed, ModelRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.projections import charges
from quarterdeck_kernel.projections.charges import account_moves, ledger_rows
from quarterdeck_kernel.projections.open_items import ModelIntent, OpenUnknown, ToolIntent
from quarterdeck_kernel.projections.rows import summed
from quarterdeck_kernel.projections.run_state import RunState, empty, fold
from quarterdeck_kernel.vocabulary.budgets import unit_of
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import Log, running
from tests.kernel.projections.random_run import ACCOUNTS, UNITS, RandomRun

SEEDS = st.integers(0, 2**32)


def passed(log: Log) -> Iterator[tuple[RunState, RunState, Event]]:
    state = empty()
    for event in log.events:
        before, state = state, fold(state, [event])
        yield before, state, event


def kept(log: Log) -> dict[str, list[int]]:
    """Return what accounts hold behind a log: spent, reserved."""
    accounts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for before, after, event in passed(log):
        for move in account_moves(before, after, event):
            accounts[move.account][0] += move.spend
            accounts[move.account][1] += move.reserve
    return accounts


def recounted(events: Sequence[Event]) -> dict[str, int]:
    """Return the sums of a log as somebody counts them who knows nothing of the fold."""
    sums: dict[str, int] = defaultdict(int)
    for event in events:
        match event.payload:
            case ToolRequested():
                sums["tool_calls"] += 1
            case ToolCompleted() as done:
                sums["tool_calls"] -= done.outcome == "not_dispatched"
                sums["micros"] += done.cost_micros or 0
                sums["wall_time_us"] += done.duration_us or 0
            case ModelRequested():
                sums["model_calls"] += 1
            case ModelCompleted() as answer:
                sums["micros"] += answer.cost_micros or 0
                sums["tokens"] += answer.usage.input_tokens + answer.usage.output_tokens
                sums["wall_time_us"] += answer.duration_us
            case ModelFailed() as failure:
                sums["micros"] += failure.cost_micros or 0
                sums["model_calls"] += not failure.final
            case _:
                pass
    return sums


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_the_ledger_is_what_a_naive_recount_gives(seed: int) -> None:
    log = RandomRun(seed, may_end=True).go(120)
    rows = summed(row for step in passed(log) for row in ledger_rows(*step))
    expected = recounted(log.events)
    assert sum(row.cost_micros for row in rows) == expected["micros"]
    assert sum(row.input_tokens + row.output_tokens for row in rows) == expected["tokens"]
    assert sum(row.model_calls for row in rows) == expected["model_calls"]
    assert sum(row.tool_calls for row in rows) == expected["tool_calls"]
    assert sum(row.busy_us for row in rows) == expected["wall_time_us"]
    assert {row.tenant for row in rows} <= {"acme"}


@settings(max_examples=60, deadline=None, report_multiple_bugs=False)
@given(SEEDS)
def test_accounts_reserve_what_is_open_and_nothing_else(seed: int) -> None:
    log = RandomRun(seed, may_end=True).go(120)
    state = log.state
    holders: list[ToolIntent | ModelIntent | OpenUnknown] = [
        *state.tool_intents.values(),
        *state.model_intents.values(),
        *state.unknowns.values(),
    ]
    still_open = [holder.reserved for holder in holders if holder.reserved.accounts]
    accounts = kept(log)
    reserved = {unit_of(name): account[1] for name, account in accounts.items()}
    assert reserved.get("micros", 0) == sum(each.micros or 0 for each in still_open)
    assert reserved.get("tokens", 0) == sum(each.tokens for each in still_open)
    assert not any(reserved.get(unit, 0) for unit in UNITS[2:])
    spent = {unit_of(name): account[0] for name, account in accounts.items()}
    for unit in UNITS:
        assert 0 <= spent.get(unit, 0) <= _used(state, unit)
    if state.terminal:
        assert not any(reserved.values())


def _used(state: RunState, unit: str) -> int:
    spend = state.spend
    own = spend.cost_micros + spend.assumed_micros
    return own if unit == "micros" else spend.used(unit)  # type: ignore[arg-type]


def test_accounts_that_are_settled_by_nobody_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = charges._changed
    monkeypatch.setattr(
        charges, "_changed", lambda *states: [c for c in changed(*states) if c[1] > 0]
    )
    with pytest.raises(AssertionError):
        test_accounts_reserve_what_is_open_and_nothing_else()


def test_a_fork_reserves_nothing_of_its_parents() -> None:
    parent = running()
    parent.add(make.tool(effect="once", estimate_micros=9, accounts=ACCOUNTS))
    child = parent.fork(parent.state.head_seq)
    before = parent.state
    assert account_moves(before, child.state, child.events[-1]) == ()
    assert child.state.spend.reserved_micros == 0
    assert [item.reserved.accounts for item in child.state.unknowns.values()] == [()]


@pytest.mark.parametrize(
    ("allotment", "word"),
    [
        (-1, "below zero"),
        (None, "needs an allotment"),
        (61, "has 60 micro-dollars left"),
        (60, None),
    ],
)
def test_a_child_has_no_more_than_its_parent(allotment: int | None, word: str | None) -> None:
    log = running(budget_micros=100)
    log.add(ChildStarted(child_run_id="first", agent="reader", allotment_micros=40))
    second = ChildStarted(child_run_id="second", agent="reader", allotment_micros=allotment)
    if word is not None:
        with pytest.raises(IllegalMoveError, match=word):
            log.add(second)
        return
    log.add(second)
    assert log.state.budgets_left == {"micros": 0}
    done = {"status": "succeeded", "head_seq": 9, "head_hash": "h"}
    log.add(ChildFinished.model_validate({"child_run_id": "first", "spent_micros": 10, **done}))
    assert log.state.budgets_left == {"micros": 30}
    with pytest.raises(IllegalMoveError, match="cannot have spent -1"):
        log.add(
            ChildFinished.model_validate({"child_run_id": "second", "spent_micros": -1, **done})
        )


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_no_run_sleeps_that_has_not_ended(seed: int) -> None:
    log = RandomRun(seed, may_end=True).go(100)
    for _, state, _ in passed(log):
        assert (state.mode == "sleep") <= state.terminal
        assert len(state.recent_calls) <= 20
