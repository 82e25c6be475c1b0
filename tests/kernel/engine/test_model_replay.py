"""Model steps asked once: replay, drift, and several who ask at the same time."""

import asyncio
from typing import Any

import pytest

from quarterdeck_kernel.engine import run_driver
from quarterdeck_kernel.errors import DriftError, InvalidError, ModelPermanentError, NotFoundError
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from tests.kernel.engine.model_stage import Held, Stage, events_of, kinds_of, says

WHOLE = ["model_requested", "model_completed"]


def sail(knots: int) -> str:
    """Set sail."""
    return f"{knots}"


def anchor() -> str:
    """Drop the anchor."""
    return "dropped"


async def begun(kernel: Kernel) -> Run:
    return await kernel.start_run(agent="purser", run_id="run")


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": ""},
        {"prompt": "  \n"},
        {"messages": []},
        {"messages": [Message(role="user", text=" ")]},
        {},
        {"prompt": "count", "messages": [Message(role="user", text="count")]},
        {"prompt": "count", "model": ""},
        {"prompt": "count", "model": "a\x1b[1m"},
        {"prompt": "count", "parameters": {"temperature": float("nan")}},
        {"prompt": "count", "parameters": {"stop": {1, 2}}},
        {"prompt": "count", "answer": object()},
        {"prompt": "count", "tools": ["sail"], "answer": int},
        {"prompt": "count", "step_key": ""},
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_written(
    stage: Stage, asked: dict[str, Any]
) -> None:
    async with await stage.kernel() as kernel:
        kernel.tool()(sail)
        run = await begun(kernel)
        with pytest.raises(InvalidError):
            await kernel.step_model(**{"run": run, "step_key": "count", **asked})
        assert [event.kind for event in await events_of(kernel, run)] == ["run_queued"]
        assert stage.provider.asked == []
        result = await kernel.step_model(run=run, step_key="count", prompt="count")
        assert result.text == "answer 1"


async def test_an_unknown_tool_is_refused_before_anything_is_written(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await begun(kernel)
        with pytest.raises(NotFoundError, match="sail"):
            await kernel.step_model(run=run, step_key="count", prompt="count", tools=["sail"])
        assert [event.kind for event in await events_of(kernel, run)] == ["run_queued"]


async def test_the_stored_request_is_what_was_sent(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        kernel.tool()(sail)
        run = await begun(kernel)
        stop: dict[str, Any] = {"stop": ("a", "b\udc00"), "temperature": 0.5}
        await kernel.step_model(
            run=run,
            step_key="count",
            prompt="count \ud800 \x1b[31m barrels",
            tools=["sail"],
            model="big",
            parameters=stop,
        )
        (sent,) = stage.provider.asked
        request = (await events_of(kernel, run))[2].payload
        assert isinstance(request, ModelRequested)
        assert sent.messages == request.new_messages
        assert sent.messages[0].text == "count <U+D800> \x1b[31m barrels"
        assert sent.tools == request.new_tools
        assert sent.model == request.model == "big"
        assert sent.parameters == request.parameters
        assert sent.parameters == {"stop": ["a", "b<U+DC00>"], "temperature": 0.5}


async def test_what_an_answer_holds_is_the_same_told_at_once_and_replayed(stage: Stage) -> None:
    call = ToolCall(call_id="c\ud801", tool="sail", arguments='{"knots": "\ud802"}')
    huge = "barrel \x00 \u202e \udfff " * 20_000
    async with await stage.kernel(says(huge, call)) as kernel:
        run = await begun(kernel)
        first = await kernel.step_model(run=run, step_key="count", prompt="count")
        completed = (await events_of(kernel, run))[3]
        assert completed.blob is not None
    async with await stage.kernel() as kernel:
        run = await kernel.load_run("run")
        again = await kernel.step_model(run=run, step_key="count", prompt="count")
    assert again.message == first.message
    assert "<U+DFFF>" in again.text
    assert again.tool_calls[0].arguments == '{"knots": "<U+D802>"}'
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.seq, again.usage, again.cost_micros) == (first.seq, first.usage, 7)
    assert stage.provider.asked == []


async def test_a_replay_appends_nothing_and_calls_nothing_and_needs_no_model(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        run = await begun(kernel)
        first = await kernel.step_model(run=run, step_key="count", prompt="count")
        again = await kernel.step_model(run=run, step_key="count", prompt="count")
        assert again.text == first.text == "answer 1"
        assert await kinds_of(kernel, run) == WHOLE
        await kernel.finish_run(run)
        over = await kernel.step_model(run=run, step_key="count", prompt="count")
        assert over.replayed
        events = len(await events_of(kernel, run))
    async with await stage.kernel(model=None) as kernel:
        run = await kernel.load_run("run")
        again = await kernel.step_model(run=run, step_key="count", prompt="count")
        assert (again.replayed, again.text) == (True, "answer 1")
        assert len(await events_of(kernel, run)) == events


async def test_a_kernel_without_a_model_says_so_and_writes_nothing(stage: Stage) -> None:
    async with await stage.kernel(model=None) as kernel:
        run = await begun(kernel)
        with pytest.raises(InvalidError, match="has no model"):
            await kernel.step_model(run=run, step_key="count", prompt="count")
        assert await kinds_of(kernel, run) == []


ASKED: dict[str, Any] = {
    "messages": [Message(role="system", text="be brief"), Message(role="user", text="count")],
    "tools": ["anchor", "sail"],
    "parameters": {"temperature": 0.2},
    "model": "big",
}

OTHERS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"messages": [ASKED["messages"][0], Message(role="user", text="steal")]},
        "user 'count'",
        "user 'steal'",
    ),
    ({"messages": ASKED["messages"][:1]}, "message 1: user 'count'", "only 1 messages"),
    (
        {"messages": [*ASKED["messages"], Message(role="user", text="twice")]},
        "2 messages",
        "one more: user 'twice'",
    ),
    (
        {"messages": [*ASKED["messages"][:1], Message(role="user", text="count", call_id="x")]},
        "user 'count'",
        "to call 'x'",
    ),
    ({"tools": ["sail"]}, "tools anchor, sail", "tools sail"),
    ({"tools": []}, "tools anchor, sail", "tools none"),
    ({"model": "small"}, "'big'", "'small'"),
    ({"model": None}, "'big'", "no model of its own"),
    ({"parameters": {"temperature": 0.3}}, '{"temperature":0.2}', '{"temperature":0.3}'),
    ({"parameters": {}}, '{"temperature":0.2}', "{}"),
    ({"purpose": "other"}, "purpose turn", "purpose other"),
    ({"tools": [], "answer": int}, "tools anchor, sail", "tools none"),
]


