"""The oracle upon logs of the kernel's own making: what it passes, and what it finds."""

from collections.abc import Callable

import pytest

from quarterdeck_kernel.engine.log_reader import state_at
from quarterdeck_kernel.events.control_events import CancelRequested, Held
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.run_events import RunCancelled, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from tests.kernel.engine.acts import ADA, completed, driven, requested, unknown, write
from tests.simulation.effects import Violation
from tests.simulation.oracle import Effect, check


def log_of(*payloads: AnyEvent, epoch: int | None = 1) -> list[Event]:
    """Return events without a store: the oracle must judge what no journal would write."""
    return [
        Event("run", seq, "", p.kind, "acme", seq, _actor(p), epoch, None, "", p)
        for seq, p in enumerate(payloads, 1)
    ]


def _actor(payload: AnyEvent) -> Actor:
    return ADA if payload.kind in {"held", "cancel_requested"} else AGENT


def closed(intent_seq: int, outcome: str) -> ToolCompleted:
    return ToolCompleted.model_validate(
        {"intent_seq": intent_seq, "outcome": outcome, "result": None, "error": None}
    )


def reconciled(intent_seq: int, verdict: str, by: str = "operator") -> ToolReconciled:
    return ToolReconciled.model_validate(
        {"intent_seq": intent_seq, "verdict": verdict, "by": by, "result": None, "reason": None}
    )


def again(step: str, attempt: int, decision_seq: int | None = None) -> ToolRequested:
    return requested(step).model_copy(update={"attempt": attempt, "decision_seq": decision_seq})


async def test_a_log_of_the_real_journal_passes() -> None:
    store = await SqliteStore.open(":memory:")
    journal = await driven(store)
    first = await write(journal, requested("a"), actor=AGENT)
    await write(journal, completed(first), actor=AGENT)
    second = await write(journal, requested("b"), actor=AGENT)
    await write(journal, unknown(second), actor=AGENT)
    decision = await write(journal, reconciled(second, "retry"))
    third = await write(journal, again("b", 2, decision), actor=AGENT)
    await write(journal, completed(third), actor=AGENT)
    await write(journal, RunSucceeded(answer=None), actor=AGENT)
    events = [open_record(record) for record in await store.read("run")]
    assert (await state_at(store, "run", len(events))).terminal
    await store.close()
    effects = [Effect("key-a", 1, called_seq=first, at_us=events[first - 1].at_us)]
    check(events, [*effects, Effect("key-b", 1), Effect("key-b", 2)], ended=True)
    with pytest.raises(Violation, match="does not follow"):
        check([*events[:2], *events[3:]])
    with pytest.raises(Violation, match="a second time"):
        check(events, effects * 2)


ONCE = requested("a")
FAULTS: dict[str, tuple[Callable[[], list[Event]], list[Effect]]] = {
    "no intent": (lambda: log_of(ONCE), [Effect("key-b", 1)]),
    "called before its intent": (lambda: log_of(ONCE), [Effect("key-a", 1, called_seq=0)]),
    "called behind its outcome": (
        lambda: log_of(ONCE, unknown(1)),
        [Effect("key-a", 1, called_seq=2)],
    ),
    "called while held": (
        lambda: log_of(ONCE, Held(by="operator", reason=None)),
        [Effect("key-a", 1, at_us=9, called_seq=2)],
    ),
    "happened, though not dispatched": (
        lambda: log_of(ONCE, closed(1, "not_dispatched")),
        [Effect("key-a", 1)],
    ),
    "happened, though certified as transient": (
        lambda: log_of(ONCE, closed(1, "transient_error")),
        [Effect("key-a", 1)],
    ),
    "happened twice by a probe": (
        lambda: log_of(ONCE, unknown(1), reconciled(1, "retry", "probe"), again("a", 2, 3)),
        [Effect("key-a", 1), Effect("key-a", 2)],
    ),
    "retried without a decision": (lambda: log_of(ONCE, unknown(1), again("a", 2)), []),
    "retried upon a decision of another": (
        lambda: log_of(ONCE, unknown(1), reconciled(1, "retry"), again("b", 1, 3)),
        [],
    ),
    "retried twice upon one decision": (
        lambda: log_of(
            ONCE, unknown(1), reconciled(1, "retry"), again("a", 2, 3), unknown(4), again("a", 3, 3)
        ),
        [],
    ),
    "done again": (lambda: log_of(ONCE, completed(1), ONCE), []),
    "two outcomes": (lambda: log_of(ONCE, completed(1), completed(1)), []),
    "intent while unknown": (lambda: log_of(ONCE, unknown(1), requested("b")), []),
    "intent while cancelled": (
        lambda: log_of(CancelRequested(now=True, reason=None), ONCE),
        [],
    ),
    "ends with an open call": (lambda: log_of(ONCE, RunSucceeded(answer=None)), []),
    "ends upon a retry never made": (
        lambda: log_of(ONCE, unknown(1), reconciled(1, "retry"), RunSucceeded(answer=None)),
        [],
    ),
    "cancelled by nobody": (lambda: log_of(RunCancelled(reason=None)), []),
    "written behind the end": (lambda: log_of(RunSucceeded(answer=None), ONCE), []),
    "written without a lease": (lambda: log_of(ONCE, epoch=None), []),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_oracle_finds(name: str) -> None:
    log, effects = FAULTS[name]
    with pytest.raises(Violation):
        check(log(), effects)


def test_an_operators_retry_may_do_it_twice() -> None:
    log = log_of(ONCE, unknown(1), reconciled(1, "retry"), again("a", 2, 3), completed(4))
    check(log, [Effect("key-a", 1), Effect("key-a", 2)])


def test_an_older_epoch_behind_a_newer_is_found() -> None:
    first, second = log_of(ONCE, completed(1))
    with pytest.raises(Violation, match="two drivers"):
        check([first._replace(epoch=2), second])


def test_a_result_that_was_not_told_is_found() -> None:
    log = log_of(ONCE, unknown(1))
    with pytest.raises(Violation, match="lost"):
        check(log, returned=[("key-a", 1)])


def test_a_run_that_never_ends_is_found() -> None:
    with pytest.raises(Violation, match="does not end"):
        check(log_of(ONCE), ended=True)
