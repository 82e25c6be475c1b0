"""Swapping the model of a run: recorded, revisioned, from the next request on: E3."""

import asyncio
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Decisions, Kernel, Run, RunState
from quarterdeck_kernel.errors import ConflictError, InvalidError, RunOverError
from quarterdeck_kernel.events.control_events import ModelSwapped
from quarterdeck_kernel.projections import run_state
from tests.kernel.engine.deck import ADA, BEN, length
from tests.kernel.engine.model_stage import Held, Stage, events_of, kinds_of, overloaded, says


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "ship")


async def asks(kernel: Kernel, run: Run, key: str, **parameters: JsonValue) -> str:
    result = await kernel.step_model(run=run, step_key=key, prompt="hello", parameters=parameters)
    return result.text


def sent(stage: Stage) -> list[tuple[str, object]]:
    return [(request.model, request.parameters) for request in stage.provider.asked]


async def test_the_next_request_asks_the_model_that_was_swapped_in(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await asks(kernel, run, "a")
        # From anywhere, whoever drives the run.
        state = await Decisions(kernel.store).swap_model(
            run.run_id, model="small", parameters={"temperature": 0}, tier="small", actor=ADA
        )
        assert state.conditions.model_revision == 1
        await asks(kernel, run, "b")
        assert sent(stage) == [("large", {}), ("small", {"temperature": 0})]
        event = next(e for e in await events_of(kernel, run) if e.kind == "model_swapped")
        assert event.actor == ADA
        assert event.payload == ModelSwapped(
            model="small", tier="small", parameters={"temperature": 0}, revision=1
        )


async def test_what_was_answered_before_the_swap_replays_and_is_no_drift(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        first = await asks(kernel, run, "a")
        await kernel.swap_model(run, model="small", actor=ADA)
        assert await asks(kernel, run, "a") == first
        assert len(stage.provider.asked) == 1


async def test_a_request_under_way_is_answered_by_the_model_it_was_sent_to(stage: Stage) -> None:
    held = Held()
    kernel = await stage.kernel(held)
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        task = asyncio.create_task(asks(kernel, run, "a"))
        await stage.provider.called(1)
        await kernel.swap_model(run, model="small", actor=ADA)
        held.go()
        await task
        await asks(kernel, run, "b")
        assert [model for model, _ in sent(stage)] == ["large", "small"]


async def test_a_further_try_of_a_request_keeps_its_model(stage: Stage) -> None:
    kernel = await stage.kernel(overloaded())
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        task = asyncio.create_task(asks(kernel, run, "a"))
        await stage.provider.called(1)
        await kernel.swap_model(run, model="small", actor=ADA)
        await stage.clock.passes(400_000, 600_000)
        await task
        assert [model for model, _ in sent(stage)] == ["large", "large"]


async def test_what_a_step_insists_on_wins_over_the_swap(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await kernel.swap_model(run, parameters={"temperature": 1, "top_p": 0.5}, actor=ADA)
        await asks(kernel, run, "a", temperature=0)
        assert sent(stage) == [("large", {"temperature": 0, "top_p": 0.5})]


async def test_what_is_left_out_stays_as_it_is(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await kernel.swap_model(run, tier="frontier", parameters={"seed": 7}, actor=ADA)
        state = await kernel.swap_model(run, parameters={}, actor=ADA)
        assert (state.conditions.model, state.conditions.tier) == ("large", "frontier")
        assert state.conditions.parameters == {}
        state = await kernel.swap_model(run, model="small", actor=ADA)
        assert (state.conditions.tier, state.conditions.model_revision) == (None, 3)


async def test_a_swap_that_changes_nothing_is_no_event(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        before = await length(kernel, run)
        state = await kernel.swap_model(run, model="large", actor=ADA)
        assert (state.conditions.model_revision, await length(kernel, run)) == (0, before)


async def test_the_second_of_two_who_looked_at_the_same_is_told_who_was_first(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await kernel.swap_model(run, model="small", revision=0, actor=ADA)
        before = await length(kernel, run)
        with pytest.raises(ConflictError, match=r"'small' at revision 1, set by operator:ada on"):
            await kernel.swap_model(run, model="tiny", revision=0, actor=BEN)
        assert await length(kernel, run) == before
        await kernel.swap_model(run, model="tiny", revision=1, actor=BEN)


async def test_two_who_swap_at_once_both_count_if_neither_says_what_they_saw(
    stage: Stage,
) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await asyncio.gather(
            *[kernel.swap_model(run, model=name, actor=ADA) for name in ("one", "two")]
        )
        swaps = [e.payload for e in await events_of(kernel, run) if e.kind == "model_swapped"]
        assert [getattr(swap, "revision", None) for swap in swaps] == [1, 2]


@pytest.mark.parametrize(
    "given",
    [{"model": " "}, {"parameters": {"seed": float("nan")}}, {"parameters": {"a": object}}],
    ids=str,
)
async def test_nonsense_is_refused_and_changes_nothing(
    stage: Stage, given: dict[str, object]
) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        before = await length(kernel, run)
        with pytest.raises(InvalidError):
            await kernel.swap_model(run, actor=ADA, **given)  # type: ignore[arg-type]
        assert await length(kernel, run) == before


async def test_a_run_without_a_model_needs_a_name(stage: Stage) -> None:
    kernel = await stage.kernel(model=None)
    async with kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError, match="no model yet"):
            await kernel.swap_model(run, parameters={"seed": 1}, actor=ADA)


async def test_a_run_that_is_over_asks_no_model_any_more(stage: Stage) -> None:
    kernel = await stage.kernel()
    async with kernel:
        run = await kernel.start_run(agent="purser", model="large")
        await kernel.finish_run(run)
        with pytest.raises(RunOverError):
            await kernel.swap_model(run, model="small", actor=ADA)


async def test_the_tests_above_see_a_step_that_asks_the_model_it_knows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(state: RunState, _event: object, payload: object) -> None:
        assert isinstance(payload, ModelSwapped)
        state.conditions.model_revision = payload.revision

    monkeypatch.setattr(run_state, "fold_control", deaf)
    with pytest.raises(AssertionError):
        await test_the_next_request_asks_the_model_that_was_swapped_in(stage)


async def test_parameters_that_could_never_be_erased_hold_nothing_private(stage: Stage) -> None:
    private: dict[str, JsonValue] = {"user": "ada@example.com"}
    async with await stage.kernel(says("yes")) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError, match=r"cannot be erased later.*\(email\)"):
            await kernel.swap_model(run, parameters=private)
        with pytest.raises(InvalidError, match=r"cannot be erased later.*\(email\)"):
            await kernel.step_model(run=run, step_key="s", prompt="hi", parameters=private)
        assert stage.provider.asked == []
        assert await kinds_of(kernel, run) == []
