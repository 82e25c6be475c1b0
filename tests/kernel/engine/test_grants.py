"""Grants: calls like one that was approved go unasked, until the run ends or it is taken back."""

from collections.abc import Callable, Mapping

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import (
    ALLOW,
    Decisions,
    Kernel,
    Pause,
    ProposedCall,
    Run,
    ToolResult,
    Verdict,
)
from quarterdeck_kernel.engine import grants, tool_judge
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import (
    ConflictError,
    IllegalMoveError,
    InvalidError,
    RunOverError,
    RunPausedError,
    StepInterruptedError,
)
from quarterdeck_kernel.events.people_events import PauseResolved
from quarterdeck_kernel.events.run_events import RunForked
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.tools.toolbox import ToolBox
from tests.kernel.engine.asking import Rule, asks
from tests.kernel.engine.deck import ADA, BEN, World, acting, events, kernel_of, length, story


async def calls(kernel: Kernel, run: Run, key: str, amount: int = 1) -> ToolResult:
    arguments = {"amount": amount}
    return await kernel.step_tool(run=run, step_key=key, tool="pay", arguments=arguments)


async def asked(kernel: Kernel, run: Run, key: str, amount: int = 1) -> str:
    with pytest.raises(RunPausedError) as paused:
        await calls(kernel, run, key, amount)
    return paused.value.pause_id


async def granted(
    kernel: Kernel, run: Run, constraints: Mapping[str, JsonValue] | None = None
) -> str:
    """Return the grant that the answer to the first call gives."""
    pause_id = await asked(kernel, run, "first")
    await kernel.resume(run, pause_id, decision="granted", constraints=constraints, actor=ADA)
    (grant,) = await kernel.grants(run)
    return grant.grant_id


async def intents(kernel: Kernel, run: Run) -> list[ToolRequested]:
    payloads = [event.payload for event in await events(kernel, run)]
    return [payload for payload in payloads if isinstance(payload, ToolRequested)]


async def test_the_call_is_made_and_others_like_it_go_unasked() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        grant_id = await granted(kernel, run)
        assert world.count == 0
        for key in ("first", "second", "third"):
            await calls(kernel, run, key)
        assert world.count == 3
        first, *others = await intents(kernel, run)
        assert first.pause_id is not None
        assert first.grant_id is None
        assert [other.grant_id for other in others] == [grant_id, grant_id], "which allowed it"
        assert (await story(kernel, run))[:3] == ["pause_requested", "granted", "grant_given"]


async def test_other_arguments_than_those_shown_are_asked_about() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await granted(kernel, run)
        await asked(kernel, run, "more", 2)
        assert world.count == 0


async def test_what_may_vary_is_said_argument_by_argument() -> None:
    world = World()
    up_to_nine: dict[str, JsonValue] = {"amount": {"type": "integer", "maximum": 9}}
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await granted(kernel, run, up_to_nine)
        await calls(kernel, run, "first")
        await calls(kernel, run, "nine", 9)
        await asked(kernel, run, "ten", 10)
        assert world.count == 2


