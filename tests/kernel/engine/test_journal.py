"""The journal: deciding anew after a lost race, and never writing upon a state that is gone."""

import asyncio

import pytest

from quarterdeck_kernel import EventStore, Journal, RunState, state_at, verify
from quarterdeck_kernel.engine.log_reader import opened, pages_of_facts
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    HeadMovedError,
    IdempotencyKeyUsedError,
    IllegalMoveError,
    InvalidError,
    LeaseLostError,
    NotOwnedError,
    RunExistsError,
    RunNotFoundError,
    StoreFullError,
)
from quarterdeck_kernel.events.control_events import Held, Released
from quarterdeck_kernel.events.people_events import PauseResolved
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.run_state import FOLD_VERSION, empty, fold
from quarterdeck_kernel.vocabulary.limits import INLINE_PAYLOAD_BYTES, SNAPSHOT_EVERY
from tests.kernel.engine.acts import (
    ADA,
    BEN,
    approval,
    completed,
    driven,
    pause,
    queued,
    requested,
    started,
    succeeded,
    unknown,
    write,
)


async def test_five_concurrent_starts_with_one_id_give_one_run(store: EventStore) -> None:
    results = await asyncio.gather(
        *(
            Journal.begin(store, queued(), tenant="acme", actor=ADA, run_id="the-one")
            for _ in range(5)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Journal) for result in results) == 1
    losers = [result for result in results if not isinstance(result, Journal)]
    assert all(isinstance(loser, RunExistsError) and loser.run_id == "the-one" for loser in losers)
    assert [head.run_id for head in await store.heads()] == ["the-one"]


async def test_an_idempotency_key_names_the_run_it_made_before(store: EventStore) -> None:
    first = await Journal.begin(store, queued(key="march"), tenant="acme", actor=ADA)
    with pytest.raises(IdempotencyKeyUsedError) as caught:
        await Journal.begin(store, queued(key="march"), tenant="acme", actor=ADA)
    assert caught.value.run_id == first.run_id


async def test_loading_a_run_that_is_not_there_is_an_error(store: EventStore) -> None:
    with pytest.raises(RunNotFoundError, match="ghost"):
        await Journal.load(store, "ghost")


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "x" * 129, "é"])
async def test_ids_that_name_nothing_are_refused(store: EventStore, name: str) -> None:
    with pytest.raises(InvalidError):
        await Journal.begin(store, queued(), tenant="acme", actor=ADA, run_id=name)
    with pytest.raises(InvalidError):
        await Journal.begin(store, queued(), tenant=name, actor=ADA)
    assert await store.heads() == []


async def test_what_is_loaded_is_what_was_written(store: EventStore) -> None:
    journal = await driven(store)
    intent = await write(journal, requested("one", {"amount": 5}))
    await write(journal, completed(intent))
    loaded = await Journal.load(store, "run")
    assert loaded.state == journal.state


async def test_a_driver_decides_again_when_an_operator_was_faster(store: EventStore) -> None:
    journal = await driven(store)
    other = await Journal.load(store, "run")
    await write(other, Held(by="operator", reason="lunch"), actor=BEN)
    seen: list[bool] = []

    def decide(state: RunState) -> list[AnyEvent]:
        seen.append(bool(state.holds))
        return [] if state.holds else [requested("one")]

    assert await journal.append(decide) == ()
    assert seen == [False, True]


async def test_an_outcome_is_rebased_and_not_dropped(store: EventStore) -> None:
    journal = await driven(store)
    intent = await write(journal, requested("one"))
    other = await Journal.load(store, "run")
    await write(other, Held(by="operator", reason="lunch"), actor=BEN)
    seq = await write(journal, completed(intent))
    assert seq == intent + 2
    assert journal.state.tool_intents == {}
    assert journal.state.blocked


async def test_concurrent_decisions_of_one_journal_take_turns(store: EventStore) -> None:
    journal = await driven(store)
    await asyncio.gather(*(write(journal, requested(f"step-{n}")) for n in range(30)))
    records = await store.read("run")
    assert [record.seq for record in records] == list(range(1, 33))


