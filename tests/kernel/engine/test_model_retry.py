"""Model steps that fail: tried again as events, given up for good, interrupted and gone on with."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from quarterdeck_kernel.engine import model_record, model_step
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
    RunHeldError,
    StoreError,
)
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.testing.crash import Crashed, RaiseAt
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import ONCE, RetryPolicy
from tests.kernel.engine.model_stage import (
    STEADY,
    Held,
    Play,
    Stage,
    events_of,
    kinds_of,
    overloaded,
    says,
)


async def ask(kernel: Kernel, run: Run, **named: Any) -> Any:  # noqa: ANN401 - a step's result
    return await kernel.step_model(
        **{"run": run, "step_key": "count", "prompt": "count", "retry": STEADY, **named}
    )


async def failures_of(kernel: Kernel, run: Run) -> list[ModelFailed]:
    events = await events_of(kernel, run)
    return [event.payload for event in events if isinstance(event.payload, ModelFailed)]


async def test_every_try_is_an_event_under_one_request(stage: Stage) -> None:
    async with await stage.kernel(overloaded(), ModelTimeoutError("slow"), says("done")) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        assert await stage.clock.passes(400_000, 600_000) == 500_000
        assert await stage.clock.passes(900_000, 1_100_000) == 1_000_000
        result = await task
        assert (result.text, result.replayed, result.request_seq) == ("done", False, 3)
        assert await kinds_of(kernel, run) == [
            "model_requested",
            "model_failed",
            "model_failed",
            "model_completed",
        ]
        first, second = await failures_of(kernel, run)
        assert (first.error, first.status, first.final) == ("transient", 429, False)
        assert (second.error, second.final, second.cost_micros) == ("timeout", False, None)
        assert stage.provider.asked[0] == stage.provider.asked[2]
        assert (await ask(kernel, run)).replayed


async def test_a_server_that_says_when_to_come_back_is_heard(stage: Stage) -> None:
    async with await stage.kernel(overloaded(retry_after_us=45_000_000), says("done")) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run))
        # Looked at again half way: the wait for news is never long.
        await stage.clock.passes(30_000_000)
        await stage.clock.passes(15_000_000)
        assert (await task).text == "done"
        (failed,) = await failures_of(kernel, run)
        assert failed.retry_after_us == 45_000_000


async def test_waits_are_spread_by_chance(stage: Stage) -> None:
    policy = RetryPolicy(tries=6, first_delay_s=10, longest_delay_s=10, jitter=0.5)
    async with await stage.kernel(*[overloaded() for _ in range(5)]) as kernel:
        kernel._chance = random.Random(7)
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run, retry=policy))
        waits = [await stage.clock.passes(5_000_001, 15_000_000) for _ in range(5)]
        await task
    assert len(set(waits)) == 5


@pytest.mark.parametrize(
    ("error", "word", "tries"),
    [
        (overloaded(), "transient", 3),
        (ModelTimeoutError("slow", status=504), "timeout", 3),
        (ModelPermanentError("refused", status=401, retry_after_us=5), "permanent", 1),
        (ModelTransientError("conflict", status=409), "transient", 3),
        (ContextOverflowError("too long", status=400), "overflow", 1),
    ],
)
async def test_a_final_failure_replays_as_the_same_error(
    stage: Stage, error: ModelError, word: str, tries: int
) -> None:
    policy = RetryPolicy(first_delay_s=0)
    async with await stage.kernel(*[error] * tries) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with pytest.raises(type(error)) as first:
            await ask(kernel, run, retry=policy)
        failures = await failures_of(kernel, run)
        assert [failed.error for failed in failures] == [word] * tries
        assert [failed.final for failed in failures] == [False] * (tries - 1) + [True]
        assert run.state.model_intents == {}
    async with await stage.kernel() as kernel:
        run = await kernel.load_run("run")
        with pytest.raises(type(error)) as again:
            await ask(kernel, run, retry=policy)
        assert type(again.value) is type(error)
        assert str(again.value) == str(first.value) == str(error)
        assert (again.value.status, again.value.retry_after_us) == (
            error.status,
            error.retry_after_us,
        )
        assert stage.provider.asked == []
        assert (await ask(kernel, run, step_key="next")).text == "answer 1"


async def test_no_try_begins_behind_the_budget_of_time(stage: Stage) -> None:
    policy = RetryPolicy(budget_s=10, jitter=0)
    async with await stage.kernel(overloaded(retry_after_us=10_000_000)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ModelTransientError):
            await ask(kernel, run, retry=policy)
        assert [failed.final for failed in await failures_of(kernel, run)] == [True]


async def test_a_silent_provider_is_given_up_in_time_and_budget(stage: Stage) -> None:
    policy = RetryPolicy(tries=9, timeout_s=60, budget_s=100, first_delay_s=2, jitter=0)
    silent = [Held(), Held()]
    async with await stage.kernel(*silent) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run, retry=policy))
        await stage.clock.passes(60_000_000)
        await stage.clock.passes(2_000_000)
        # What is left of the budget is less than what a try may take.
        await stage.clock.passes(38_000_000)
        with pytest.raises(ModelTimeoutError, match="within 38 s"):
            await task
        assert [held.cancelled for held in silent] == [True, True]
        assert [failed.error for failed in await failures_of(kernel, run)] == ["timeout"] * 2


class Stubborn:
    """A provider's call that goes on after it was cancelled, and then fails as it likes."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, request: ModelRequest, listener: TextListener | None) -> ModelAnswer:
        del request
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        if listener is not None:
            listener("too late")
        self.gone.set()
        raise OSError("nobody hears this")


