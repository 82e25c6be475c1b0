"""Deleting runs that are over: one, or all that are kept long enough; refused where needed."""

from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, verify
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import (
    IllegalMoveError,
    LeaseHeldError,
    RunNeededError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.run_events import RunQueued
from quarterdeck_kernel.runs import delete as deleting
from quarterdeck_kernel.runs.delete import delete, delete_overdue, overdue
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import ADA
from tests.kernel.recordings.tapes import deck, forked, worked

DAY_US = 24 * 3600 * 1_000_000


async def begun(kernel: Kernel, run_id: str, *, parent: str | None = None) -> None:
    queued = RunQueued(agent="mate", objective="", config={}, parent_run_id=parent)
    await Journal.begin(kernel.store, queued, tenant="local", actor=ADA, run_id=run_id)


async def over(kernel: Kernel, run_id: str) -> None:
    run = await kernel.load_run(run_id)
    await kernel.finish_run(run)
    await kernel.let_go(run)


async def test_a_run_that_is_over_goes_whole(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        await worked(kernel)
        await worked(kernel, "another")
        events = len(await kernel.store.read("run"))
        assert await kernel.delete("run", reason="long over", actor=ADA) == events
        with pytest.raises(RunNotFoundError):
            await kernel.load_run("run")
        assert [act.reason for act in await kernel.store.acts() if act.run_id] == ["long over"]
        verdict = await verify(kernel.store)
        assert (verdict.ok, verdict.runs, verdict.deleted) == (True, 1, events)


async def test_a_run_that_is_not_over_stays(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        await worked(kernel, over=False)
        with pytest.raises(IllegalMoveError, match="is running: only a run that is over"):
            await kernel.delete("run", reason="", actor=ADA)
        # The lease it took to look is given back.
        assert not (await kernel.store.lease("run")).live
        await over(kernel, "run")
        await kernel.delete("run", reason="", actor=ADA)


async def test_a_run_that_somebody_drives_stays(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel, deck(tmp_path) as other:
        run = await other.start_run(agent="purser", run_id="run")
        await other.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 1})
        with pytest.raises(LeaseHeldError):
            await kernel.delete("run", reason="", actor=ADA)


async def test_a_parent_of_forks_and_a_child_of_a_working_parent_stay(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        await worked(kernel)
        await forked(kernel, "fork", "run", 4)
        with pytest.raises(RunNeededError, match="shared by its forks 'fork'"):
            await kernel.delete("run", reason="", actor=ADA)
        await begun(kernel, "boss")
        await begun(kernel, "mate", parent="boss")
        await over(kernel, "mate")
        with pytest.raises(RunNeededError, match="a sub-agent of 'boss', which is not over"):
            await kernel.delete("mate", reason="", actor=ADA)
        await over(kernel, "boss")
        await kernel.delete("boss", reason="", actor=ADA)
        await kernel.delete("mate", reason="", actor=ADA)
        await kernel.delete("fork", reason="", actor=ADA)
        await kernel.delete("run", reason="", actor=ADA)
        assert (await verify(kernel.store)).runs == 0


async def test_what_needs_nobody_any_more_is_overdue_by_age(tmp_path: Path) -> None:
    """Forks go before what they share, whatever their age says; what is needed is told of."""
    clock = FakeClock()
    async with deck(tmp_path, clock=clock) as kernel:
        await worked(kernel)
        await forked(kernel, "fork", "run", 4)
        await worked(kernel, "kept")
        await forked(kernel, "young", "kept", 4, over=False)
        failed = await kernel.start_run(agent="purser", run_id="failed")
        await kernel.fail_run(failed, error="sank", message="it sank")
        await worked(kernel, "open", over=False)
        assert await overdue(kernel.store, clock.now_us() - DAY_US) == []
        clock.advance(2 * DAY_US)
        await worked(kernel, "new")
        found = await overdue(kernel.store, clock.now_us() - DAY_US)
        assert [each.run_id for each in found] == ["fork", "kept", "run"]
        deleted, kept = await delete_overdue(kernel.store, found, actor=ADA, reason="policy")
        assert deleted == ["fork", "run"]
        assert list(kept) == ["kept"]
        assert "young" in kept["kept"]
        verdict = await verify(kernel.store)
        assert (verdict.ok, verdict.runs) == (True, 5)


async def test_without_the_look_at_its_parent_a_child_would_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return

    monkeypatch.setattr(deleting, "_check_parent", nothing)
    async with deck(tmp_path) as kernel:
        await begun(kernel, "boss")
        await begun(kernel, "mate", parent="boss")
        await over(kernel, "mate")
        assert await delete(kernel.store, "mate", actor=ADA, reason="")
