"""What a second kernel on the same folder makes of what the first left open: A9 and A10."""

import asyncio
import threading
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    CANNOT_TELL,
    NOT_DONE,
    Done,
    Kernel,
    RetryPolicy,
    Run,
    Tool,
    ToolContext,
    ToolResult,
    tool_of,
)
from quarterdeck_kernel.engine import tool_record
from quarterdeck_kernel.errors import (
    AlreadySettledError,
    ConflictError,
    InvalidError,
    LeaseLostError,
    NotFoundError,
    QuarterdeckError,
    ReconciliationRequiredError,
    StepInterruptedError,
    StoreDiskError,
    StoreFullError,
    ToolFailedError,
)
from quarterdeck_kernel.events.tool_events import ToolEvidence, ToolReconciled
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    PATIENT,
    SECOND_US,
    WatchedClock,
    World,
    acting,
    dies,
    events,
    kernel_of,
    length,
    story,
)

UNKNOWN = ["intent 1", "unknown_outcome"]


async def stepped(kernel: Kernel, run: Run) -> ToolResult:
    return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})


async def left_open(kernel: Kernel, world: World) -> tuple[str, "asyncio.Task[ToolResult]"]:
    """Begin a call whose process then dies."""
    run = await kernel.start_run(agent="purser", run_id="voyage")
    task = asyncio.create_task(stepped(kernel, run))
    await world.wait_for_call()
    dies(kernel)
    return run.run_id, task


async def over(task: "asyncio.Task[ToolResult]", world: World) -> None:
    """Let the call of the dead process return to nobody."""
    world.door.set()
    with pytest.raises(QuarterdeckError):
        await task


