"""Preconditions: a call is made upon what it was judged and approved upon, or not at all."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import Kernel, Run, Tool, ToolContext, ToolResult, tool_of
from quarterdeck_kernel.engine import tool_step
from quarterdeck_kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    RunPausedError,
    StepInterruptedError,
    TransientToolError,
)
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from tests.kernel.engine.asking import asks
from tests.kernel.engine.deck import (
    ADA,
    BEN,
    PATIENT,
    SECOND_US,
    WatchedClock,
    World,
    events,
    kernel_of,
    story,
)


def editing(world: World, base: Callable[..., object], **declared: object) -> Tool:
    """A tool that changes a file, and says what the file holds now."""

    async def edit(context: ToolContext, path: str, text: str = "new") -> str:
        world.calls.append(context)
        return f"{path}: {text}"

    given: dict[str, object] = {"name": "edit", "version": "1", "retry": PATIENT, **declared}
    return tool_of(edit, preconditions=base, **given)  # type: ignore[arg-type]


async def steps(kernel: Kernel, run: Run) -> ToolResult:
    return await kernel.step_tool(run=run, step_key="s", tool="edit", arguments={"path": "a"})


async def asked(kernel: Kernel, run: Run) -> str:
    with pytest.raises(RunPausedError) as paused:
        await steps(kernel, run)
    return paused.value.pause_id


async def test_they_are_shown_recorded_and_may_stay_as_they_are() -> None:
    world = World()
    tool = editing(world, lambda path: {"base": f"hash of {path}"})
    async with kernel_of(tool, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        question = (await events(kernel, run))[-1].payload
        assert isinstance(question, PauseRequested)
        assert isinstance(question.details, dict)
        assert question.details["preconditions"] == {"base": "hash of a"}
        await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        assert (await steps(kernel, run)).value == "a: new"
        intent = (await events(kernel, run))[-2].payload
        assert isinstance(intent, ToolRequested)
        assert intent.preconditions == {"base": "hash of a"}


async def test_what_changed_between_approval_and_call_is_asked_about_again() -> None:
    world, base = World(), ["one"]
    async with kernel_of(editing(world, lambda: base[0]), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        first = await asked(kernel, run)
        await kernel.resume(run, first, decision="approved", actor=ADA)
        base[0] = "two"
        second = await asked(kernel, run)
        assert (second != first, world.count) == (True, 0)
        await kernel.resume(run, second, decision="approved", actor=ADA)
        await steps(kernel, run)
        assert world.count == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_what_changed_right_before_the_call_is_not_dispatched(*, guarded: bool) -> None:
    """Looked at when it is judged, and again when everything else is done."""
    world, looks = World(), count(1)
    seen: list[int] = []

    def base() -> str:
        seen.append(next(looks))
        # The look right before the first call sees something else.
        return "two" if seen[-1] == changes_at else "one"

    changes_at = 3 if guarded else 2
    guards = [asks()] if guarded else []
    async with kernel_of(editing(world, base), guards=guards) as kernel:
        run = await kernel.start_run(agent="purser")
        if guarded:
            await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        with pytest.raises(StepInterruptedError, match="has changed since"):
            await steps(kernel, run)
        assert world.count == 0
        assert (await story(kernel, run))[-2:] == ["intent 1", "not_dispatched"]
        # It is as it was approved again: the approval was not used, and allows it still.
        assert (await steps(kernel, run)).value == "a: new"
        assert world.count == 1


async def test_an_approval_of_what_was_not_dispatched_is_void_if_it_stays_changed() -> None:
    world, looks = World(), count(1)

    def base() -> str:
        return "one" if next(looks) < 3 else "two"

    async with kernel_of(editing(world, base), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        with pytest.raises(StepInterruptedError, match="has changed since"):
            await steps(kernel, run)
        second = await asked(kernel, run)
        await kernel.resume(run, second, decision="approved", actor=BEN)
        await steps(kernel, run)
        assert world.count == 1


async def test_preconditions_that_fail_are_a_denial_before_and_a_refusal_right_before() -> None:
    world, looks = World(), count(1)

    def base() -> str:
        if next(looks) != 2:
            return "one"
        raise OSError("the disk is gone")

    async with kernel_of(editing(world, base)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(StepInterruptedError, match="the disk is gone"):
            await steps(kernel, run)
        await steps(kernel, run)
        assert world.count == 1

    def broken() -> str:
        raise OSError("the disk is gone")

    async with kernel_of(editing(world, broken)) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(DeniedError, match="the disk is gone"):
            await steps(kernel, run)
        assert world.count == 1


async def test_a_further_try_upon_something_else_is_judged_anew() -> None:
    world, base = World(), ["one"]

    async def edit(context: ToolContext, path: str) -> str:
        world.calls.append(context)
        if world.count == 1:
            base[0] = "two"
            raise TransientToolError("try again")
        return path

    clock = WatchedClock()
    tool = tool_of(edit, version="1", retry=PATIENT, preconditions=lambda: base[0])
    async with kernel_of(tool, guards=[asks()], clock=clock) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        task = asyncio.create_task(steps(kernel, run))
        await clock.passes(2 * SECOND_US)
        with pytest.raises(StepInterruptedError, match="has changed since"):
            await task
        pause_id = await asked(kernel, run)
        await kernel.resume(run, pause_id, decision="approved", actor=ADA)
        result = await steps(kernel, run)
        assert world.count == 2
        assert result.value == "a"


@pytest.mark.parametrize(("path", "asks_again"), [("a", False), ("b", True)])
async def test_an_edit_is_bound_to_what_was_shown(path: str, *, asks_again: bool) -> None:
    world = World()
    tool = editing(world, lambda path: f"hash of {path}")
    async with kernel_of(tool, guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        edit: JsonValue = {"path": path, "text": "mine"}
        pause_id = await asked(kernel, run)
        await kernel.resume(run, pause_id, decision="edited", answer=edit, actor=ADA)
        if asks_again:
            # Another file stands upon something that nobody has seen.
            await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        assert (await steps(kernel, run)).value == f"{path}: mine"
        assert world.count == 1


async def test_what_is_private_in_them_is_taken_out_and_they_are_equal_still() -> None:
    world, owner = World(), ["bob@example.com"]
    places = PersonalDataPolicy.everywhere("redact")
    tool = editing(world, lambda: {"owner": owner[0]})
    async with kernel_of(tool, guards=[asks()], personal_data=places) as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.resume(run, await asked(kernel, run), decision="approved", actor=ADA)
        await steps(kernel, run)
        assert world.count == 1
        records = await kernel.store.read(run.run_id)
        assert not any(owner[0] in str(record.payload) for record in records)


async def test_preconditions_have_no_context() -> None:
    def base(context: ToolContext) -> str:
        return context.run_id

    with pytest.raises(InvalidError, match="preconditions of edit asks for a context"):
        editing(World(), base)


# -- two people, and what they see


async def test_an_edit_that_the_second_person_agrees_to_is_made_as_edited() -> None:
    world = World()
    async with kernel_of(editing(world, lambda: "one"), guards=[asks(people_needed=2)]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        edit: JsonValue = {"path": "a", "text": "mine"}
        await kernel.resume(run, pause_id, decision="edited", answer=edit, actor=ADA)
        await kernel.resume(run, pause_id, decision="approved", actor=BEN)
        assert (await steps(kernel, run)).value == "a: mine"
        assert (world.count, (await steps(kernel, run)).replayed) == (1, True)


async def test_who_answers_what_was_edited_meanwhile_is_told_by_whom() -> None:
    world = World()
    async with kernel_of(editing(world, lambda: "one"), guards=[asks(people_needed=2)]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run)
        looked_at = run.state.pauses[pause_id].digest
        edit: JsonValue = {"path": "a", "text": "mine"}
        await kernel.resume(run, pause_id, decision="edited", answer=edit, actor=ADA)
        with pytest.raises(ConflictError, match=r"edited by operator:ada on bridge at .* UTC"):
            await kernel.resume(run, pause_id, decision="approved", digest=looked_at, actor=BEN)
        state = (await kernel.load_run(run.run_id)).state
        edited = state.pauses[pause_id].digest
        await kernel.resume(run, pause_id, decision="approved", digest=edited, actor=BEN)
        assert (await steps(kernel, run)).value == "a: mine"


# -- mutants


async def test_the_tests_above_see_a_call_that_is_not_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def still(*_: object) -> None:
        return None

    monkeypatch.setattr(tool_step, "moved", still)
    with pytest.raises(pytest.fail.Exception):
        await test_what_changed_right_before_the_call_is_not_dispatched(guarded=True)
    with pytest.raises(pytest.fail.Exception):
        await test_what_changed_right_before_the_call_is_not_dispatched(guarded=False)
