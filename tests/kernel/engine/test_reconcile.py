"""Unknown outcomes settled by hand: each verdict, who said it, and what replays then: A10."""

import asyncio
from typing import Literal

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import (
    CANNOT_TELL,
    NOT_DONE,
    Done,
    ToolContext,
)
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    ConflictError,
    InvalidError,
    NotFoundError,
    ReconciliationRequiredError,
    ToolFailedError,
)
from quarterdeck_kernel.events.tool_events import ToolReconciled
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    PATIENT,
    SECOND_US,
    UNKNOWN,
    WatchedClock,
    World,
    acting,
    breaks,
    events,
    in_doubt,
    kernel_of,
    length,
    pays,
    story,
)

PATIENT_US = int(PATIENT.timeout_s * SECOND_US)


async def test_done_by_hand_replays_from_then_on() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(
            run=run,
            step_key="s",
            verdict="done",
            result={"paid": 1},
            reason="it is on the statement",
            actor=ADA,
        )
        result = await pays(kernel, run)
        assert (result.value, result.replayed) == ({"paid": 1}, True)
        last = (await events(kernel, run))[-1]
        assert (last.kind, last.actor) == ("tool_reconciled", ADA)
        before = await length(kernel, run)
        again = await kernel.reconcile_tool(run=run, step_key="s")
        assert (again.outcome, again.by, again.actor) == ("done", "operator", ADA)
        assert (again.value, again.replayed) == ({"paid": 1}, True)
        assert await length(kernel, run) == before


async def test_failed_by_hand_fails_from_then_on() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(
            run=run, step_key="s", verdict="failed", reason="the bank knows nothing", actor=ADA
        )
        for _ in range(2):
            with pytest.raises(ToolFailedError, match="the bank knows nothing"):
                await pays(kernel, run)
        with pytest.raises(ConflictError, match="not in doubt"):
            await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)


async def test_a_retry_by_hand_goes_once_more_under_the_same_key() -> None:
    world = World()

    async def breaks_once(context: ToolContext, amount: int) -> object:
        world.calls.append(context)
        if world.count == 1:
            raise ConnectionResetError
        return amount

    async with kernel_of(acting(breaks_once)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)
        assert world.count == 1
        result = await pays(kernel, run)
        assert (result.value, result.attempt) == (1, 2)
        assert await story(kernel, run) == [*UNKNOWN, "operator says retry", "intent 2", "success"]
        assert len({call.idempotency_key for call in world.calls}) == 1
        intent = (await events(kernel, run))[-2].payload
        assert getattr(intent, "decision_seq", None) == 5


async def test_a_retry_that_is_in_doubt_again_needs_another_decision() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await pays(kernel, run)
        assert await story(kernel, run) == [
            *UNKNOWN,
            "operator says retry",
            "intent 2",
            "unknown_outcome",
        ]


async def test_the_second_operator_is_told_who_was_first() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        verdicts = [
            kernel.reconcile_tool(run=run, step_key="s", verdict="failed", reason="no", actor=actor)
            for actor in (ADA, BEN)
        ]
        told = await asyncio.gather(*verdicts, return_exceptions=True)
        (error,) = [said for said in told if isinstance(said, BaseException)]
        assert isinstance(error, AlreadySettledError | ConflictError)
        if isinstance(error, AlreadySettledError):
            assert "failed by" in str(error)
        settled = [e for e in await events(kernel, run) if e.kind == "tool_reconciled"]
        assert len(settled) == 1


async def test_what_was_never_requested_cannot_be_settled() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(NotFoundError, match="never requested"):
            await kernel.reconcile_tool(run=run, step_key="s", verdict="retry")


async def test_a_recorded_success_is_returned_without_executing() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await pays(kernel, run)
        result = await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)
        assert (result.outcome, result.by, result.replayed) == ("done", "tool", True)
        assert (result.value, world.count) == ({"paid": 1}, 1)