@pytest.mark.parametrize(
    ("constraints", "match"),
    [
        ({"amuont": {}}, "no arguments"),
        ({"amount": {"minimum": 5}}, "would not cover"),
        ({"amount": {"type": "nonsense"}}, "not usable"),
        ({"amount": {"$ref": "http://127.0.0.1:9/schema"}}, "leads out of it"),
        ({"amount": {"$ref": "#/nowhere"}}, "leads out of it"),
        ({"amount": {"$ref": "#/properties/amount"}}, "without an end"),
    ],
    ids=str,
)
async def test_a_grant_that_makes_no_sense_is_refused_and_changes_nothing(
    constraints: dict[str, JsonValue], match: str
) -> None:
    async with kernel_of(acting(World().acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run, "s")
        before = await length(kernel, run)
        with pytest.raises(InvalidError, match=match):
            await kernel.resume(
                run, pause_id, decision="granted", constraints=constraints, actor=ADA
            )
        assert await length(kernel, run) == before
        with pytest.raises(InvalidError, match="only a grant has constraints"):
            await kernel.resume(run, pause_id, decision="approved", constraints={}, actor=ADA)


async def test_grants_are_listed_with_who_gave_them() -> None:
    async with kernel_of(acting(World().acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        assert await kernel.grants(run) == []
        grant_id = await granted(kernel, run)
        (grant,) = await Decisions(kernel.store).grants(run.run_id)
        assert (grant.grant_id, grant.tool, grant.actor) == (grant_id, "pay", ADA)
        assert grant.constraints is not None
        assert grant.constraints["properties"] == {"amount": {"const": 1}}


async def test_a_grant_that_was_revoked_allows_nothing_and_the_second_is_told_by_whom() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        grant_id = await granted(kernel, run)
        await calls(kernel, run, "first")
        await kernel.revoke(run, grant_id, reason="enough", actor=BEN)
        await asked(kernel, run, "second")
        assert (world.count, await kernel.grants(run)) == (1, [])
        with pytest.raises(ConflictError, match="revoked before, by operator:ben on engine-room"):
            await kernel.revoke(run, grant_id, actor=ADA)
        with pytest.raises(ConflictError, match="no grant 'x' stands"):
            await kernel.revoke(run, "x", actor=ADA)


async def test_a_grant_that_is_revoked_while_a_call_is_judged_does_not_let_it_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        grant_id = await granted(kernel, run)
        await calls(kernel, run, "first")
        covering = grants.covering

        async def revoked(*given: object) -> str | None:
            found = await covering(*given)  # type: ignore[arg-type]
            await kernel.revoke(run.run_id, grant_id, actor=BEN)
            return found

        monkeypatch.setattr(tool_judge, "covering", revoked)
        with pytest.raises(StepInterruptedError, match="revoked just now"):
            await calls(kernel, run, "second")
        monkeypatch.setattr(tool_judge, "covering", covering)
        await asked(kernel, run, "second")
        assert world.count == 1


async def test_another_version_and_another_rule_are_asked_about() -> None:
    world, rule = World(), asks()
    async with kernel_of(acting(world.acts), guards=[rule]) as kernel:
        run = await kernel.start_run(agent="purser")
        await granted(kernel, run)
        await calls(kernel, run, "first")
        kernel.tools = ToolBox([acting(world.acts, version="2")])
        await kernel.resume(run, await asked(kernel, run, "v2"), decision="rejected", actor=ADA)
        kernel.tools = ToolBox([acting(world.acts)])
        rule.verdict = Pause(title="Really?", rule="a stricter one")
        await kernel.resume(run, await asked(kernel, run, "rule"), decision="rejected", actor=ADA)
        rule.verdict = Pause(title="Pay?", rule="money", people_needed=2)
        await asked(kernel, run, "two")
        assert world.count == 1


async def test_an_edit_elsewhere_in_the_rules_voids_neither_approval_nor_grant() -> None:
    world = World()

    def about_looking(rule: str) -> Callable[[ProposedCall], Verdict]:
        return lambda call: Pause(title="Look?", rule=rule) if call.tool == "look" else ALLOW

    elsewhere = Rule(about_looking("one"))
    async with kernel_of(acting(world.acts), guards=[asks(), elsewhere]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run, "first")
        await kernel.resume(run, pause_id, decision="granted", actor=ADA)
        # A rule about another tool is edited meanwhile.
        elsewhere.verdict = about_looking("two")
        await calls(kernel, run, "first")
        await calls(kernel, run, "second")
        assert world.count == 2


async def test_what_needs_two_people_is_granted_by_nobody() -> None:
    async with kernel_of(acting(World().acts), guards=[asks(people_needed=2)]) as kernel:
        run = await kernel.start_run(agent="purser")
        pause_id = await asked(kernel, run, "s")
        with pytest.raises(InvalidError, match="needs 2 people each time"):
            await kernel.resume(run, pause_id, decision="granted", actor=ADA)
        # Nor by whoever writes the answer past the verb.
        pause = run.state.pauses[pause_id]
        answer = PauseResolved(
            pause_id=pause_id,
            decision="granted",
            digest=pause.digest,
            closes=False,
            answer=None,
            reason=None,
        )
        with pytest.raises(IllegalMoveError, match="2 people each time"):
            await (await kernel.journal(run)).append(lambda _: [answer], actor=ADA)


async def test_grants_end_with_the_run_and_are_not_inherited() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        grant_id = await granted(kernel, run)
        await calls(kernel, run, "first")
        state = run.state
        forked = RunForked(
            parent_run_id=run.run_id,
            parent_seq=state.head_seq,
            parent_hash=state.head_hash,
            changes=None,
        )
        await Journal.fork(kernel.store, forked, actor=ADA, run_id="fork")
        fork = await kernel.load_run("fork")
        assert await kernel.grants(fork) == []
        await asked(kernel, fork, "second")
        await kernel.finish_run(run)
        assert await kernel.grants(run) == []
        with pytest.raises(RunOverError):
            await kernel.revoke(run, grant_id, actor=ADA)
        assert world.count == 1


async def test_a_grant_does_not_lift_another_question_or_a_hold() -> None:
    world = World()
    async with kernel_of(acting(world.acts), guards=[asks()]) as kernel:
        run = await kernel.start_run(agent="purser")
        await granted(kernel, run)
        await calls(kernel, run, "first")
        with pytest.raises(RunPausedError):
            await kernel.pause(run=run, step_key="q", title="Well?")
        with pytest.raises(RunPausedError, match="Well"):
            await calls(kernel, run, "second")
        assert world.count == 1


# -- mutants


async def test_the_tests_above_see_grants_that_cover_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "misfit", lambda *_: None)
    with pytest.raises(pytest.fail.Exception):
        await test_other_arguments_than_those_shown_are_asked_about()
    with pytest.raises(pytest.fail.Exception):
        await test_what_may_vary_is_said_argument_by_argument()


async def test_the_tests_above_see_grants_that_are_bound_to_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "terms_of", lambda _: "")
    monkeypatch.setattr("quarterdeck_kernel.runs.resolve.terms_of", lambda _: "")
    with pytest.raises(pytest.fail.Exception):
        await test_another_version_and_another_rule_are_asked_about()
