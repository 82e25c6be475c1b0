"""A run's driver need not look up what it knows: what was never asked for is on no record."""

from contextlib import suppress
from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, Run
from quarterdeck_kernel.engine import known_steps
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import DriftError, StoreUnwritableError
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.store.batch import Batch
from tests.kernel.engine.deck import ADA, World, acting, kernel_of


async def called(kernel: Kernel, run: Run, key: str) -> bool:
    """Make a step; tell whether it was found on record."""
    result = await kernel.step_tool(run=run, step_key=key, tool="pay", arguments={})
    return result.replayed


def looked_up(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    keys: list[str] = []
    look = kernel.store.step

    async def step(run_id: str, step_key: str) -> object:
        keys.append(step_key)
        return await look(run_id, step_key)

    monkeypatch.setattr(kernel.store, "step", step)
    return keys


async def test_the_steps_of_a_run_that_was_driven_here_alone_are_looked_up_when_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        keys = looked_up(kernel, monkeypatch)
        run = await kernel.start_run(agent="purser")
        assert [await called(kernel, run, key) for key in ("one", "two")] == [False, False]
        assert keys == []
        assert await called(kernel, run, "one")
        assert keys == ["one"]
        assert world.count == 2


async def test_what_another_process_did_meanwhile_is_found(tmp_path: Path) -> None:
    world = World()
    tool = acting(world.acts)
    async with kernel_of(tool, at=tmp_path) as first, kernel_of(tool, at=tmp_path) as second:
        here = await first.start_run(agent="purser")
        await called(first, here, "one")
        await here.driver.let_go()
        there = await second.load_run(here.run_id)
        await called(second, there, "two")
        await there.driver.let_go()
        assert [await called(first, here, key) for key in ("two", "one")] == [True, True]
        assert world.count == 2


async def test_what_a_fork_shares_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    async with kernel_of(acting(world.acts), at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser")
        await called(kernel, run, "one")
        state = run.state
        forked = RunForked(
            parent_run_id=run.run_id,
            parent_seq=state.head_seq,
            parent_hash=state.head_hash,
            changes=None,
        )
        await Journal.fork(kernel.store, forked, actor=ADA, run_id="fork")
        keys = looked_up(kernel, monkeypatch)
        # Whether a call of the parent is the fork's own is not for this test to say.
        with suppress(DriftError):
            await called(kernel, await kernel.load_run("fork"), "one")
        assert keys == ["one"]
        assert world.count == 1


async def test_an_intent_that_may_have_been_written_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts, effect="read")) as kernel:
        run = await kernel.start_run(agent="purser")
        await called(kernel, run, "one")
        keys = looked_up(kernel, monkeypatch)
        append = kernel.store.append

        async def written_and_failed(batch: Batch) -> None:
            await append(batch)
            monkeypatch.setattr(kernel.store, "append", append)
            raise StoreUnwritableError("the disk was gone when this was told")

        monkeypatch.setattr(kernel.store, "append", written_and_failed)
        with pytest.raises(StoreUnwritableError):
            await called(kernel, run, "two")
        with pytest.raises(Exception, match="'two' is open"):
            await called(kernel, run, "two")
        assert keys == ["two"]


async def test_only_so_many_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_steps, "_STEP_KEYS", 2)
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        keys = looked_up(kernel, monkeypatch)
        run = await kernel.start_run(agent="purser")
        for key in ("one", "two", "three", "four"):
            assert not await called(kernel, run, key)
        assert keys == ["four"]
        assert await called(kernel, run, "one")


async def test_the_tests_above_see_a_driver_that_believes_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a driver that does not ask itself who drove the run before."""

    def never_asked(self: RunDriver, step_key: str) -> bool:
        return step_key not in (self._known._keys or ())

    monkeypatch.setattr(RunDriver, "never_asked", never_asked)
    with pytest.raises(AssertionError):
        await test_what_another_process_did_meanwhile_is_found(tmp_path)