@pytest.mark.parametrize("effect", ["read", "idempotent"])
@pytest.mark.parametrize("tries", [1, 3])
async def test_what_is_safe_to_repeat_goes_again_by_itself(
    effect: str, tries: int, tmp_path: Path
) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    retry = RetryPolicy(tries=tries, timeout_s=10)
    first = kernel_of(acting(lost.waits, effect=effect, retry=retry), at=tmp_path, clock=clock)
    second = kernel_of(acting(world.acts, effect=effect, retry=retry), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        result = await stepped(kernel, run)
        assert (result.attempt, result.replayed, world.count) == (2, False, 1)
        assert world.calls[0].idempotency_key == lost.calls[0].idempotency_key
        assert await story(kernel, run) == ["intent 1", "transient_error", "intent 2", "success"]
        await over(task, lost)


async def test_a_once_effect_left_open_is_unknown_and_nothing_makes_it_go_again(
    tmp_path: Path,
) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    first = kernel_of(acting(lost.waits), at=tmp_path, clock=clock)
    second = kernel_of(acting(world.acts), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        for _ in range(3):
            with pytest.raises(ReconciliationRequiredError, match="requires reconciliation"):
                await stepped(kernel, run)
            assert await story(kernel, run) == UNKNOWN
        assert world.count == 0
        await over(task, lost)


async def test_the_test_above_sees_a_kernel_that_tries_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a record that says of an unknown that nothing was ever asked for."""

    async def blind(*_: object) -> tool_record.Found:
        return tool_record.Fresh()

    clock, lost, world = WatchedClock(), World(), World()
    first = kernel_of(acting(lost.waits), at=tmp_path, clock=clock)
    second = kernel_of(acting(world.acts), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        monkeypatch.setattr("quarterdeck_kernel.engine.tool_step.found", blind)
        # Legality stands behind the engine: even a blind one is refused.
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        assert world.count == 0
        await over(task, lost)


# -- reconciling by hand


async def in_doubt(kernel: Kernel, **start: str) -> Run:
    run = await kernel.start_run(agent="purser", **start)  # type: ignore[arg-type]
    with pytest.raises(ReconciliationRequiredError):
        await stepped(kernel, run)
    return run


async def breaks(context: ToolContext, amount: int) -> object:
    raise ConnectionResetError(f"{context.tool} {amount}")


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
        result = await stepped(kernel, run)
        assert (result.value, result.replayed) == ({"paid": 1}, True)
        last = (await events(kernel, run))[-1]
        assert (last.kind, last.actor) == ("tool_reconciled", ADA)
        before = await length(kernel, run)
        again = await kernel.reconcile_tool(run=run, step_key="s")
        assert again is not None
        assert again.value == {"paid": 1}
        assert await length(kernel, run) == before


async def test_failed_by_hand_fails_from_then_on() -> None:
    async with kernel_of(acting(breaks)) as kernel:
        run = await in_doubt(kernel)
        await kernel.reconcile_tool(
            run=run, step_key="s", verdict="failed", reason="the bank knows nothing", actor=ADA
        )
        for _ in range(2):
            with pytest.raises(ToolFailedError, match="the bank knows nothing"):
                await stepped(kernel, run)
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
        result = await stepped(kernel, run)
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
                await stepped(kernel, run)
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
        (error,) = [said for said in told if said is not None]
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
        await stepped(kernel, run)
        result = await kernel.reconcile_tool(run=run, step_key="s", verdict="retry", actor=ADA)
        assert result is not None
        assert (result.value, result.replayed, world.count) == ({"paid": 1}, True, 1)


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


# -- probes


def probed(world: World, answer: object) -> Tool:
    """A tool that breaks, and whose probe says `answer`, or raises it."""

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return acting(breaks, probe=probe)


async def test_a_probe_that_says_done_settles_at_once() -> None:
    world = World()
    async with kernel_of(probed(world, Done({"paid": 1}))) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        result = await stepped(kernel, run)
        assert (result.value, world.count) == ({"paid": 1}, 1)
        assert await story(kernel, run) == [*UNKNOWN, "probe says done"]
        assert (await stepped(kernel, run)).replayed


async def test_a_probe_that_says_not_done_lets_the_step_go_again() -> None:
    world, effects = World(), World()

    async def breaks_once(context: ToolContext, amount: int) -> object:
        effects.calls.append(context)
        if effects.count == 1:
            raise ConnectionResetError
        return amount

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        return NOT_DONE

    async with kernel_of(acting(breaks_once, probe=probe)) as kernel:
        run = await in_doubt(kernel)
        result = await stepped(kernel, run)
        assert (result.attempt, effects.count, world.count) == (2, 2, 1)
        assert world.calls[0].idempotency_key == effects.calls[0].idempotency_key
        assert await story(kernel, run) == [*UNKNOWN, "probe says retry", "intent 2", "success"]


@pytest.mark.parametrize(
    "answer",
    [CANNOT_TELL, ValueError("\ud800"), SystemExit(1), asyncio.CancelledError(), "yes", None],
    ids=repr,
)
async def test_a_probe_that_cannot_tell_is_evidence_and_is_asked_once(answer: object) -> None:
    world = World()
    async with kernel_of(probed(world, answer)) as kernel:
        run = await in_doubt(kernel)
        for _ in range(3):
            with pytest.raises(ReconciliationRequiredError):
                await stepped(kernel, run)
        assert world.count == 1
        assert await story(kernel, run) == [*UNKNOWN, "probe: cannot_tell"]
        # A person may have it asked anew.
        assert await kernel.reconcile_tool(run=run, step_key="s") is None
        assert world.count == 2


async def test_a_probe_that_hangs_cannot_tell() -> None:
    clock, world = WatchedClock(), World()

    async def probe(context: ToolContext) -> object:
        world.calls.append(context)
        await world.door.wait()
        return NOT_DONE

    async with kernel_of(acting(breaks, probe=probe), clock=clock) as kernel:
        run = await in_doubt(kernel)
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(30 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        assert await story(kernel, run) == [*UNKNOWN, "probe: cannot_tell"]


async def test_a_step_that_is_cancelled_while_its_probe_hangs_ends_at_once() -> None:
    world = World()

    async def probe(_context: ToolContext) -> object:
        world.arrived.set()
        await world.door.wait()
        return NOT_DONE

    async with kernel_of(acting(breaks, probe=probe)) as kernel:
        run = await in_doubt(kernel)
        task = asyncio.create_task(stepped(kernel, run))
        await world.wait_for_call()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await story(kernel, run) == UNKNOWN


async def test_not_done_is_believed_only_when_the_tools_time_has_passed(tmp_path: Path) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    probes = World()

    async def probe(context: ToolContext) -> object:
        probes.calls.append(context)
        return NOT_DONE

    first = kernel_of(acting(lost.waits, retry=PATIENT), at=tmp_path, clock=clock)
    # What counts is the time that the call was given, not what the tool is given now.
    hasty = RetryPolicy(tries=1, timeout_s=1)
    second = kernel_of(acting(world.acts, probe=probe, retry=hasty), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await stepped(kernel, run)
        assert probes.count == 1
        clock.advance(2 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)
        assert await story(kernel, run) == [*UNKNOWN, "probe: not_done"]
        clock.advance(9 * SECOND_US)
        assert (await stepped(kernel, run)).attempt == 2
        assert (probes.count, world.count) == (2, 1)
        await over(task, lost)


async def test_not_done_is_not_believed_while_a_late_thread_runs() -> None:
    clock, door, began = WatchedClock(), threading.Event(), threading.Event()

    def pay() -> str:
        began.set()
        door.wait(20)
        return "late"

    async def probe() -> object:
        return NOT_DONE

    tool = tool_of(pay, retry=RetryPolicy(tries=1, timeout_s=10), probe=probe)
    async with kernel_of(tool, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await asyncio.to_thread(began.wait, 20)
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        clock.advance(100 * SECOND_US)
        for _ in range(2):
            with pytest.raises(ReconciliationRequiredError):
                await stepped(kernel, run)
        assert await story(kernel, run) == [*UNKNOWN, "probe: not_done"]
        door.set()
        # What it says in the end is kept beside the unknown; only then is the probe believed.
        await kernel.store.wait(after=run.state.head_seq, run_id=run.run_id)
        assert (await story(kernel, run))[-1] == "late_result: done"


async def test_the_late_result_of_a_call_is_kept_as_evidence() -> None:
    clock, world = WatchedClock(), World()

    async def stubborn(_context: ToolContext, amount: int) -> object:
        while not world.door.is_set():
            try:
                await world.door.wait()
            except asyncio.CancelledError:
                continue
        return {"paid": amount}

    async with kernel_of(acting(stubborn), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        task = asyncio.create_task(stepped(kernel, run))
        await clock.passes(10 * SECOND_US)
        await clock.passes(SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await task
        world.door.set()
        await kernel.store.wait(after=run.state.head_seq, run_id=run.run_id)
        evidence = (await events(kernel, run))[-1].payload
        assert isinstance(evidence, ToolEvidence)
        assert (evidence.source, evidence.verdict, evidence.detail) == (
            "late_result",
            "done",
            {"paid": 1},
        )
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, run)


# -- leases


async def test_a_call_whose_lease_was_lost_is_not_dispatched(tmp_path: Path) -> None:
    clock, mine, theirs = WatchedClock(), World(), World()
    first = kernel_of(acting(mine.acts), at=tmp_path, clock=clock)
    second = kernel_of(acting(theirs.acts), at=tmp_path, clock=clock)
    async with first as slept, second as kernel:
        run = await slept.start_run(agent="purser")
        await run.driver.take_up()
        real = run.driver.sure

        async def sleeps() -> None:
            """The lid is closed between the intent and the call; another takes the run up."""
            clock.suspend(100 * SECOND_US)
            with pytest.raises(ReconciliationRequiredError):
                await stepped(kernel, await kernel.load_run(run.run_id))
            await real()

        run.driver.sure = sleeps  # type: ignore[method-assign]
        with pytest.raises(LeaseLostError):
            await stepped(slept, run)
        assert (mine.count, theirs.count) == (0, 0)
        assert await story(kernel, run) == [*UNKNOWN, "driver: not_done"]


async def test_an_outcome_whose_lease_was_lost_is_kept_as_evidence(tmp_path: Path) -> None:
    clock, mine, theirs = WatchedClock(), World(), World()
    first = kernel_of(acting(mine.waits, retry=RetryPolicy(tries=1)), at=tmp_path, clock=clock)
    second = kernel_of(acting(theirs.acts), at=tmp_path, clock=clock)
    async with first as slept, second as kernel:
        run = await slept.start_run(agent="purser")
        task = asyncio.create_task(stepped(slept, run))
        await mine.wait_for_call()
        clock.suspend(100 * SECOND_US)
        with pytest.raises(ReconciliationRequiredError):
            await stepped(kernel, await kernel.load_run(run.run_id))
        mine.door.set()
        with pytest.raises(LeaseLostError):
            await task
        assert await story(kernel, run) == [*UNKNOWN, "late_result: done"]
        # Whoever lost it may take it up again once the other lets go, and sees what is true.
        await kernel.let_go(await kernel.load_run(run.run_id))
        with pytest.raises(ReconciliationRequiredError):
            await stepped(slept, run)
        assert (mine.count, theirs.count) == (1, 0)


async def test_a_suspended_machine_whose_run_nobody_took_goes_on(tmp_path: Path) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.acts), at=tmp_path, clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        clock.suspend(100 * SECOND_US)
        assert (await stepped(kernel, run)).value == {"paid": 1}


# -- a disk that says no


def failing_outcomes(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> list[int]:
    """Let the store refuse every outcome until the list is cleared."""
    refusing = [1]
    real = kernel.store.append

    async def append(batch: object) -> None:
        if refusing and any(r.kind == "tool_completed" for r in batch.records):  # type: ignore[attr-defined]
            raise error
        await real(batch)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel.store, "append", append)
    return refusing


async def test_an_outcome_that_the_disk_refused_is_written_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts), acting(world.acts, name="other")) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        refusing = failing_outcomes(kernel, monkeypatch, StoreFullError("full"))
        for _ in range(2):
            with pytest.raises(StoreFullError):
                await stepped(kernel, run)
            assert await story(kernel, run) == ["intent 1"]
        refusing.clear()
        await kernel.step_tool(run=run, step_key="t", tool="other", arguments={})
        assert await story(kernel, run) == ["intent 1", "success", "intent 1", "success"]
        assert (await stepped(kernel, run)).replayed
        assert world.count == 2


async def test_an_outcome_that_is_owed_survives_losing_the_lease_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        refusing = failing_outcomes(kernel, monkeypatch, StoreFullError("full"))
        with pytest.raises(StoreFullError):
            await stepped(kernel, run)
        refusing.clear()
        await run.driver.let_go()
        assert (await stepped(kernel, run)).replayed
        assert await story(kernel, run) == ["intent 1", "success"]
        assert world.count == 1


async def test_a_lease_that_cannot_be_made_sure_of_lets_nothing_be_dispatched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, world = WatchedClock(), World()
    async with kernel_of(acting(world.acts), clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        await run.driver.take_up()
        with monkeypatch.context() as patch:

            async def refused() -> int:
                raise StoreDiskError("the disk is gone")

            patch.setattr(kernel.store, "renew", refused)
            clock.suspend(100 * SECOND_US)
            with pytest.raises(StepInterruptedError, match="the disk is gone"):
                await stepped(kernel, run)
        assert world.count == 0
        assert (await stepped(kernel, run)).value == {"paid": 1}


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
