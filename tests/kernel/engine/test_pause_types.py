"""Pauses of each type: what may be answered, several at once, and how late is late: C2."""

import asyncio
from typing import Any, get_args

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Flow, Kernel, PauseAnswer, Run
from quarterdeck_kernel.engine import answer_form
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    DeniedError,
    IllegalMoveError,
    InvalidError,
    RunHeldError,
    RunPausedError,
)
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.runs import resolve
from quarterdeck_kernel.vocabulary.words import PauseType
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    SECOND_US,
    WatchedClock,
    acting,
    breaks,
    events,
    in_doubt,
    kernel_of,
    length,
    story,
)

PORTS = ["Bristol", "Cork"]

FITS: dict[PauseType, JsonValue] = {
    "confirm": False,
    "approve": True,
    "choose": "Cork",
    "input": "as you like",
    "upload": {"name": "manifest.csv", "path": "in/manifest.csv", "size": 12},
    "reauth": True,
    "apply_changes": True,
    "custom": {"anything": [1, None]},
}

MISFITS: list[tuple[PauseType, JsonValue]] = [
    ("confirm", "yes"),
    ("confirm", None),
    ("approve", False),
    ("approve", "yes"),
    ("choose", "Paris"),
    ("choose", None),
    ("input", 7),
    ("input", None),
    ("upload", "manifest.csv"),
    ("upload", {"name": "manifest.csv"}),
    ("upload", {"name": "", "path": "x"}),
    ("upload", {"name": "a", "path": "b", "sha256": "short"}),
    ("upload", {"name": "a", "path": "b", "owner": "me"}),
    ("reauth", False),
    ("apply_changes", 1),
]

APPROVABLE: list[PauseType] = ["confirm", "approve", "apply_changes", "reauth"]


async def asks(kernel: Kernel, run: Run, kind: PauseType, key: str = "q") -> PauseAnswer:
    return await kernel.pause(
        run=run, step_key=key, title=f"{kind}?", type=kind, options=PORTS, details={"cargo": "rum"}
    )


async def opened(kernel: Kernel, run: Run, kind: PauseType, key: str = "q") -> str:
    with pytest.raises(RunPausedError, match=rf"{kind}\?") as paused:
        await asks(kernel, run, kind, key)
    return paused.value.pause_id


def test_each_type_is_tested_here() -> None:
    assert set(FITS) == set(get_args(PauseType))


@pytest.mark.parametrize("kind", FITS)
async def test_what_fits_the_type_is_an_answer(kind: PauseType) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, kind)
        await kernel.resume(run, pause_id, answer=FITS[kind], actor=ADA)
        answer = await asks(kernel, run, kind)
        assert (answer.value, answer.decision, answer.actor) == (FITS[kind], "answered", ADA)


@pytest.mark.parametrize(("kind", "answer"), MISFITS, ids=str)
async def test_what_does_not_fit_the_type_is_refused_and_changes_nothing(
    kind: PauseType, answer: JsonValue
) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, kind)
        before = await length(kernel, run)
        with pytest.raises(InvalidError, match="does not fit"):
            await kernel.resume(run, pause_id, answer=answer, actor=ADA)
        assert await length(kernel, run) == before
        assert pause_id in (await kernel.load_run(run.run_id)).state.pauses


@pytest.mark.parametrize("kind", APPROVABLE)
async def test_what_asks_for_a_yes_is_approved(kind: PauseType) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, kind)
        await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        answer = await asks(kernel, run, kind)
        assert (answer.value, answer.decision) == (True, "approved")
        assert await story(kernel, run) == ["pause_requested", "approved"]


@pytest.mark.parametrize("kind", APPROVABLE)
async def test_what_asks_for_a_yes_is_rejected_with_a_reason(kind: PauseType) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, kind)
        await kernel.resume(run, pause_id, decision="rejected", reason="not today", actor=ADA)
        for _ in range(2):
            with pytest.raises(DeniedError, match="not today"):
                await asks(kernel, run, kind)


@pytest.mark.parametrize("kind", ["choose", "input", "upload", "custom"])
@pytest.mark.parametrize("decision", ["approved", "granted", "edited"])
async def test_what_asks_for_more_than_a_yes_is_not_approved(
    kind: PauseType, decision: resolve.Decision
) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, kind)
        with pytest.raises(InvalidError, match="answer it, or reject it"):
            await kernel.resume(run, pause_id, decision=decision, actor=ADA)


async def test_an_approval_is_to_fit_the_schema_that_code_gave() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")

        async def asks_how_much() -> PauseAnswer:
            return await kernel.pause(
                run=run, step_key="q", title="How much?", type="approve", answer=int
            )

        with pytest.raises(RunPausedError) as paused:
            await asks_how_much()
        with pytest.raises(InvalidError, match="does not fit"):
            await kernel.resume(run, paused.value.pause_id, decision="approved", actor=ADA)
        await kernel.resume(run, paused.value.pause_id, decision="approved", answer=3, actor=ADA)
        assert (await asks_how_much()).value == 3


async def test_payload_schema_and_options_stand_in_the_question() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await opened(kernel, run, "choose")
        asked = (await events(kernel, run))[-1].payload
        assert isinstance(asked, PauseRequested)
        assert (asked.details, asked.options) == ({"cargo": "rum"}, tuple(PORTS))
        assert asked.answer_schema == {"enum": PORTS}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"type": "choose"}, "nothing to choose from"),
        ({"type": "choose", "options": ["a", "a"]}, "hold one twice"),
        ({"expires_after_s": 0}, "cannot expire"),
        ({"expires_after_s": -1}, "cannot expire"),
        ({"expires_after_s": float("inf")}, "cannot expire"),
        ({"expires_after_s": float("nan")}, "cannot expire"),
        ({"with_token": True, "wait": True}, "token"),
    ],
    ids=str,
)
async def test_a_question_that_cannot_be_asked_is_refused(
    given: dict[str, object], match: str
) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError, match=match):
            await kernel.pause(run=run, step_key="q", title="?", **given)  # type: ignore[arg-type]
        assert not (await kernel.load_run(run.run_id)).state.pauses


