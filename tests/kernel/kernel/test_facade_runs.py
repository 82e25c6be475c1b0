"""Starting, loading and ending runs through the kernel."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, Run
from quarterdeck_kernel.errors import (
    InvalidError,
    NotOwnedError,
    QuarterdeckError,
    RunExistsError,
    RunHeldError,
    RunNotFoundError,
    RunOverError,
    StoreClosedError,
)
from tests.kernel.engine.deck import ADA, World, acting, kernel_of, length, story


async def test_a_run_is_issued_an_id_or_given_a_free_one() -> None:
    async with kernel_of() as kernel:
        issued = await kernel.start_run(agent="purser")
        given = await kernel.start_run(agent="purser", run_id="voyage")
        assert (given.run_id, len({issued.run_id, "voyage"})) == ("voyage", 2)
        with pytest.raises(RunExistsError, match="voyage"):
            await kernel.start_run(agent="purser", run_id="voyage")


async def test_five_starts_with_one_id_give_one_run(tmp_path: Path) -> None:
    async with kernel_of(at=tmp_path) as kernel, kernel_of(at=tmp_path) as rival:
        starts = [k.start_run(agent="purser", run_id="voyage") for k in [kernel] * 3 + [rival] * 2]
        results = await asyncio.gather(*starts, return_exceptions=True)
        assert [isinstance(result, Run) for result in results].count(True) == 1
        errors = [result for result in results if not isinstance(result, Run)]
        assert all(isinstance(error, RunExistsError) for error in errors)


async def test_an_idempotency_key_returns_the_run_it_made_before() -> None:
    async with kernel_of() as kernel:
        starts = [kernel.start_run(agent="purser", idempotency_key="once") for _ in range(5)]
        runs = await asyncio.gather(*starts)
        assert len({run.run_id for run in runs}) == 1
        other = await kernel.start_run(agent="purser", tenant="acme", idempotency_key="once")
        assert other.run_id != runs[0].run_id
        await kernel.finish_run(runs[0], answer=42)
        again = await kernel.start_run(agent="purser", idempotency_key="once")
        assert again.state.status == "succeeded"


async def test_a_run_of_another_tenant_is_not_to_be_had() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser", tenant="acme")
        for tenant in ("local", "other"):
            with pytest.raises(NotOwnedError, match=tenant):
                await kernel.load_run(run.run_id, tenant=tenant)
        assert (await kernel.load_run(run.run_id, tenant="acme")).run_id == run.run_id


async def test_a_run_that_does_not_exist_cannot_be_loaded() -> None:
    async with kernel_of() as kernel:
        with pytest.raises(RunNotFoundError, match="nowhere"):
            await kernel.load_run("nowhere")
        with pytest.raises(RunNotFoundError):
            await kernel.cancel("nowhere", actor=ADA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent": "  "},
        {"run_id": "a/b"},
        {"run_id": ""},
        {"tenant": "\ud800"},
        {"config": {"x": object}},
        {"config": {"x": float("nan")}},
        {"config": [1]},
    ],
    ids=str,
)
async def test_a_start_that_cannot_stand_in_a_log_is_refused(wrong: dict[str, object]) -> None:
    async with kernel_of() as kernel:
        with pytest.raises(InvalidError):
            await kernel.start_run(**{"agent": "purser", **wrong})  # type: ignore[arg-type]


async def test_two_handles_on_one_run_share_its_driver() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        same = await kernel.load_run(run.run_id)
        for handle in (run, same):
            await kernel.step_tool(run=handle, step_key="s", tool="pay", arguments={})
        assert (world.count, same.state.head_seq) == (1, run.state.head_seq)


async def test_a_run_that_is_over_replays_and_begins_nothing() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        await kernel.finish_run(run, answer={"total": 1})
        before = await length(kernel, run)
        again = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert (again.value, again.replayed) == (first.value, True)
        with pytest.raises(RunOverError, match="fork"):
            await kernel.step_tool(run=run, step_key="t", tool="pay", arguments={})
        for end in (kernel.finish_run(run), kernel.fail_run(run, error="x", message="y")):
            with pytest.raises(RunOverError):
                await end
        assert (world.count, await length(kernel, run)) == (1, before)


async def test_a_held_run_does_not_end() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.hold(run, reason="wait", actor=ADA)
        with pytest.raises(RunHeldError):
            await kernel.finish_run(run)
        await kernel.release(run, actor=ADA)
        await kernel.finish_run(run)
        assert (await story(kernel, run))[-2:] == ["released", "run_succeeded"]


async def test_a_closed_kernel_says_so(tmp_path: Path) -> None:
    kernel = await Kernel.open(tmp_path)
    kernel.tools.add(acting(World().acts))
    run = await kernel.start_run(agent="purser")
    await kernel.close()
    await kernel.close()
    with pytest.raises(StoreClosedError):
        await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
    with pytest.raises(QuarterdeckError):
        await kernel.start_run(agent="purser")