async def test_a_provider_that_cannot_be_broken_off_is_left_alone(stage: Stage) -> None:
    stubborn = Stubborn()
    heard: list[str | None] = []
    async with await stage.kernel(stubborn, says("done")) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run, listener=heard.append))
        await stage.clock.passes(120_000_000)
        await stage.clock.passes(1_000_000)
        await stage.clock.passes(500_000)
        assert (await task).text == "done"
        stubborn.go.set()
        await stubborn.gone.wait()
        assert heard == [None]


async def _foreign(request: ModelRequest, listener: TextListener | None) -> object:
    del request, listener
    return {"text": "not an answer"}


async def _gives_up(request: ModelRequest, listener: TextListener | None) -> object:
    del request, listener
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("play", "match"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (ValueError("\ud800" + "x" * 100_000), "ValueError"),
        (_foreign, "no answer of an assistant"),
        (
            says("hi").model_copy(update={"message": Message(role="user", text="I am you")}),
            "no answer of an assistant",
        ),
        (says("done", finish_reason="x" * 3_000_000), "cannot be kept"),
    ],
)
async def test_a_provider_that_breaks_its_word_is_a_permanent_failure(
    stage: Stage, play: Play, match: str
) -> None:
    async with await stage.kernel(play) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ModelPermanentError, match=match) as first:
            await ask(kernel, run)
        assert len(str(first.value)) <= 4_000
        with pytest.raises(ModelPermanentError, match=match):
            await ask(kernel, run)
        assert [failed.error for failed in await failures_of(kernel, run)] == ["permanent"]
        assert (await ask(kernel, run, step_key="next")).text == "answer 2"


async def test_a_port_that_is_none_is_a_permanent_failure_too(stage: Stage) -> None:
    class Odd:
        def complete(self, *_: object, **__: object) -> int:
            return 1

        def window_tokens(self, model: str) -> None: ...

        def price(self, model: str) -> None: ...

        async def close(self) -> None: ...

    async with await stage.kernel(model=Odd()) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ModelPermanentError, match="TypeError"):
            await ask(kernel, run)


async def test_a_provider_that_gives_a_call_up_by_itself_is_asked_again(stage: Stage) -> None:
    async with await stage.kernel(_gives_up, says("done")) as kernel:
        run = await kernel.start_run(agent="purser")
        policy = RetryPolicy(first_delay_s=0)
        assert (await ask(kernel, run, retry=policy)).text == "done"


CRASHES = [
    "engine.intent.after",
    "engine.dispatch.before",
    "engine.dispatch.after",
    "engine.outcome.before",
]


async def _interrupted(stage: Stage, point: str) -> list[str]:
    async with await stage.kernel(says("lost")) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with RaiseAt(point), pytest.raises(Crashed):
            await ask(kernel, run)
    async with await stage.kernel(says("found")) as kernel:
        run = await kernel.load_run("run")
        result = await ask(kernel, run)
        assert (result.text, result.replayed, result.request_seq) == ("found", False, 3)
        failures = await failures_of(kernel, run)
        assert [(f.error, f.final, f.cost_micros) for f in failures] == [
            ("interrupted", False, None)
        ]
        assert run.state.spend.unknown_costs == 1
        assert (await ask(kernel, run)).replayed
        return await kinds_of(kernel, run)


