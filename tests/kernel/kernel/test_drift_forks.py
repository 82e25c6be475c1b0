"""Code that was changed goes on in a fork, behind all that it asks for as before: A5, `fork`."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    ToolAsk,
    ToolResult,
)
from quarterdeck_kernel.engine.verification import verify
from quarterdeck_kernel.errors import (
    DriftError,
    InvalidError,
    ReconciliationRequiredError,
    RunPausedError,
    TransientToolError,
)
from quarterdeck_kernel.runs import fork as runs_fork
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.vocabulary.ids import new_id
from tests.kernel.engine.deck import (
    ADA,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    events,
    kernel_of,
    raising,
)
from tests.kernel.kernel.drift_stage import Asks, forked, pays, runs_of
from tests.kernel.kernel.flow_stage import head

# -- tools


async def test_changed_arguments_go_on_in_a_fork_behind_what_is_the_same() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        old = await kernel.start_run(agent="purser", run_id="old")
        await pays(kernel, old, 1, 2, 3)
        before = await head(kernel, "old")
        run = await kernel.load_run("old", on_drift="fork")
        assert await pays(kernel, run, 1, 20, 3)
        assert run.run_id != "old"
        assert world.count == 3 + 2, "the first step replays, the changed one and the next do not"
        assert await head(kernel, "old") == before, "the old run is left as it is"
        lineage = run.state.identity.lineage
        assert lineage is not None
        assert (lineage.parent_run_id, lineage.parent_seq) == ("old", 4), "before the second intent"
        payload = await forked(kernel, run)
        assert payload.changed == ("code",)
        assert payload.changes is not None
        assert payload.changes["step"] == "pay-1"
        assert '"amount":20' in str(payload.changes["offered"])
        keys = {call.idempotency_key for call in world.calls}
        assert len(keys) == world.count, "effects of the fork have keys of their own"
        assert (await verify(kernel.store, run.run_id)).fault is None


async def test_the_same_change_finds_the_same_fork_and_appends_nothing(tmp_path: Path) -> None:
    world = World()
    async with kernel_of(acting(world.acts), at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser", run_id="old", on_drift="fork")
        await pays(kernel, run, 1, 2)
        await pays(kernel, run, 1, 20)
        fork_id, count = run.run_id, world.count
        before = await head(kernel, fork_id)
    for _ in range(2):
        async with kernel_of(acting(world.acts), at=tmp_path, on_drift="fork") as kernel:
            run = await kernel.load_run("old")
            assert await pays(kernel, run, 1, 20)
            assert (run.run_id, world.count) == (fork_id, count)
            assert await head(kernel, fork_id) == before
            assert await runs_of(kernel) == {"old", fork_id}


async def test_another_change_is_another_fork() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        await pays(kernel, await kernel.start_run(agent="purser", run_id="old"), 1, 2)
        ids = set()
        for amounts in ((1, 20), (1, 30), (10, 2), (1, 2)):
            run = await kernel.load_run("old")
            assert await pays(kernel, run, *amounts)
            ids.add(run.run_id)
        assert len(ids) == 4
        assert "old" in ids, "what was not changed is no fork"


async def test_a_fork_may_drift_again() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        await pays(kernel, await kernel.start_run(agent="purser", run_id="old"), 1, 2, 3)
        run = await kernel.load_run("old")
        await pays(kernel, run, 1, 20, 3)
        first = run.run_id
        later = await kernel.load_run(first)
        await pays(kernel, later, 1, 20, 30)
        earlier = await kernel.load_run(first)
        await pays(kernel, earlier, 10, 20, 3)
        parents = [(await forked(kernel, run)).parent_run_id for run in (later, earlier)]
        assert parents == [first, "old"], "what is shared is forked from the run that wrote it"
        assert len(await runs_of(kernel)) == 4


async def test_strict_is_the_default_and_another_word_is_refused() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await pays(kernel, run, 1)
        with pytest.raises(DriftError):
            await pays(kernel, run, 2)
        assert len(await runs_of(kernel)) == 1
        with pytest.raises(InvalidError, match="'branch' is no policy"):
            await kernel.load_run(run.run_id, on_drift="branch")  # type: ignore[arg-type]


async def test_a_handle_may_be_strict_in_a_kernel_that_forks() -> None:
    async with kernel_of(acting(World().acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser", on_drift="strict")
        await pays(kernel, run, 1)
        with pytest.raises(DriftError):
            await pays(kernel, run, 2)


async def test_the_fork_begins_before_all_tries_of_the_step() -> None:
    world, clock = World(), WatchedClock()
    tool = acting(raising(world, TransientToolError("busy")))
    async with kernel_of(tool, clock=clock, on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(pays(kernel, run, 1))
        await clock.passes(2 * SECOND_US)
        assert await task
        assert [e.kind for e in await events(kernel, run)].count("tool_requested") == 2
        assert await pays(kernel, run, 2)
        assert (await forked(kernel, run)).parent_seq == 2
        assert len(await runs_of(kernel)) == 2


async def test_a_question_about_the_step_is_left_behind_with_it() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[Asks()], on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await pays(kernel, run, 1)
        await kernel.resume(run, paused.value.pause_id, decision="approved", actor=ADA)
        await pays(kernel, run, 1)
        with pytest.raises(RunPausedError) as asked:
            await pays(kernel, run, 2)
        assert asked.value.pause_id != paused.value.pause_id, "approvals are not inherited"
        assert (await forked(kernel, run)).parent_seq == 2
        assert len(await runs_of(kernel)) == 2
        assert world.count == 1


async def test_all_calls_of_a_batch_go_on_in_the_fork() -> None:
    world = World()

    def asks(*amounts: int) -> list[ToolAsk]:
        return [
            ToolAsk(step_key=f"s{at}", tool="pay", arguments={"amount": n})
            for at, n in enumerate(amounts)
        ]

    async with kernel_of(acting(world.acts, effect="read"), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tools(run=run, calls=asks(1, 2, 3))
        results = await kernel.step_tools(run=run, calls=asks(1, 20, 30))
        assert [r.value for r in results if isinstance(r, ToolResult)] == [
            {"paid": 1},
            {"paid": 20},
            {"paid": 30},
        ]
        assert len(await runs_of(kernel)) == 2


async def test_a_once_effect_open_at_the_fork_is_unknown_there() -> None:
    """One of two calls of a turn was changed; the other stands before it and is not repeated."""
    world = World()
    tools = acting(world.acts), acting(world.acts, name="look", effect="read")

    def asks(amount: int) -> list[ToolAsk]:
        return [
            ToolAsk(step_key="p", tool="pay", arguments={"amount": 1}),
            ToolAsk(step_key="l", tool="look", arguments={"amount": amount}),
        ]

    async with kernel_of(*tools, on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tools(run=run, calls=asks(1))
        done = world.count
        results = await kernel.step_tools(run=run, calls=asks(2))
        assert all(isinstance(result, ReconciliationRequiredError) for result in results)
        assert world.count == done
        (unknown,) = run.state.unknowns.values()
        assert unknown.inherited
        with pytest.raises(Exception, match="before the fork"):
            await kernel.reconcile_tool(run=run, step_key="p", verdict="retry", actor=ADA)
        await kernel.reconcile_tool(
            run=run, step_key="p", verdict="done", result=1, reason="it is in the parent", actor=ADA
        )
        assert all(
            isinstance(result, ToolResult)
            for result in await kernel.step_tools(run=run, calls=asks(2))
        )
        assert world.count == done + 1


async def test_a_try_that_failed_for_certain_before_the_fork_is_the_first_one_in_it() -> None:
    world, clock = World(), WatchedClock()
    tool = acting(raising(world, TransientToolError("busy")))
    other = acting(world.acts, name="look", effect="read")

    def asks(amount: int) -> list[ToolAsk]:
        return [
            ToolAsk(step_key="p", tool="pay", arguments={"amount": 1}),
            ToolAsk(step_key="l", tool="look", arguments={"amount": amount}),
        ]

    async with kernel_of(tool, other, clock=clock, on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(kernel.step_tools(run=run, calls=asks(1)[:1]))
        await clock.waited_for(2 * SECOND_US)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await kernel.step_tools(run=run, calls=asks(1)[1:])
        results = await kernel.step_tools(run=run, calls=asks(2))
        assert [getattr(result, "attempt", result) for result in results] == [1, 1]
        assert world.calls[0].idempotency_key != world.calls[-1].idempotency_key


# -- mutants


async def test_the_tests_above_see_forks_that_are_made_anew_each_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs_fork, "_id_of", lambda *_: new_id())
    with pytest.raises(AssertionError):
        await test_the_same_change_finds_the_same_fork_and_appends_nothing(tmp_path)


async def test_the_tests_above_see_a_fork_behind_the_first_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def before(store: SqliteStore, run_id: str, drift: DriftError) -> int:
        del store, run_id
        return drift.seq - 1

    monkeypatch.setattr(runs_fork, "_last_before", before)
    with pytest.raises(AssertionError):
        await test_the_fork_begins_before_all_tries_of_the_step()
    with pytest.raises(AssertionError):
        await test_a_question_about_the_step_is_left_behind_with_it()
