"""What people say while other calls of a batch are looked at is heard by the calls it is about."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import CANNOT_TELL, Kernel, ToolContext, ToolResult
from quarterdeck_kernel.engine import tool_step
from quarterdeck_kernel.engine.probing import Probed
from quarterdeck_kernel.errors import ReconciliationRequiredError
from quarterdeck_kernel.runs.reconcile import reconcile
from tests.kernel.engine.deck import (
    ADA,
    WatchedClock,
    World,
    acting,
    breaks,
    dies,
    kernel_of,
    story,
)
from tests.kernel.engine.test_tool_batches import ByName, batch


async def test_what_is_settled_while_another_call_is_probed_is_heard(tmp_path: Path) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    kernels: list[Kernel] = []

    async def probe(_context: ToolContext) -> object:
        journal = await kernels[0].journal("voyage")
        (seq,) = [u.intent_seq for u in journal.state.unknowns.values() if u.step_key == "s1"]
        await reconcile(journal, seq, verdict="done", result=7, reason="seen", actor=ADA)
        return CANNOT_TELL

    first = acting(lost.waits), acting(lost.waits, name="refund")
    second = acting(world.acts, probe=probe), acting(world.acts, name="refund")
    async with (
        kernel_of(*first, at=tmp_path, clock=clock) as dead,
        kernel_of(*second, at=tmp_path, clock=clock) as kernel,
    ):
        kernels.append(kernel)
        run = await dead.start_run(agent="purser", run_id="voyage")
        task = asyncio.create_task(batch(dead, run, "pay", "refund"))
        await lost.wait_for_call()
        dies(dead)
        doubted, settled = await batch(kernel, await kernel.load_run("voyage"), "pay", "refund")
        assert isinstance(doubted, ReconciliationRequiredError)
        assert isinstance(settled, ToolResult)
        assert (settled.value, world.count) == (7, 0)
        lost.door.set()
        await task


async def test_a_question_answered_while_another_call_is_probed_is_not_waited_for() -> None:
    world = World()
    kernels: list[Kernel] = []

    async def probe(_context: ToolContext) -> object:
        (pause_id,) = (await kernels[0].journal(run.run_id)).state.pauses
        await kernels[0].resume(run, pause_id, decision="approved", actor=ADA)
        return CANNOT_TELL

    tools = acting(breaks, probe=probe), acting(world.acts, name="ask")
    async with kernel_of(*tools, guards=[ByName()]) as kernel:
        kernels.append(kernel)
        run = await kernel.start_run(agent="purser")
        await batch(kernel, run, "pay", "ask")
        doubted, allowed = await batch(kernel, run, "pay", "ask")
        assert isinstance(doubted, ReconciliationRequiredError)
        assert isinstance(allowed, ToolResult)
        assert (await story(kernel, run))[-2:] == ["intent 1", "success"]


async def test_who_believes_an_old_look_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_probed = tool_step.probed

    async def believed(*given: object, **options: object) -> Probed:
        await really_probed(*given, **options)  # type: ignore[arg-type]
        return Probed("as it was before")

    monkeypatch.setattr(tool_step, "probed", believed)
    with pytest.raises(KeyError):
        await test_what_is_settled_while_another_call_is_probed_is_heard(tmp_path)