async def test_a_driver_whose_lease_is_gone_stops(store: EventStore) -> None:
    journal = await driven(store)
    intent = await write(journal, requested("one"))
    await (await Journal.load(store, "run")).claim()
    with pytest.raises(LeaseLostError):
        await write(journal, completed(intent))
    assert len(await store.read("run")) == intent


async def test_of_two_people_the_second_is_told_who_was_first(store: EventStore) -> None:
    journal = await driven(store)
    await write(journal, pause("p1"))
    ada, ben = await Journal.load(store, "run"), await Journal.load(store, "run")
    await ada.append(lambda _: [approval("p1")], actor=ADA, stands="p1")
    with pytest.raises(AlreadySettledError, match=r"approved by operator:ada on bridge at .*#4"):
        await ben.append(lambda _: [approval("p1")], actor=BEN, stands="p1")
    answers = await store.read("run", kinds=["pause_resolved"])
    assert len(answers) == 1


async def test_an_unknown_is_settled_once(store: EventStore) -> None:
    journal = await driven(store)
    intent = await write(journal, requested("one"))
    await write(journal, unknown(intent))
    verdict = ToolReconciled(
        intent_seq=intent, verdict="done", by="operator", result="receipt 7", reason="the bank says"
    )
    item = f"unknown:{intent}"
    people = [await Journal.load(store, "run") for _ in range(5)]
    results = await asyncio.gather(
        *(one.append(lambda _: [verdict], actor=ADA, stands=item) for one in people),
        return_exceptions=True,
    )
    assert sum(isinstance(result, AlreadySettledError) for result in results) == 4
    assert (await store.inbox()).rows == ()


async def test_what_never_was_open_is_not_settled(store: EventStore) -> None:
    journal = await driven(store)
    with pytest.raises(AlreadySettledError, match="nothing open named 'p9'"):
        await journal.append(lambda _: [approval("p9")], actor=ADA, stands="p9")


async def test_an_illegal_move_writes_nothing(store: EventStore) -> None:
    journal = await driven(store)
    await write(journal, succeeded())
    before = await store.checkpoint()
    with pytest.raises(IllegalMoveError, match="final"):
        await write(journal, requested("late"))
    assert await store.checkpoint() == before


async def test_what_others_made_legal_meanwhile_is_not_refused(store: EventStore) -> None:
    driver = await driven(store)
    operator = await Journal.load(store, "run")
    held = await write(driver, Held(by="operator", reason=None), actor=ADA)
    await write(operator, Released(held_seq=held, reason=None), actor=ADA)
    await write(driver, requested("one"))
    await write(driver, pause("p1"))
    answered = await operator.append(lambda _: (approval("p1"),), actor=ADA, stands="p1")
    assert answered[0].kind == "pause_resolved"


