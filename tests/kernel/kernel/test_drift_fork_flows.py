"""Models, questions and workflows that were changed go on in a fork."""

from pathlib import Path

import pytest

from quarterdeck_kernel import (
    Flow,
    Run,
)
from quarterdeck_kernel.errors import (
    DriftError,
    RunPausedError,
)
from tests.kernel.engine.deck import (
    ADA,
    World,
    acting,
    events,
    kernel_of,
)
from tests.kernel.kernel.drift_stage import Workflow, pays, runs_of
from tests.kernel.kernel.flow_stage import Stage, again, begun, head

# -- models and questions


async def test_a_changed_prompt_goes_on_in_a_fork(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "ship")
    async with stage.kernel() as kernel:
        run = await kernel.start_run(agent="bosun", run_id="voyage", tenant="acme")

        async def talks(run: Run, second: str) -> list[str]:
            prompts = "the capital?", second
            return [
                (await kernel.step_model(run=run, step_key=f"ask-{at}", prompt=prompt)).text
                for at, prompt in enumerate(prompts)
            ]

        await talks(run, "the capital again?")
        asked = len(stage.model.asked)
        changed = await kernel.load_run("voyage", tenant="acme", on_drift="fork")
        assert await talks(changed, "the river?") == ["Paris", "Seine"]
        assert len(stage.model.asked) == asked + 1, "the first answer replays"
        assert changed.run_id != "voyage"
        same = await kernel.load_run("voyage", tenant="acme", on_drift="fork")
        assert await talks(same, "the river?") == ["Paris", "Seine"]
        assert (same.run_id, len(stage.model.asked)) == (changed.run_id, asked + 1)
        assert changed.tenant == "acme"


async def test_a_key_that_stands_for_a_call_becomes_a_question_in_a_fork() -> None:
    world = World()
    async with kernel_of(acting(world.acts), on_drift="fork") as kernel:
        run = await kernel.start_run(agent="purser")
        await pays(kernel, run, 1)
        with pytest.raises(RunPausedError) as paused:
            await kernel.pause(run=run, step_key="pay-0", title="How much?")
        assert list(run.state.pauses) == [paused.value.pause_id]
        await kernel.resume(run, paused.value.pause_id, answer="ten", actor=ADA)
        assert (await kernel.pause(run=run, step_key="pay-0", title="How much?")).value == "ten"


# -- workflows


@pytest.mark.parametrize(
    ("edited", "done", "shared"),
    [
        ("abX", "X", 6),
        ("aXc", "Xc", 4),
        ("Xabc", "Xabc", 2),
        ("acb", "cb", 4),
        ("ab", "", 6),
        ("abcd", "d", None),
    ],
)
async def test_an_edited_workflow_replays_up_to_the_edit_and_goes_on_in_a_fork(
    tmp_path: Path, edited: str, done: str, shared: int | None
) -> None:
    stage = Stage(tmp_path / "ship")

    def workflow(names: str, *, ends: bool = True) -> Workflow:
        async def code(flow: Flow) -> str:
            said = [str(await flow.step(name, stage.mark(name))) for name in names]
            if not ends:
                await flow.pause(step_key="end", title="Go on?")
            return "".join(said)

        return code

    async with stage.kernel() as kernel:
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(workflow("abc", ends=False), run=await begun(kernel))
        before = await head(kernel)
    ids = set()
    for number in range(2):
        stage.done.clear()
        async with stage.kernel() as kernel:
            run = await kernel.load_run("voyage", tenant="acme", on_drift="fork")
            ran = kernel.run_workflow(workflow(edited), run=run)
            if shared is None:
                # Nothing on record is contradicted, but the question: that is still open.
                with pytest.raises(RunPausedError):
                    await ran
                assert run.run_id == "voyage"
                return
            assert await ran == edited
            assert "".join(stage.done) == (done if number == 0 else "")
            ids.add(run.run_id)
            lineage = run.state.identity.lineage
            assert lineage is not None
            assert (lineage.parent_run_id, lineage.parent_seq) == ("voyage", shared)
            assert await head(kernel) == before
            assert run.state.status == "succeeded"
    assert len(ids) == 1


async def test_a_step_handed_something_else_goes_on_in_a_fork(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "ship")

    def workflow(amount: int, *, asks: bool) -> Workflow:
        async def code(flow: Flow) -> object:
            stowed = await flow.tool("stow", {"what": "rum"}, step_key="rum")
            paid = await flow.step("add", lambda n: n + 1, amount)
            if asks:
                await flow.pause(step_key="end", title="Go on?")
            return [stowed.value, paid]

        return code

    async with stage.kernel() as kernel:
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(workflow(1, asks=True), run=await begun(kernel))
        run = await kernel.load_run("voyage", tenant="acme", on_drift="fork")
        answer = await kernel.run_workflow(workflow(10, asks=False), run=run)
        assert answer == ["rum stowed", 11]
        assert stage.done == ["stow rum"]
        with pytest.raises(DriftError):
            await kernel.run_workflow(workflow(10, asks=False), run=await again(kernel))


async def test_parts_side_by_side_that_both_drift_come_to_one_history(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "ship")

    def workflow(*whats: str, asks: bool) -> Workflow:
        async def code(flow: Flow) -> object:
            parts = [
                flow.tool("stow", {"what": what}, step_key=f"s{n}") for n, what in enumerate(whats)
            ]
            stowed = await flow.gather(*parts)
            if asks:
                await flow.pause(step_key="end", title="Go on?")
            return [one.value for one in stowed]

        return code

    async with stage.kernel() as kernel:
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(workflow("a", "b", "c", asks=True), run=await begun(kernel))
        run = await kernel.load_run("voyage", tenant="acme", on_drift="fork")
        answer = await kernel.run_workflow(workflow("a", "X", "Y", asks=False), run=run)
        assert answer == ["a stowed", "X stowed", "Y stowed"]
        requested = [
            getattr(event.payload, "arguments", None)
            for event in await events(kernel, run)
            if event.kind == "tool_requested" and event.run_id == run.run_id
        ]
        assert {"what": "X"} in requested
        assert {"what": "Y"} in requested
        assert stage.done.count("stow X") == stage.done.count("stow Y") == 1


async def test_one_key_for_two_things_in_one_execution_is_a_drift_and_no_fork(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path / "ship")

    async def code(flow: Flow) -> None:
        for what in ("rum", "salt"):
            await flow.tool("stow", {"what": what}, step_key="same")

    async with stage.kernel() as kernel:
        run = await kernel.start_run(agent="bosun", on_drift="fork")
        with pytest.raises(DriftError):
            await kernel.run_workflow(code, run=run)
        assert await runs_of(kernel) == {run.run_id}