@pytest.mark.parametrize(("other", "recorded", "offered"), OTHERS)
@pytest.mark.parametrize("reopened", [False, True])
async def test_the_same_key_with_another_request_is_a_drift_that_names_both_sides(
    stage: Stage, other: dict[str, Any], recorded: str, offered: str, *, reopened: bool
) -> None:
    kernel = await stage.kernel()
    try:
        kernel.tool()(sail)
        kernel.tool()(anchor)
        run = await begun(kernel)
        await kernel.step_model(run=run, step_key="count", **ASKED)
        if reopened:
            await kernel.close()
            kernel = await stage.kernel()
            kernel.tool()(sail)
            kernel.tool()(anchor)
            run = await kernel.load_run("run")
        calls = len(stage.provider.asked)
        with pytest.raises(DriftError) as drift:
            await kernel.step_model(run=run, step_key="count", **{**ASKED, **other})
        assert recorded in str(drift.value.recorded)
        assert offered in str(drift.value.offered)
        assert str(drift.value.recorded) in str(drift.value)
        assert str(drift.value.offered) in str(drift.value)
        assert drift.value.seq == 3
        assert len(stage.provider.asked) == calls
        assert await kinds_of(kernel, run) == WHOLE
        assert (await kernel.step_model(run=run, step_key="count", **ASKED)).replayed
    finally:
        await kernel.close()


async def test_another_answer_schema_is_a_drift(stage: Stage) -> None:
    async with await stage.kernel(says("1")) as kernel:
        run = await begun(kernel)
        await kernel.step_model(run=run, step_key="count", prompt="count", answer=int)
        for kind, side in ((float, '"number"'), (None, "none")):
            with pytest.raises(DriftError) as drift:
                await kernel.step_model(run=run, step_key="count", prompt="count", answer=kind)
            assert '"integer"' in str(drift.value.recorded)
            assert side in str(drift.value.offered)


