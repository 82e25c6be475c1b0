"""A run as it was: what is shown at a moment is the fold up to there, and nothing else."""

import random
from collections.abc import AsyncIterator

import pytest

from quarterdeck_kernel import EventStore, Journal, Moments, difference
from quarterdeck_kernel.engine import journal as journal_module
from quarterdeck_kernel.engine import moments as moments_module
from quarterdeck_kernel.engine.log_reader import advanced, opened
from quarterdeck_kernel.engine.moments import file_content, messages_of
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Unreadable
from quarterdeck_kernel.events.run_events import RunQueued
from quarterdeck_kernel.projections.panels import panels
from quarterdeck_kernel.projections.run_state import empty
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.actor import KERNEL
from tests.kernel.agent.agents import Player, calls, crewed, finishes, started
from tests.kernel.agent.test_agents_elsewhere import SAILOR
from tests.kernel.engine.acts import driven, write
from tests.kernel.engine.deck import World, acting
from tests.kernel.projections.random_run import RandomRun

EVERY = 16
"""So often there is a snapshot here: many of them, so that each way to a state is gone."""


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventStore]:
    monkeypatch.setattr(journal_module, "SNAPSHOT_EVERY", EVERY)
    monkeypatch.setattr(moments_module, "SNAPSHOT_EVERY", EVERY)
    opened_store = await SqliteStore.open(":memory:")
    yield opened_store
    await opened_store.close()


async def recorded(store: EventStore, seed: int, events: int) -> Journal:
    """Put a random run on record."""
    log = RandomRun(seed).go(events)
    first, *others = log.read()
    assert isinstance(first.payload, RunQueued)
    clock = FakeClock()
    journal = await Journal.begin(
        store, first.payload, tenant="acme", actor=KERNEL, run_id=f"run-{seed}", clock=clock
    )
    await journal.claim()
    clock.jump_wall(first.at_us - clock.now_us())
    for event in others:
        clock.jump_wall(event.at_us - clock.now_us())
        assert not isinstance(event.payload, Unreadable)
        await write(journal, event.payload, actor=event.actor)
    return journal


async def parted(store: EventStore, moments: Moments, run_id: str, seqs: list[int]) -> list[int]:
    """Return the events at which something else is shown than was folded."""
    wrong = []
    for seq in seqs:
        shown, folded = (
            await moments.state(run_id, seq),
            await advanced(store, run_id, empty(), seq),
        )
        if shown != folded or panels(shown) != panels(folded):
            wrong.append(seq)
    return wrong


async def test_what_is_shown_at_any_event_is_the_fold_up_to_it(store: EventStore) -> None:
    for seed in range(3):
        run_id = (await recorded(store, seed, 120)).run_id
        chance = random.Random(seed)
        seqs = [chance.randint(1, 120) for _ in range(40)]
        # At random, then step by step in both directions, as a person goes.
        seqs += [*range(50, 70), *range(70, 50, -1)]
        assert await parted(store, Moments(store), run_id, seqs) == []


async def test_a_state_that_is_taken_for_a_later_one_is_found_out(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = (await recorded(store, 1, 60)).run_id
    right = Moments._nearest

    def mutant(self: Moments, run: str, seq: int) -> RunState | None:
        return right(self, run, seq + 3)

    monkeypatch.setattr(Moments, "_nearest", mutant)
    with pytest.raises((NotFoundError, AssertionError)):
        assert not await parted(store, Moments(store), run_id, [40, 42, 41])


async def test_a_moment_that_is_not_there_is_not_made_up(store: EventStore) -> None:
    journal = await driven(store)
    with pytest.raises(NotFoundError, match="has no event #3; name one from #1 to #2"):
        await Moments(store).state(journal.run_id, 3)


async def test_the_difference_of_two_moments_turns_the_panels_of_one_into_the_others(
    store: EventStore,
) -> None:
    run_id = (await recorded(store, 2, 100)).run_id
    moments = Moments(store)
    chance = random.Random(5)
    for _ in range(20):
        before, after = [await moments.moment(run_id, chance.randint(1, 100)) for _ in range(2)]
        between = difference(before, after)
        made = {name: dict(panel) for name, panel in panels(before.state).items()}
        there = panels(after.state)
        for change in between.values:
            made[change.panel].pop(change.name, None)
            if change.name in there[change.panel]:
                made[change.panel][change.name] = change.after
        assert made == there
        assert (*before.lines[: between.common], *between.said) == after.lines
        assert difference(after, after).empty


async def test_files_are_those_that_were_there_then(store: EventStore) -> None:
    journal = await driven(store)
    refs = {text: await store.put_blob("acme", text.encode()) for text in ("one", "two")}

    def written(path: str, text: str | None) -> ArtifactWritten:
        return ArtifactWritten(
            operation="written" if text is not None else "deleted",
            after=refs[text] if text is not None else None,
            size=len(text or ""),
            path=path,
            after_sha256=text,
        )

    at = [
        await write(journal, written("a", "one")),
        await write(journal, written("b", "one")),
        await write(journal, written("a", "two")),
        await write(journal, written("a", None)),
    ]
    moments = Moments(store)
    names = [
        {path: file.sha256 for path, file in (await moments.files(journal.run_id, seq)).items()}
        for seq in (at[0] - 1, *reversed(at))
    ]
    assert names == [
        {},
        {"a": None, "b": "one"},
        {"a": "two", "b": "one"},
        {"a": "one", "b": "one"},
        {"a": "one"},
    ]
    files = await moments.files(journal.run_id, at[2])
    assert await file_content(store, files["a"]) == b"two"
    before, after = [await moments.moment(journal.run_id, seq) for seq in (at[0], at[3])]
    changes = {change.path: change for change in difference(before, after).files}
    assert changes["a"].after is not None
    assert changes["a"].after.sha256 is None
    assert changes["b"].before is None


async def test_the_conversation_at_a_moment_ends_with_what_had_been_said_by_then() -> None:
    model = Player(calls(("pay", {})), calls(("pay", {"amount": 2})), finishes("two"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR, "sail")
        await kernel.run_agent(run)
        moments = Moments(kernel.store)
        spoken: dict[str, list[str]] = {}
        for record in await kernel.store.read(run.run_id):
            lines = (await moments.moment(run.run_id, record.seq)).lines
            said = await messages_of(kernel.store, run.run_id, lines)
            spoken[f"{record.kind} {len(said)}"] = [message.role for message in said]
            event = await opened(kernel.store, record)
            assert not said or event.seq >= max(line.seq for line in lines)
        assert spoken["run_queued 0"] == []
        assert spoken["tool_completed 4"] == ["system", "user", "assistant", "tool"]
        assert spoken["tool_completed 6"][-2:] == ["assistant", "tool"]
        last = (await moments.moment(run.run_id, run.state.head_seq)).lines
        sent = model.asked[-1].messages
        assert tuple(await messages_of(kernel.store, run.run_id, last))[: len(sent)] == sent