# -- several at once


async def test_several_pauses_may_be_open_and_are_answered_in_any_order() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        kinds: list[PauseType] = ["confirm", "choose", "input"]
        ids = [await opened(kernel, run, kind, kind) for kind in kinds]
        assert list(run.state.pauses) == ids
        for kind, pause_id in reversed(list(zip(kinds, ids, strict=True))):
            # Each is told of its own pause, and found again while others are open.
            assert await opened(kernel, run, kind, kind) == pause_id
            await kernel.resume(run, pause_id, answer=FITS[kind], actor=ADA)
            assert (await asks(kernel, run, kind, kind)).value == FITS[kind]
        assert not run.state.pauses


async def test_while_one_of_several_is_open_nothing_new_is_begun() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await kernel.start_run(agent="purser")
        first, second = [await opened(kernel, run, "confirm", key) for key in ("a", "b")]
        await kernel.resume(run, first, decision="approved", actor=ADA)
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert paused.value.pause_id == second


async def test_nothing_is_asked_in_a_run_that_is_held_or_in_doubt() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        with pytest.raises(Exception, match="reconciliation"):
            await asks(kernel, run, "confirm")
        held = await kernel.start_run(agent="purser")
        await opened(kernel, held, "confirm", "a")
        await kernel.hold(held, reason="quiet", actor=ADA)
        with pytest.raises(RunHeldError):
            await asks(kernel, held, "confirm", "b")


async def test_parts_of_a_workflow_ask_side_by_side() -> None:
    async def code(flow: Flow) -> list[JsonValue]:
        answers = await flow.gather(
            flow.pause(step_key="port", title="Which?", type="choose", options=PORTS),
            flow.pause(step_key="sail", title="Sail?", type="confirm", expires_after_s=60),
            flow.pause(step_key="depth", title="How deep?", answer=int),
        )
        return [answer.value for answer in answers]

    said: dict[str, JsonValue] = {"port": "Cork", "sail": True, "depth": 9}
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError):
            await kernel.run_workflow(code, run=run)
        assert {pause.step_key for pause in run.state.pauses.values()} == set(said)
        for pause in tuple(run.state.pauses.values()):
            await kernel.resume(run, pause.pause_id, answer=said[pause.step_key], actor=ADA)
        assert await kernel.run_workflow(code, run=run) == list(said.values())


# -- late, double


async def test_a_late_answer_is_told_when_the_time_was_over_and_that_nobody_had_decided() -> None:
    clock = WatchedClock()
    async with kernel_of(clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await kernel.pause(
                run=run, step_key="q", title="Sail?", type="confirm", expires_after_s=60
            )
        pause_id = paused.value.pause_id
        clock.advance(60 * SECOND_US)
        for decision in ("approved", "rejected"):
            with pytest.raises(
                IllegalMoveError, match=r"expired at \d\d:\d\d:\d\d UTC, when nobody had decided"
            ):
                await kernel.resume(run, pause_id, decision=decision, actor=ADA)
        with pytest.raises(DeniedError, match="nobody answered"):
            await kernel.pause(run=run, step_key="q", title="Sail?", type="confirm")
        # It is on record now, as nobody's decision.
        assert await story(kernel, run) == ["pause_requested", "pause_expired"]
        with pytest.raises(AlreadySettledError, match=r"expired by kernel at \d\d:\d\d:\d\d UTC"):
            await kernel.resume(run, pause_id, decision="approved", actor=ADA)


async def test_a_second_answer_is_told_who_decided_what_from_where_and_when() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await opened(kernel, run, "confirm")
        said = await asyncio.gather(
            kernel.resume(run, pause_id, decision="approved", actor=ADA),
            kernel.resume(run, pause_id, decision="rejected", actor=BEN),
            return_exceptions=True,
        )
        (error,) = [one for one in said if isinstance(one, BaseException)]
        assert isinstance(error, AlreadySettledError)
        told = r"(approved by operator:ada on bridge|rejected by operator:ben on engine-room) at "
        with pytest.raises(AlreadySettledError, match=told + r"\d\d:\d\d:\d\d UTC \(event #4\)"):
            raise error


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"type": "shout"}, "'shout' is no type of a pause"),
        ({"type": "choose", "options": [1, 2]}, "are not all texts"),
    ],
    ids=str,
)
async def test_a_question_of_no_kind_is_refused_and_changes_nothing(
    asked: dict[str, Any], match: str
) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError, match=match):
            await kernel.pause(run=run, step_key="q", title="Well?", **asked)
        assert run.driver.state.pauses == {}


# -- mutants


async def test_the_tests_above_see_a_form_that_takes_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "check_answer", lambda *_: None)
    for kind, answer in MISFITS:
        with pytest.raises(pytest.fail.Exception):
            await test_what_does_not_fit_the_type_is_refused_and_changes_nothing(kind, answer)


async def test_the_tests_above_see_a_yes_that_is_taken_for_any_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "APPROVABLE", frozenset(get_args(PauseType)))
    with pytest.raises((AssertionError, InvalidError, pytest.fail.Exception)):
        await test_what_asks_for_more_than_a_yes_is_not_approved("custom", "approved")
    monkeypatch.setattr(resolve, "APPROVABLE", frozenset())
    assert frozenset(APPROVABLE) == answer_form.APPROVABLE
    with pytest.raises(InvalidError):
        await test_what_asks_for_a_yes_is_approved("confirm")