@pytest.mark.parametrize("point", CRASHES)
async def test_an_interrupted_request_is_asked_again_under_the_same_request(
    stage: Stage, point: str
) -> None:
    assert await _interrupted(stage, point) == [
        "model_requested",
        "model_failed",
        "model_completed",
    ]


async def test_an_engine_that_asks_an_interrupted_request_afresh_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    true: Callable[..., Any] = model_record.recorded

    async def forgetful(*given: Any) -> Any:  # noqa: ANN401 - passed on
        found = await true(*given)
        return None if found is not None and found.result is None else found

    monkeypatch.setattr(model_step, "recorded", forgetful)
    with pytest.raises(AssertionError):
        await _interrupted(stage, "engine.dispatch.after")


async def test_an_answer_on_disk_survives_a_crash_right_behind_it(stage: Stage) -> None:
    async with await stage.kernel(says("kept")) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with RaiseAt("engine.outcome.after"), pytest.raises(Crashed):
            await ask(kernel, run)
    async with await stage.kernel() as kernel:
        assert (await ask(kernel, await kernel.load_run("run"))).text == "kept"
        assert stage.provider.asked == []


async def test_an_interrupted_request_keeps_its_model_whatever_the_default_is_now(
    stage: Stage,
) -> None:
    async with await stage.kernel(model_name="old") as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with RaiseAt("engine.dispatch.before"), pytest.raises(Crashed):
            await ask(kernel, run)
    async with await stage.kernel(model_name="new") as kernel:
        await ask(kernel, await kernel.load_run("run"))
        assert [request.model for request in stage.provider.asked] == ["old"]


async def test_an_answer_that_the_disk_refuses_is_asked_for_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await stage.kernel(says("lost"), says("kept")) as kernel:
        run = await kernel.start_run(agent="purser")
        await ask(kernel, run, step_key="before", prompt="warm up")
        append = kernel.store.append

        async def full(batch: Any) -> None:  # noqa: ANN401 - passed on
            if batch.records[-1].kind == "model_completed":
                raise StoreError("the disk is full")
            await append(batch)

        with monkeypatch.context() as patched:
            patched.setattr(kernel.store, "append", full)
            with pytest.raises(StoreError, match="full"):
                await ask(kernel, run)
        assert (await ask(kernel, run)).text == "answer 3"
        assert [f.error for f in await failures_of(kernel, run)] == ["interrupted"]


async def test_a_hold_between_two_tries_stops_the_step_and_spoils_nothing(stage: Stage) -> None:
    """It was a final failure once: a run that was held for a moment could never go on."""
    async with await stage.kernel(overloaded(), says("done")) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(ask(kernel, run, retry=RetryPolicy(first_delay_s=30)))
        await stage.provider.called(1)
        await kernel.hold(run, reason="look at this")
        with pytest.raises(RunHeldError):
            await task
        with pytest.raises(RunHeldError):
            await ask(kernel, run)
        await kernel.release(run)
        assert (await ask(kernel, run)).text == "done"
        assert [f.error for f in await failures_of(kernel, run)] == ["transient", "cancelled"]


async def test_usage_and_cost_are_told_and_an_unknown_cost_is_none(stage: Stage) -> None:
    async with await stage.kernel(says("a"), says("b", cost_micros=None)) as kernel:
        run = await kernel.start_run(agent="purser")
        known = await ask(kernel, run, step_key="a")
        unknown = await ask(kernel, run, step_key="b")
        assert (known.cost_micros, unknown.cost_micros) == (7, None)
        assert known.usage.input_tokens == 3
        again = await ask(kernel, run, step_key="b")
        assert (again.cost_micros, again.usage) == (None, unknown.usage)
        assert run.state.spend.unknown_costs == 1
        completed = (await events_of(kernel, run))[-1].payload
        assert isinstance(completed, ModelCompleted)
        assert completed.cost_micros is None


async def test_one_try_is_one_try(stage: Stage) -> None:
    async with await stage.kernel(overloaded()) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ModelTransientError):
            await ask(kernel, run, retry=ONCE)
        assert len(stage.provider.asked) == 1
