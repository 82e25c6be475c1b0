"""Listening to an answer while it is said: told, voided, told once more, and never relied upon."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from quarterdeck_kernel.errors import ModelTransientError
from quarterdeck_kernel.events.control_events import ModelSwapped
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.vocabulary.actor import operator
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from tests.kernel.engine.model_stage import Stage, events_of, kinds_of, reached, says

AT_ONCE = RetryPolicy(first_delay_s=0)


class Streams:
    """A play that says pieces, and then answers, or breaks off."""

    def __init__(self, pieces: Sequence[str], *, breaks_off: bool = False) -> None:
        self._pieces, self._breaks_off = pieces, breaks_off

    async def __call__(self, request: ModelRequest, listener: TextListener | None) -> ModelAnswer:
        del request
        for piece in self._pieces:
            if listener is not None:
                listener(piece)
            await asyncio.sleep(0)
        if self._breaks_off:
            raise ModelTransientError("the stream was cut")
        return says("".join(self._pieces))


async def test_pieces_are_told_as_they_come_and_a_replay_tells_the_whole_once(
    stage: Stage,
) -> None:
    heard: list[str | None] = []
    async with await stage.kernel(Streams(["ten ", "barrels"])) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            result = await kernel.step_model(
                run=run, step_key="count", prompt="count", listener=heard.append
            )
        assert result.text == "ten barrels"
        assert heard == ["ten ", "barrels", "ten barrels"]


async def test_what_a_failed_try_said_is_voided(stage: Stage) -> None:
    heard: list[str | None] = []
    async with await stage.kernel(
        Streams(["ten little "], breaks_off=True), Streams(["ten"])
    ) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_model(
            run=run, step_key="count", prompt="count", listener=heard.append, retry=AT_ONCE
        )
        assert heard == ["ten little ", None, "ten"]


async def test_nothing_of_an_unfinished_stream_is_on_record(stage: Stage) -> None:
    async with await stage.kernel(*[Streams(["never said"], breaks_off=True)] * 3) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ModelTransientError, match="cut"):
            await kernel.step_model(
                run=run, step_key="count", prompt="count", listener=print, retry=AT_ONCE
            )
        assert await kinds_of(kernel, run) == ["model_requested", *["model_failed"] * 3]
        events = await events_of(kernel, run)
        assert not any("never said" in repr(event.payload) for event in events[2:])


async def test_a_listener_that_fails_is_logged_and_stops_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def deaf(_text: str | None) -> None:
        raise ValueError("what?")

    async with await stage.kernel(
        Streams(["ten little "], breaks_off=True), Streams(["ten"])
    ) as kernel:
        run = await kernel.start_run(agent="purser")
        with caplog.at_level(logging.ERROR):
            for _ in range(2):
                result = await kernel.step_model(
                    run=run, step_key="count", prompt="count", listener=deaf, retry=AT_ONCE
                )
        assert result.text == "ten"
        assert len(caplog.records) == 4


async def test_a_repair_voids_what_was_heard_of_the_answer_before(stage: Stage) -> None:
    heard: list[str | None] = []
    async with await stage.kernel(Streams(["ten"]), Streams(["10"])) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            result = await kernel.step_model(
                run=run, step_key="count", prompt="count", answer=int, listener=heard.append
            )
            assert result.value == 10
        assert heard == ["ten", None, "10"] * 2


async def test_a_swap_of_the_model_is_no_drift_and_holds_for_what_is_asked_next(
    stage: Stage,
) -> None:
    async with await stage.kernel(model_name="old") as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        await kernel.step_model(run=run, step_key="a", prompt="a")
        swap = ModelSwapped(
            model="new", tier="deep", parameters={"temperature": 1, "seed": 4}, revision=1
        )
        journal = await kernel.journal(run)
        await journal.append(lambda _: [swap], actor=operator("ada"))
        assert (await kernel.step_model(run=run, step_key="a", prompt="a")).replayed
    async with await stage.kernel(model_name="old") as kernel:
        run = await kernel.load_run("run")
        again = await kernel.step_model(run=run, step_key="a", prompt="a")
        assert (again.replayed, stage.provider.asked) == (True, [])
        await kernel.step_model(run=run, step_key="b", prompt="b")
        await kernel.step_model(
            run=run, step_key="c", prompt="c", model="mine", parameters={"temperature": 0}
        )
        mine = {"temperature": 0, "seed": 4}
        assert [(request.model, request.parameters) for request in stage.provider.asked] == [
            ("new", {"temperature": 1, "seed": 4}),
            ("mine", mine),
        ]
        again = await kernel.step_model(
            run=run, step_key="c", prompt="c", model="mine", parameters={"temperature": 0}
        )
        assert again.replayed


async def test_a_swap_that_the_driver_has_not_seen_holds_for_what_is_asked_next(
    stage: Stage,
) -> None:
    async with await stage.kernel(model_name="old") as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_model(run=run, step_key="a", prompt="a")
        swap = ModelSwapped(model="new", revision=1)
        journal = await kernel.journal(run)
        await journal.append(lambda _: [swap], actor=operator("ada"))
        await kernel.step_model(run=run, step_key="b", prompt="b")
        await reached(kernel, run, "model_swapped")
        assert [request.model for request in stage.provider.asked] == ["old", "new"]


async def test_what_one_step_insists_on_is_not_the_model_of_the_run(stage: Stage) -> None:
    async with await stage.kernel(model_name="old") as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        await kernel.step_model(run=run, step_key="a", prompt="a", model="mine")
    async with await stage.kernel(model_name="new") as kernel:
        run = await kernel.load_run("run")
        await kernel.step_model(run=run, step_key="b", prompt="b")
        assert [request.model for request in stage.provider.asked] == ["old"]
