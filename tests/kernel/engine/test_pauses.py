"""Pauses: a question holds the run, is answered exactly once, and reruns find the answer."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Kernel, Run
from quarterdeck_kernel.engine.pauses import PauseAnswer
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    DeniedError,
    DriftError,
    IllegalMoveError,
    InvalidError,
    RunHeldError,
    RunPausedError,
)
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.vocabulary.rows import StepRow
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    events,
    kernel_of,
    length,
    story,
)


@dataclass
class Port:
    name: str
    depth_m: int


async def asks(kernel: Kernel, run: Run, **more: object) -> PauseAnswer:
    return await kernel.pause(run=run, step_key="q", title="Which port?", **more)  # type: ignore[arg-type]


async def opened(kernel: Kernel, run: Run, **more: object) -> RunPausedError:
    with pytest.raises(RunPausedError, match="Which port") as paused:
        await asks(kernel, run, **more)
    return paused.value


async def test_a_question_holds_the_run_and_its_answer_is_found_by_every_rerun() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        details: JsonValue = {"cargo": ["rum"]}
        first = await opened(kernel, run, details=details)
        assert (await opened(kernel, run)).pause_id == first.pause_id
        with pytest.raises(RunPausedError):
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        await kernel.resume(run, first.pause_id, answer="Bristol", actor=ADA)
        for _ in range(2):
            answer = await asks(kernel, run)
            assert (answer.value, answer.decision, answer.actor) == ("Bristol", "answered", ADA)
        assert await story(kernel, run) == ["pause_requested", "answered"]
        asked = (await events(kernel, run))[2].payload
        assert isinstance(asked, PauseRequested)
        assert asked.details == details
        await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})


async def test_a_question_is_answered_once_and_the_second_is_told_who_was_first() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run)).pause_id
        said = await asyncio.gather(
            *(kernel.resume(run, pause_id, answer=a.name, actor=a) for a in (ADA, BEN)),
            return_exceptions=True,
        )
        errors = [error for error in said if isinstance(error, BaseException)]
        assert len(errors) == 1
        assert isinstance(errors[0], AlreadySettledError)
        assert "answered by operator:" in str(errors[0])


@pytest.mark.parametrize("heard", [False, True])
async def test_an_answer_that_comes_while_the_question_is_looked_up_is_found(
    *, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run)).pause_id
        step = kernel.store.step

        async def looked_up_too_early(run_id: str, step_key: str) -> StepRow | None:
            row = await step(run_id, step_key)
            monkeypatch.setattr(kernel.store, "step", step)
            await kernel.resume(run, pause_id, answer="Bristol", actor=ADA)
            if heard:
                await run.driver.refresh()
            return row

        monkeypatch.setattr(kernel.store, "step", looked_up_too_early)
        assert (await asks(kernel, run)).value == "Bristol"
        assert await story(kernel, run) == ["pause_requested", "answered"]


async def test_there_is_nothing_to_resume_where_nothing_was_asked() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(AlreadySettledError, match="nothing open"):
            await kernel.resume(run, "no-such-pause", answer=1, actor=ADA)


async def test_a_typed_answer_is_checked_by_whoever_takes_it() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run, answer=Port)).pause_id
        bad: list[JsonValue] = ["Bristol", {"name": "Bristol"}, {"name": "x", "depth_m": "deep"}]
        for answer in bad:
            with pytest.raises(InvalidError, match="does not fit"):
                await kernel.resume(run, pause_id, answer=answer, actor=ADA)
        await kernel.resume(run, pause_id, answer={"name": "Bristol", "depth_m": 9}, actor=ADA)
        assert (await asks(kernel, run, answer=Port)).value == {"name": "Bristol", "depth_m": 9}


async def test_one_of_the_options_is_chosen() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run, type="choose", options=["Bristol", "Cork"])
        with pytest.raises(InvalidError, match="not one of"):
            await kernel.resume(run, pause.pause_id, answer="Paris", actor=ADA)
        await kernel.resume(run, pause.pause_id, answer="Cork", actor=ADA)


@pytest.mark.parametrize("decision", ["approved", "granted", "edited", "maybe"])
async def test_a_question_cannot_be_approved(decision: str) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run)).pause_id
        with pytest.raises(InvalidError):
            await kernel.resume(run, pause_id, decision=decision, answer={}, actor=ADA)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [object(), float("nan"), "\ud800"], ids=range(3))
async def test_an_answer_that_cannot_be_stored_is_refused(answer: object) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run)).pause_id
        before = await length(kernel, run)
        with pytest.raises(InvalidError):
            await kernel.resume(run, pause_id, answer=answer, actor=ADA)  # type: ignore[arg-type]
        assert await length(kernel, run) == before


@pytest.mark.parametrize("details", [object(), float("nan"), {"a": [object()]}], ids=range(3))
async def test_details_that_cannot_be_stored_are_refused(details: object) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError):
            await asks(kernel, run, details=details)
        assert not run.state.pauses


async def test_a_rejected_question_is_a_denial() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run)).pause_id
        await kernel.resume(run, pause_id, decision="rejected", reason="ask later", actor=ADA)
        for _ in range(2):
            with pytest.raises(DeniedError, match="ask later"):
                await asks(kernel, run)


async def test_a_late_answer_is_refused_and_the_question_expires_by_itself() -> None:
    clock = WatchedClock()
    async with kernel_of(clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = (await opened(kernel, run, expires_after_s=60)).pause_id
        clock.advance(60 * SECOND_US)
        with pytest.raises(IllegalMoveError, match="too late"):
            await kernel.resume(run, pause_id, answer="Cork", actor=ADA)
        for _ in range(2):
            with pytest.raises(DeniedError, match="nobody answered"):
                await asks(kernel, run)
        assert await story(kernel, run) == ["pause_requested", "pause_expired"]


async def test_a_token_is_told_once_stored_hashed_and_compared() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run, with_token=True)
        assert pause.token is not None
        assert (await opened(kernel, run)).token is None
        log = await kernel.store.read(run.run_id)
        assert not any(pause.token in str(record.payload) for record in log)
        with pytest.raises(InvalidError, match="token"):
            await kernel.resume(run, pause.pause_id, answer="Cork", token="guess", actor=ADA)  # noqa: S106 - a guess
        await kernel.resume(run, pause.pause_id, answer="Cork", token=pause.token, actor=ADA)


async def test_a_step_key_that_stands_for_a_call_is_no_question() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tool(run=run, step_key="q", tool="pay", arguments={})
        with pytest.raises(DriftError, match="tool_requested"):
            await asks(kernel, run)


async def test_no_question_is_asked_in_a_held_run() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.hold(run, reason="quiet", actor=ADA)
        with pytest.raises(RunHeldError):
            await asks(kernel, run)
        await kernel.release(run, actor=ADA)
        await opened(kernel, run)


async def test_who_waits_for_the_answer_gets_it_from_another_process(tmp_path: Path) -> None:
    async with kernel_of(at=tmp_path) as kernel, kernel_of(at=tmp_path) as screen:
        run = await kernel.start_run(agent="purser")
        await opened(kernel, run)
        task = asyncio.create_task(asks(kernel, run, wait=True))
        await asyncio.sleep(0)
        (pause_id,) = (await screen.load_run(run.run_id)).state.pauses
        await screen.resume(run.run_id, pause_id, answer="Cork", actor=BEN)
        async with asyncio.timeout(20):
            assert (await task).value == "Cork"


async def test_who_waits_for_an_answer_that_does_not_come_is_told_when_its_time_is_over() -> None:
    clock = WatchedClock()
    async with kernel_of(clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(asks(kernel, run, wait=True, expires_after_s=7))
        await clock.passes(7 * SECOND_US)
        with pytest.raises(DeniedError, match="nobody answered"):
            await task