@pytest.mark.parametrize(
    ("verdict", "result", "reason"),
    [
        ("done", {"paid": 1}, None),
        ("failed", None, ""),
        ("done", float("nan"), "seen"),
        ("done", object(), "seen"),
        ("done", {"a": "\ud800"}, "seen"),
        ("maybe", None, "who knows"),
    ],
)
async def test_a_verdict_that_says_too_little_or_nonsense_is_refused(
    verdict: str, result: object, reason: str | None
) -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        before = await length(kernel, run)
        with pytest.raises(InvalidError):
            await kernel.reconcile_tool(
                run=run,
                step_key="s",
                verdict=verdict,  # type: ignore[arg-type]
                result=result,  # type: ignore[arg-type]
                reason=reason,
                actor=ADA,
            )
        assert await length(kernel, run) == before


async def test_while_something_is_unknown_nothing_new_is_begun() -> None:
    world = World()
    tools = acting(breaks), acting(world.acts, name="look", effect="read")
    async with kernel_of(*tools) as kernel:
        run = await in_doubt(kernel)
        before = await length(kernel, run)
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="t", tool="look", arguments={})
        assert (world.count, await length(kernel, run)) == (0, before)


async def test_a_reconciliation_says_who_and_why() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(
            run=run, step_key="s", verdict="failed", reason="asked the bank", actor=BEN
        )
        event = (await events(kernel, run))[-1]
        assert isinstance(event.payload, ToolReconciled)
        assert (event.actor, event.payload.by, event.payload.reason) == (
            BEN,
            "operator",
            "asked the bank",
        )


@pytest.mark.parametrize(
    ("verdict", "value", "reason"),
    [("done", {"paid": 2}, "seen"), ("failed", None, "no money"), ("retry", None, None)],
)
async def test_what_a_person_settled_is_told_with_who_did(
    verdict: Literal["done", "failed", "retry"], value: JsonValue, reason: str | None
) -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        told = await kernel.reconcile_tool(
            run=run, step_key="s", verdict=verdict, result=value, reason=reason, actor=BEN
        )
        assert (told.outcome, told.by, told.actor, told.settled) == (verdict, "operator", BEN, True)
        assert (told.value, told.reason, told.replayed) == (value, reason, False)
        last = (await events(kernel, run))[-1]
        assert (told.seq, told.intent_seq) == (last.seq, 3)


@pytest.mark.parametrize(
    ("answer", "outcome", "by", "reason"),
    [
        (Done({"paid": 9}), "done", "probe", None),
        (NOT_DONE, "retry", "probe", "nothing has happened"),
        (CANNOT_TELL, "open", None, "cannot tell"),
        (ValueError("no line"), "open", None, "no line"),
    ],
    ids=repr,
)
async def test_what_a_probe_settled_is_told_and_what_it_did_not(
    answer: object, outcome: str, by: str | None, reason: str | None
) -> None:
    async def probe() -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = WatchedClock()
    async with kernel_of(acting(breaks, probe=probe), clock=clock) as kernel:
        run = await in_doubt(kernel)
        clock.advance(PATIENT_US)
        told = await kernel.reconcile_tool(run=run, step_key="s")
        assert (told.outcome, told.by) == (outcome, by)
        assert told.settled == (outcome != "open")
        assert reason is None or reason in (told.reason or "")
        assert (told.seq is None) == (outcome == "open")


async def test_a_probe_that_is_not_believed_yet_is_told_as_open_with_the_reason() -> None:
    async with kernel_of(acting(breaks, probe=lambda: NOT_DONE)) as kernel:
        run = await in_doubt(kernel)
        told = await kernel.reconcile_tool(run=run, step_key="s")
        assert (told.outcome, told.settled) == ("open", False)
        assert "may be on its way" in (told.reason or "")


async def test_an_outcome_that_nobody_can_look_up_is_told_as_open_with_the_reason() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        before = await length(kernel, run)
        told = await kernel.reconcile_tool(run=run, step_key="s")
        assert (told.outcome, told.reason) == ("open", "tool 'pay' has no probe")
        assert await length(kernel, run) == before