async def test_another_version_of_a_tool_is_a_drift_that_shows_it(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        kernel.tool()(sail)
        run = await begun(kernel)
        for step in ("one", "two"):
            await kernel.step_model(run=run, step_key=step, prompt="count", tools=["sail"])
    async with await stage.kernel() as kernel:

        @kernel.tool(name="sail")
        def other(knots: int, course: str) -> str:
            """Set sail."""
            return f"{knots} {course}"

        run = await kernel.load_run("run")
        # The second request stores no list of its own: its tools are those of the first.
        for step in ("one", "two"):
            with pytest.raises(DriftError, match=r"tool 'sail' as .*course"):
                await kernel.step_model(run=run, step_key=step, prompt="count", tools=["sail"])
        assert stage.provider.asked == []


async def test_a_drift_in_a_very_long_conversation_shows_and_reads_little(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = [Message(role="user", text=f"{number} " + "x" * 5_000) for number in range(1_500)]
    async with await stage.kernel() as kernel:
        run = await begun(kernel)
        await kernel.step_model(run=run, step_key="count", messages=talk)
        reads = 0
        read = kernel.store.read

        async def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            nonlocal reads
            reads += 1
            return await read(*given, **named)

        monkeypatch.setattr(kernel.store, "read", counted)
        changed = [*talk[:-1], Message(role="user", text=talk[-1].text[:-1] + "y")]
        with pytest.raises(DriftError) as drift:
            await kernel.step_model(run=run, step_key="count", messages=changed)
        assert "message 1499" in str(drift.value)
        assert drift.value.recorded != drift.value.offered
        assert len(str(drift.value)) < 1_000
        assert reads < 6


async def test_a_key_that_was_used_for_something_else_is_a_drift(stage: Stage) -> None:
    async with await stage.kernel() as kernel:
        kernel.tool()(anchor)
        run = await begun(kernel)
        await kernel.step_tool(run=run, step_key="anchor", tool="anchor", arguments={})
        with pytest.raises(DriftError, match="tool_requested"):
            await kernel.step_model(run=run, step_key="anchor", prompt="count")
        assert stage.provider.asked == []


async def test_the_order_in_which_tools_are_registered_or_named_never_matters(
    stage: Stage,
) -> None:
    async with await stage.kernel() as kernel:
        kernel.tool()(sail)
        kernel.tool()(anchor)
        run = await begun(kernel)
        await kernel.step_model(run=run, step_key="s", prompt="go", tools=["sail", "anchor"])
    async with await stage.kernel() as kernel:
        kernel.tool()(anchor)
        kernel.tool()(sail)
        run = await kernel.load_run("run")
        again = await kernel.step_model(
            run=run, step_key="s", prompt="go", tools=["anchor", "sail", "anchor"]
        )
        assert again.replayed


async def test_concurrent_steps_with_different_keys_get_their_own_answers(stage: Stage) -> None:
    slow, quick = Held(says("slow")), Held(says("quick"))
    async with await stage.kernel(slow, quick) as kernel:
        run = await begun(kernel)
        one = asyncio.create_task(kernel.step_model(run=run, step_key="one", prompt="same"))
        await stage.provider.called(1)
        two = asyncio.create_task(kernel.step_model(run=run, step_key="two", prompt="same"))
        await stage.provider.called(2)
        quick.go()
        assert (await two).text == "quick"
        slow.go()
        assert (await one).text == "slow"
        for step, text in (("one", "slow"), ("two", "quick")):
            again = await kernel.step_model(run=run, step_key=step, prompt="same")
            assert (again.text, again.replayed) == (text, True)
        assert await kinds_of(kernel, run) == [
            "model_requested",
            "model_requested",
            "model_completed",
            "model_completed",
        ]


async def test_identical_concurrent_steps_call_once(stage: Stage) -> None:
    held = Held(says("once"))
    async with await stage.kernel(held) as kernel:
        run = await begun(kernel)
        tasks = [
            asyncio.create_task(kernel.step_model(run=run, step_key="one", prompt="same"))
            for _ in range(5)
        ]
        await stage.provider.called(1)
        held.go()
        results = await asyncio.gather(*tasks)
        assert sorted(result.replayed for result in results) == [False, True, True, True, True]
        assert await kinds_of(kernel, run) == WHOLE
    assert len(stage.provider.asked) == 1


async def test_an_engine_that_forgets_what_is_under_way_would_be_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_driver.RunDriver, "begin", lambda *_: None)
    held, again = Held(), Held()
    async with await stage.kernel(held, again) as kernel:
        run = await begun(kernel)
        tasks = [
            asyncio.create_task(kernel.step_model(run=run, step_key="one", prompt="same"))
            for _ in range(2)
        ]
        await stage.provider.called(2)
        held.go()
        again.go()
        await asyncio.wait(tasks)
        assert sum(task.exception() is None for task in tasks) == 1


async def test_identical_concurrent_steps_fail_alike(stage: Stage) -> None:
    async with await stage.kernel(ModelPermanentError("no", status=400)) as kernel:
        run = await begun(kernel)
        errors = await asyncio.gather(
            *(kernel.step_model(run=run, step_key="one", prompt="same") for _ in range(3)),
            return_exceptions=True,
        )
        assert {(type(error), str(error)) for error in errors} == {(ModelPermanentError, "no")}
        assert len(stage.provider.asked) == 1


async def test_answers_are_digested_as_they_are_stored(stage: Stage) -> None:
    async with await stage.kernel(says("a\ud800")) as kernel:
        run = await begun(kernel)
        await kernel.step_model(run=run, step_key="one", prompt="go")
        completed = (await events_of(kernel, run))[3].payload
        assert isinstance(completed, ModelCompleted)
        assert completed.message is not None
        assert completed.message.digest() == completed.message_digest
