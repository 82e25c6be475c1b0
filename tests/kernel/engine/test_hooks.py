"""Hooks at eight points: guardrails fail closed, observers open, rewriters before anything."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import (
    ALLOW,
    Deny,
    Happened,
    Hook,
    Message,
    ModelTurn,
    Pause,
    ProposedCall,
    ProposedRequest,
    Run,
    ToolTurn,
    Verdict,
    Warn,
    guardrail,
    observer,
    rewriter,
)
from quarterdeck_kernel.engine import hooks
from quarterdeck_kernel.engine.hook import HookPoint
from quarterdeck_kernel.errors import (
    DeniedError,
    DriftError,
    HookFailedError,
    InvalidError,
    RunHeldError,
    ToolArgumentsError,
)
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.kernel.kernel import Kernel
from tests.kernel.engine.deck import World, acting, events, kernel_of, pays, story
from tests.kernel.engine.model_stage import Provider, says

POINTS: tuple[HookPoint, ...] = (
    "run_started",
    "before_model",
    "after_model",
    "turn_boundary",
    "before_tool",
    "after_tool",
    "run_completed",
    "run_failed",
)


async def whole(kernel: Kernel) -> Run:
    """Play a run that comes by every point but that of failure."""
    run = await kernel.start_run(agent="purser")
    await kernel.step_model(run=run, step_key="m", prompt="hi")
    await run.driver.append(lambda _: [PhaseEntered(turn=1, phase="perceive")])
    await run.driver.append(lambda _: [PhaseEntered(turn=1, phase="execute")])
    await pays(kernel, run)
    await kernel.finish_run(run, answer="done")
    return run


# -- observers


async def test_observers_hear_of_each_point_once_it_is_on_disk_and_never_of_a_replay() -> None:
    heard: list[tuple[str, int | None]] = []

    def hears(happened: Happened) -> None:
        assert happened.state.head_seq >= (happened.seq or 0) > 0
        heard.append((happened.point, happened.seq))

    hooks = [observer(point, hears) for point in POINTS]
    tool = acting(World().acts)
    async with kernel_of(tool, hooks=hooks, model=Provider(says("yes"))) as kernel:
        run = await whole(kernel)
        assert [point for point, _ in heard] == list(POINTS[:-1])
        kinds = {event.seq: event.kind for event in await events(kernel, run)}
        assert [kinds[seq or 0] for _, seq in heard] == [
            "run_started",
            "model_requested",
            "model_completed",
            "phase_entered",
            "tool_requested",
            "tool_completed",
            "run_succeeded",
        ]
        heard.clear()
        await kernel.step_model(run=run, step_key="m", prompt="hi")
        await pays(kernel, run)
        assert heard == []
        failing = await kernel.start_run(agent="purser")
        await kernel.fail_run(failing, error="e", message="m")
        assert [point for point, _ in heard] == ["run_started", "run_failed"]


async def test_an_observer_that_fails_is_logged_and_nothing_else_comes_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks(_happened: Happened) -> None:
        raise asyncio.CancelledError("mine")

    async def breaks_later(_happened: Happened) -> None:
        raise ZeroDivisionError("later")

    async def ends_all(_happened: Happened) -> None:
        raise SystemExit(3)

    hooks = [
        observer("after_tool", breaks),
        observer("after_tool", breaks_later, name="late"),
        observer("after_tool", ends_all, name="last"),
    ]
    world = World()
    with caplog.at_level(logging.ERROR, "quarterdeck_kernel.hooks"):
        async with kernel_of(acting(world.acts), hooks=hooks) as kernel:
            run = await kernel.start_run(agent="purser")
            await pays(kernel, run)
            assert await story(kernel, run) == ["intent 1", "success"]
    assert [record.getMessage() for record in caplog.records] == [
        "observer 'breaks' failed at after_tool: mine",
        "observer 'late' failed at after_tool: later",
        "observer 'last' failed at after_tool: it called for the end of the process: SystemExit(3)",
    ]


async def test_an_observer_that_waits_holds_nothing_up_and_is_broken_off_at_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "_PATIENCE_S", 0)

    async def waits(_happened: Happened) -> None:
        await asyncio.Event().wait()

    async with kernel_of(acting(World().acts), hooks=[observer("after_tool", waits)]) as kernel:
        run = await kernel.start_run(agent="purser")
        await pays(kernel, run)
    assert "observer 'waits' was broken off" in caplog.text


# -- guardrails


@pytest.mark.parametrize("point", ["run_started", "after_model", "turn_boundary", "after_tool"])
@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Deny(reason="no"), "no"),
        (Pause(title="look at this"), "look at this"),
        (ZeroDivisionError("x"), "it failed: ZeroDivisionError: x"),
        (SystemExit(3), "it failed: SystemExit: 3"),
        (None, "it said something of type NoneType, which is no verdict"),
    ],
    ids=["denies", "asks", "fails", "exits", "says nothing"],
)
async def test_a_guardrail_that_says_no_holds_the_run_in_the_same_batch(
    point: HookPoint, verdict: object, why: str
) -> None:
    def judges(happened: Happened) -> Verdict:
        assert happened.point == point
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict  # type: ignore[return-value]

    hook = guardrail(point, judges)
    tool = acting(World().acts)
    async with kernel_of(tool, hooks=[hook], model=Provider(says("yes"))) as kernel:
        with pytest.raises(RunHeldError, match="is held by guardrail"):
            await whole(kernel)
        run = next(iter(kernel._drivers.values()))
        log = [event.payload for event in await events(kernel, Run(run))]
        held = [place for place, payload in enumerate(log) if isinstance(payload, Held)]
        payload = log[held[0]]
        assert isinstance(payload, Held)
        assert (len(held), payload.by) == (1, "guardrail")
        assert payload.reason == f"judges at {point}: {why}"


async def test_a_guardrail_before_a_tool_is_a_guard_and_undoes_what_was_begun() -> None:
    def judges(call: ProposedCall) -> Verdict:
        if call.arguments["amount"] == 1:
            raise ZeroDivisionError
        return ALLOW

    world = World()
    async with kernel_of(acting(world.acts), hooks=[guardrail("before_tool", judges)]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="denied by judges: the guard failed"):
            await pays(kernel, run)
        await kernel.step_tool(run=run, step_key="b", tool="pay", arguments={"amount": 2})
        assert await story(kernel, run) == ["guard_denied", "intent 1", "success"]


async def test_a_guardrail_before_a_model_is_a_guard() -> None:
    def judges(request: ProposedRequest) -> Verdict:
        return Deny(reason=f"not {request.model}")

    model = Provider()
    hook = guardrail("before_model", judges)
    async with kernel_of(hooks=[hook], model=model, model_name="large") as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="denied by judges: not large"):
            await kernel.step_model(run=run, step_key="m", prompt="hi")
    assert model.asked == []


async def test_a_guardrail_may_warn_of_a_result() -> None:
    hook = guardrail("after_tool", lambda _happened: Warn(reason="odd"), name="odd")
    async with kernel_of(acting(World().acts), hooks=[hook]) as kernel:
        run = await kernel.start_run(agent="purser")
        assert (await pays(kernel, run)).value == {"paid": 1}
        assert await story(kernel, run) == ["intent 1", "success", "guard_warned"]


async def test_a_guardrail_that_is_content_adds_nothing() -> None:
    rails = [guardrail(point, lambda _happened: ALLOW) for point in POINTS[:-2]]
    tool = acting(World().acts)
    async with kernel_of(tool, hooks=rails, model=Provider(says("yes"))) as kernel:
        run = await whole(kernel)
        assert "held" not in await story(kernel, run)


# -- rewriters


def shouts(turn: ModelTurn) -> tuple[Message, ...]:
    return tuple(m.model_copy(update={"text": m.text.upper()}) for m in turn.messages)


def halves(turn: ToolTurn) -> Mapping[str, Any]:
    return {"amount": int(str(turn.arguments["amount"])) // 2}


async def test_what_is_rewritten_is_judged_recorded_sent_and_found_again() -> None:
    judged: list[object] = []

    def judges(call: ProposedCall) -> Verdict:
        judged.append(call.arguments)
        return ALLOW

    rewriting: list[Hook] = [
        rewriter("before_tool", halves),
        rewriter("before_tool", halves),
        rewriter("before_model", shouts),
        guardrail("before_tool", judges),
    ]
    world, model = World(), Provider(says("yes"))
    async with kernel_of(acting(world.acts), hooks=rewriting, model=model) as kernel:
        run = await kernel.start_run(agent="purser")

        async def code(run: Run) -> None:
            await kernel.step_model(run=run, step_key="m", prompt="hi")
            arguments = {"amount": 8}
            result = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments=arguments)
            assert result.value == {"paid": 2}

        await code(run)
        await code(run)
        assert (await kernel.check(code, run=run)).equal
        assert judged == [{"amount": 2}]
        assert [message.text for message in model.asked[0].messages] == ["HI"]
        intents = [event.payload for event in await events(kernel, run)]
        (intent,) = [each for each in intents if isinstance(each, ToolRequested)]
        assert (intent.arguments, world.count, len(model.asked)) == ({"amount": 2}, 1, 1)


async def test_a_rewriter_that_was_changed_since_is_a_drift_and_calls_nothing(
    tmp_path: Path,
) -> None:
    world = World()
    tool = acting(world.acts)
    async with kernel_of(tool, at=tmp_path, hooks=[rewriter("before_tool", halves)]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 8})
    async with kernel_of(tool, at=tmp_path) as kernel:
        run = await kernel.load_run(run.run_id)
        with pytest.raises(DriftError):
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 8})
    assert world.count == 1


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (ZeroDivisionError("x"), HookFailedError),
        (SystemExit(3), HookFailedError),
        ("text", HookFailedError),
        ({"amount": "many"}, ToolArgumentsError),
        ({"other": 1}, ToolArgumentsError),
    ],
)
async def test_a_rewriter_that_fails_asks_nothing(made: object, error: type[Exception]) -> None:
    def rewrites(turn: ToolTurn) -> Any:  # noqa: ANN401 - what it must not return
        turn.arguments["amount"] = 99
        if isinstance(made, BaseException):
            raise made
        return made

    world = World()
    async with kernel_of(acting(world.acts), hooks=[rewriter("before_tool", rewrites)]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(error):
            await pays(kernel, run)
        assert world.count == 0


@pytest.mark.parametrize("made", [ZeroDivisionError("x"), "text", [1]])
async def test_messages_that_are_none_ask_nothing(made: object) -> None:
    def rewrites(_turn: ModelTurn) -> Any:  # noqa: ANN401 - what it must not return
        if isinstance(made, BaseException):
            raise made
        return made

    model = Provider()
    async with kernel_of(hooks=[rewriter("before_model", rewrites)], model=model) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(HookFailedError):
            await kernel.step_model(run=run, step_key="m", prompt="hi")
        assert model.asked == []


async def test_a_rewriter_that_leaves_things_as_they_are_changes_nothing() -> None:
    def leaves(turn: ToolTurn) -> None:
        turn.arguments["amount"] = 99

    async with kernel_of(acting(World().acts), hooks=[rewriter("before_tool", leaves)]) as kernel:
        run = await kernel.start_run(agent="purser")
        assert (await pays(kernel, run)).value == {"paid": 1}


def test_hooks_stand_where_they_can_do_something_and_nowhere_else() -> None:
    with pytest.raises(InvalidError, match="the run is over"):
        guardrail("run_completed", lambda _happened: ALLOW)
    with pytest.raises(InvalidError, match="it stands in the log"):
        rewriter("after_tool", halves)


async def test_a_kernel_that_tells_nobody_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks.Hooks, "told", lambda *_given: None)
    with pytest.raises(AssertionError):
        await test_observers_hear_of_each_point_once_it_is_on_disk_and_never_of_a_replay()


async def test_an_engine_that_asks_no_guardrail_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hooks, "_said", lambda *_given: [])
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await test_a_guardrail_that_says_no_holds_the_run_in_the_same_batch(
            "after_model", Deny(reason="no"), "no"
        )