async def test_a_snapshot_that_cannot_be_kept_undoes_nothing(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_snapshot: object) -> None:
        message = "no room"
        raise StoreFullError(message)

    monkeypatch.setattr(store, "put_snapshot", full)
    journal = await driven(store)
    for n in range(SNAPSHOT_EVERY // 2):
        await write(journal, requested(f"step-{n}"), completed(3 + 2 * n))
    assert journal.state == await state_at(store, "run")


async def test_what_is_folded_is_what_will_be_read(store: EventStore) -> None:
    agent, step, large = "purser\udc80", "step\ud800", "\udfff" * INLINE_PAYLOAD_BYTES
    begun = await Journal.begin(
        store, queued(large).model_copy(update={"agent": agent}), tenant="acme", actor=ADA
    )
    journal = await Journal.load(store, begun.run_id)
    assert journal.state == begun.state
    await journal.claim()
    await write(journal, started(), requested(step, {"\ud800": "\ud800"}))
    assert journal.state == await state_at(store, begun.run_id)
    assert (await store.fleet()).rows[0].agent == "purser<U+DC80>"


async def test_a_fork_can_branch_from_what_its_parent_shares(store: EventStore) -> None:
    await driven(store)
    second = (await store.read("run", after=1, until=2))[0].hash.hex()

    def of(parent: str) -> RunForked:
        return RunForked(parent_run_id=parent, parent_seq=2, parent_hash=second, changes=None)

    await Journal.fork(store, of("run"), actor=ADA, run_id="fork")
    await Journal.fork(store, of("fork"), actor=ADA, run_id="fork-of-fork")
    assert (await store.run("fork-of-fork")).parent == (await store.run("fork")).parent
    assert (await verify(store)).ok


async def test_a_batch_is_judged_event_by_event(store: EventStore) -> None:
    """The second event is illegal only because of the first: neither is written."""
    journal = await driven(store)
    with pytest.raises(IllegalMoveError):
        await write(journal, succeeded(), requested("late"))
    assert journal.state.status == "running"
    assert (await store.run("run")).head.seq == 2


async def test_a_cancelled_writer_learns_the_truth_afterwards(store: EventStore) -> None:
    journal = await driven(store)
    task = asyncio.create_task(write(journal, requested("one")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await write(journal, requested("two"))
    assert journal.state == (await Journal.load(store, "run")).state


async def test_a_driver_that_never_gets_its_turn_gives_up(store: EventStore) -> None:
    journal = await driven(store)

    class Rival:
        """A store in which another writer is always faster."""

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def append(self, batch: object) -> None:
            del batch
            raise HeadMovedError("always")

    journal._store = Rival()  # type: ignore[assignment]
    with pytest.raises(HeadMovedError, match="without pause"):
        await write(journal, requested("one"))


async def test_large_content_goes_to_a_blob_and_comes_back(store: EventStore) -> None:
    journal = await driven(store)
    text = "x" * (INLINE_PAYLOAD_BYTES + 1)
    intent = await write(journal, requested("one", {"text": text}))
    (record,) = await store.read("run", after=intent - 1)
    assert record.payload is not None
    assert len(record.payload) < 200
    event = await opened(store, record)
    assert getattr(event.payload, "arguments", None) == {"text": text}
    assert (await store.verify()).ok


async def test_snapshots_shorten_a_load_and_change_nothing(store: EventStore) -> None:
    journal = await driven(store)
    for n in range(SNAPSHOT_EVERY):
        await write(journal, requested(f"step-{n}"), completed(3 + 2 * n))
    snapshot = await store.snapshot("run", fold_version=FOLD_VERSION)
    assert snapshot is not None
    assert snapshot.seq >= SNAPSHOT_EVERY
    folded = empty()
    async for events in pages_of_facts(store, "run"):
        folded = fold(folded, events)
    assert await state_at(store, "run") == folded == journal.state


async def test_state_at_any_event_is_the_fold_of_what_stands_before(store: EventStore) -> None:
    journal = await driven(store)
    for n in range(SNAPSHOT_EVERY):
        await write(journal, requested(f"step-{n}"), completed(3 + 2 * n))
    events = [event async for page in pages_of_facts(store, "run") for event in page]
    for seq in (1, 2, 3, 255, 256, 257, 300, 511, 512, len(events)):
        assert await state_at(store, "run", seq) == fold(empty(), events[:seq])


async def test_a_two_person_answer_keeps_the_pause_open(store: EventStore) -> None:
    journal = await driven(store)
    await write(journal, pause("p1").model_copy(update={"people_needed": 2}))
    first = PauseResolved(
        pause_id="p1", decision="approved", closes=False, answer=None, reason=None
    )
    await journal.append(lambda _: [first], actor=ADA, stands="p1")
    assert [row.item_id for row in (await store.inbox()).rows] == ["p1"]
    with pytest.raises(IllegalMoveError):
        await journal.append(lambda _: [approval("p1")], actor=ADA, stands="p1")
    await journal.append(lambda _: [approval("p1")], actor=BEN, stands="p1")
    assert (await store.inbox()).rows == ()


async def test_a_run_of_another_tenant_is_not_loaded(store: EventStore) -> None:
    await driven(store)
    assert (await Journal.load(store, "run", tenant="acme")).tenant == "acme"
    with pytest.raises(NotOwnedError, match="'rival' has no run 'run'"):
        await Journal.load(store, "run", tenant="rival")
