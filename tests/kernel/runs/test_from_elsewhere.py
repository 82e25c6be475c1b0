"""Decisions that need neither lease nor tools: acknowledging, asking for a take-up, reconciling."""

from pathlib import Path

import pytest

from quarterdeck_kernel import Decisions
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    IllegalMoveError,
    LeaseHeldError,
    RunOverError,
    StoreMissingError,
)
from quarterdeck_kernel.kernel.deciding import open_decisions
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    World,
    acting,
    breaks,
    dies,
    events,
    in_doubt,
    kernel_of,
    pays,
)


async def test_a_failure_is_acknowledged_once_and_is_no_need_any_more() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(IllegalMoveError, match="no failure to acknowledge"):
            await kernel.acknowledge(run, actor=ADA)
        await kernel.fail_run(run, error="heavy", message="too heavy")
        assert (await kernel.store.fleet()).rows[0].waits_for == "acknowledge"
        event = await kernel.acknowledge(run, note="seen", actor=ADA)
        assert (await kernel.store.fleet()).rows[0].waits_for is None
        told = rf"acknowledged before by operator:ada on bridge at .* \(event #{event.seq}\)"
        with pytest.raises(AlreadySettledError, match=told):
            await kernel.acknowledge(run, actor=BEN)


async def test_only_a_run_that_nobody_drives_is_asked_to_be_taken_up(tmp_path: Path) -> None:
    world = World()
    async with kernel_of(acting(world.acts), at=tmp_path) as near, kernel_of(at=tmp_path) as far:
        run = await near.start_run(agent="purser")
        await pays(near, run)
        screen = Decisions(far.store)
        with pytest.raises(LeaseHeldError, match="is driven by process"):
            await screen.take_up(run.run_id, actor=BEN)
        dies(near)
        event = await screen.take_up(run.run_id, note="it died", actor=BEN)
        assert (event.kind, event.actor) == ("resume_requested", BEN)


async def test_a_run_that_is_over_is_not_taken_up() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.fail_run(run, error="heavy", message="too heavy")
        await kernel.let_go(run)
        with pytest.raises(RunOverError):
            await kernel.take_up(run.run_id, actor=ADA)


async def test_an_unknown_outcome_is_settled_without_lease_or_tools(tmp_path: Path) -> None:
    async with (
        kernel_of(acting(breaks, effect="once"), at=tmp_path) as near,
        kernel_of(at=tmp_path) as far,
    ):
        run = await in_doubt(near)
        (seq,) = run.state.unknowns
        screen = Decisions(far.store)
        await screen.reconcile(run.run_id, seq, verdict="done", result=3, reason="seen", actor=ADA)
        with pytest.raises(AlreadySettledError, match="done by operator:ada"):
            await screen.reconcile(run.run_id, seq, verdict="retry", actor=BEN)
        assert (await pays(near, run)).value == 3
        assert [e.actor for e in await events(near, run) if e.kind == "tool_reconciled"] == [ADA]


async def test_decisions_are_opened_upon_a_workspace_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError):
        await open_decisions(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    async with kernel_of(at=tmp_path) as kernel:
        run = await kernel.start_run(agent="purser")
    tmp_path.chmod(0o700)
    decisions = await open_decisions(tmp_path)
    try:
        event = await decisions.hold(run.run_id, reason="write to ada@example.org", actor=ADA)
        assert "ada@example.org" not in str((await decisions.store.read(run.run_id))[-1].payload)
        assert event.actor == ADA
    finally:
        await decisions.store.close()
