"""Tool steps: what comes before anything, what is done once, what replays."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    ALLOW,
    GuardKind,
    ProposedCall,
    Run,
    Tenant,
    ToolAsk,
    ToolContext,
    ToolResult,
    Verdict,
)
from quarterdeck_kernel.errors import (
    AccessDeniedError,
    DriftError,
    InvalidError,
    MissingCapabilityError,
    PermanentToolError,
    QuarterdeckError,
    ToolArgumentsError,
    ToolFailedError,
    UnknownToolError,
)
from quarterdeck_kernel.events.control_events import ToolScopeChanged
from quarterdeck_kernel.kernel.kernel import Kernel
from tests.kernel.engine.deck import ADA, World, acting, events, kernel_of, length, raising, story


async def begun(kernel: Kernel, tenant: str = "local") -> Run:
    return await kernel.start_run(agent="purser", tenant=tenant)


async def hide(kernel: Kernel, run: Run, *tools: str) -> None:
    journal = await kernel.journal(run)
    change = ToolScopeChanged(scope="deny", tools=tools, revision=1)
    await journal.append(lambda _: [change], actor=ADA)
    await kernel.load_run(run.run_id)


async def test_an_unknown_tool_and_a_hidden_tool_are_told_apart() -> None:
    world = World()
    async with kernel_of(acting(world.acts, name="look", effect="read")) as kernel:
        run = await begun(kernel)
        await hide(kernel, run, "look")
        before = await length(kernel, run)
        # Whatever else is wrong is not even looked at.
        bad = {"amount": "not a number", "surplus": 1}
        for tool, error in (("steal", UnknownToolError), ("look", AccessDeniedError)):
            with pytest.raises(error, match=tool):
                await kernel.step_tool(run=run, step_key="s", tool=tool, arguments=bad)
        assert (world.count, await length(kernel, run)) == (0, before)


class Counts:
    name = "counts"
    kind: GuardKind = "capability"
    asked = 0

    def judge(self, _call: ProposedCall) -> Verdict:
        self.asked += 1
        return ALLOW


async def test_a_missing_capability_is_the_first_thing_judged_and_on_record() -> None:
    world, later = World(), Counts()
    tool = acting(world.acts, capability="money")
    async with kernel_of(tool, guards=[later]) as kernel:
        run = await begun(kernel)
        for _ in range(2):
            with pytest.raises(MissingCapabilityError, match="'pay' was denied by capability: it"):
                await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert (world.count, later.asked) == (0, 0)
        assert await story(kernel, run) == ["guard_denied"]


async def test_what_was_done_is_not_judged_again_when_the_capability_is_gone(
    tmp_path: Path,
) -> None:
    world = World()
    crew = Tenant(tenant_id="acme", capabilities=frozenset({"money"}), budget_micros=1)
    tool = acting(world.acts, capability="money")
    async with kernel_of(tool, at=tmp_path, tenants=[crew]) as kernel:
        run = await begun(kernel, "acme")
        await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
    async with kernel_of(tool, at=tmp_path) as kernel:
        run = await kernel.load_run(run.run_id, tenant="acme")
        again = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert (again.replayed, world.count) == (True, 1)


async def test_a_tenant_with_the_capability_may_use_the_tool() -> None:
    world = World()
    crew = Tenant(tenant_id="acme", capabilities=frozenset({"money"}), budget_micros=1)
    async with kernel_of(acting(world.acts, capability="money"), tenants=[crew]) as kernel:
        run = await begun(kernel, "acme")
        result = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert result.value == {"paid": 1}


async def test_a_call_is_recorded_before_and_after_it_is_made() -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await begun(kernel)
        result = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 7})
        assert (result.value, result.replayed, result.attempt) == ({"paid": 7}, False, 1)
        assert await story(kernel, run) == ["intent 1", "success"]
        assert result.seq == run.state.head_seq
        assert result.intent_seq == result.seq - 1


@pytest.mark.parametrize("effect", ["read", "idempotent", "once"])
async def test_what_was_done_replays_and_appends_nothing(effect: str) -> None:
    world = World()
    async with kernel_of(acting(world.acts, effect=effect)) as kernel:
        run = await begun(kernel)
        first = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        before = await length(kernel, run)
        # Arguments are the same if they mean the same.
        for arguments in ({}, {"amount": 1}, '{"amount": 1}', " { } "):
            again = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments=arguments)
            assert (again.value, again.message, again.seq) == (
                first.value,
                first.message,
                first.seq,
            )
            assert again.replayed
        assert (world.count, await length(kernel, run)) == (1, before)


async def test_what_failed_raises_the_same_again_and_appends_nothing() -> None:
    world = World()
    async with kernel_of(acting(raising(world, PermanentToolError("no such account")))) as kernel:
        run = await begun(kernel)
        said: list[tuple[str, int | None]] = []
        for _ in range(2):
            with pytest.raises(ToolFailedError, match="no such account") as failed:
                await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
            said.append((str(failed.value), failed.value.seq))
        assert said[0] == said[1]
        assert await story(kernel, run) == ["intent 1", "permanent_error"]
        assert world.count == 1


async def test_the_idempotency_key_is_stable_and_handed_to_the_tool() -> None:
    keys: set[str] = set()
    for _ in range(2):
        world = World()
        async with kernel_of(acting(world.acts)) as kernel:
            run = await kernel.start_run(agent="purser", run_id="voyage")
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 2})
            (context,) = world.calls
            keys.add(context.idempotency_key)
            assert (context.run_id, context.tenant, context.step_key, context.attempt) == (
                "voyage",
                "local",
                "s",
                1,
            )
            other = await kernel.step_tool(run=run, step_key="t", tool="pay", arguments={})
            assert other.replayed is False
            keys_of_others = {call.idempotency_key for call in world.calls[1:]}
            assert not keys & keys_of_others
    assert len(keys) == 1


async def test_one_step_key_with_other_arguments_is_drift() -> None:
    world = World()
    tools = acting(world.acts), acting(world.acts, name="refund")
    async with kernel_of(*tools) as kernel:
        run = await begun(kernel)
        await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 1})
        before = await length(kernel, run)
        for tool, amount in (("pay", 2), ("refund", 1)):
            with pytest.raises(DriftError, match="on record as pay"):
                await kernel.step_tool(
                    run=run, step_key="s", tool=tool, arguments={"amount": amount}
                )
        assert (world.count, await length(kernel, run)) == (1, before)


@pytest.mark.parametrize("effect", ["read", "idempotent", "once"])
async def test_three_identical_steps_at_once_execute_once_and_all_get_the_result(
    effect: str,
) -> None:
    world = World()
    async with kernel_of(acting(world.waits, effect=effect)) as kernel:
        run = await begun(kernel)

        async def step() -> ToolResult:
            return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})

        tasks = [asyncio.create_task(step()) for _ in range(3)]
        await world.wait_for_call()
        world.door.set()
        results = await asyncio.gather(*tasks)
        assert [result.value for result in results] == [{"paid": 1}] * 3
        assert sorted(result.replayed for result in results) == [False, True, True]
        assert world.count == 1
        assert await story(kernel, run) == ["intent 1", "success"]


async def test_three_identical_steps_at_once_fail_once_and_all_are_told() -> None:
    world = World()
    async with kernel_of(acting(raising(world, PermanentToolError("broke")))) as kernel:
        run = await begun(kernel)
        steps = [
            kernel.step_tool(run=run, step_key="s", tool="pay", arguments={}) for _ in range(3)
        ]
        results = await asyncio.gather(*steps, return_exceptions=True)
        assert [type(result) for result in results] == [ToolFailedError] * 3
        assert world.count == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "not json",
        "[1, 2]",
        "3",
        "null",
        '{"amount": NaN}',
        '{"amount": "two"}',
        '{"amount": 1, "tip": 2}',
        '{"amount": 1.5}',
        '{"\\ud800": 1}',
        '{"amount": 1, "amount": 2',
        '{"amount": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"text": "' + "x" * 2_000_000 + '"}',
        {"amount": float("nan")},
        {"amount": object()},
        {"amount": True},
        {"\ud800": 1},
        {1: 1},
        {"amount": "x" * 2_000_000},
    ],
    ids=range(18),
)
async def test_bad_arguments_open_no_intent_and_the_run_stays_usable(arguments: object) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await begun(kernel)
        before = await length(kernel, run)
        with pytest.raises(ToolArgumentsError) as refused:
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments=arguments)  # type: ignore[arg-type]
        assert len(str(refused.value)) < 3_000
        assert str(refused.value).encode()
        assert (world.count, await length(kernel, run)) == (0, before)
        good = await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={})
        assert good.value == {"paid": 1}


@pytest.mark.parametrize("step_key", ["", "x" * 501, "a\nb", "\ud800", "\x1b[31m"])
async def test_a_step_key_that_cannot_stand_in_a_log_is_refused(step_key: str) -> None:
    world = World()
    async with kernel_of(acting(world.acts)) as kernel:
        run = await begun(kernel)
        with pytest.raises(InvalidError, match="step key"):
            await kernel.step_tool(run=run, step_key=step_key, tool="pay", arguments={})
        assert world.count == 0


async def test_a_tool_that_steps_its_own_run_is_refused_and_not_stuck() -> None:
    world = World()
    said: list[str] = []
    runs: list[Run] = []

    async with kernel_of() as kernel:

        async def steps(context: ToolContext, amount: int) -> object:
            world.calls.append(context)
            try:
                await kernel.step_tool(run=runs[0], step_key="in", tool="look", arguments={})
            except InvalidError as error:
                said.append(str(error))
            return amount

        kernel.tools.add(acting(steps))
        kernel.tools.add(acting(world.acts, name="look", effect="read"))
        runs.append(await begun(kernel))
        async with asyncio.timeout(10):
            await kernel.step_tool(run=runs[0], step_key="s", tool="pay", arguments={})
        assert "may not step its own run" in said[0]
        assert await story(kernel, runs[0]) == ["intent 1", "success"]


async def test_a_tool_that_steps_its_run_through_another_run_is_refused_as_well() -> None:
    said: list[str] = []
    runs: list[Run] = []

    async with kernel_of() as kernel:

        async def child(_context: ToolContext, _amount: int) -> object:
            result = await kernel.step_tool(run=runs[1], step_key="c", tool="back", arguments={})
            return result.value

        async def back(_context: ToolContext, _amount: int) -> object:
            try:
                await kernel.step_tool(run=runs[0], step_key="in", tool="look", arguments={})
            except InvalidError as error:
                said.append(str(error))
            return "back"

        kernel.tools.add(acting(child, name="child"))
        kernel.tools.add(acting(back, name="back"))
        kernel.tools.add(acting(back, name="look"))
        runs += [await begun(kernel), await begun(kernel)]
        async with asyncio.timeout(10):
            done = await kernel.step_tool(run=runs[0], step_key="s", tool="child", arguments={})
        assert done.value == "back"
        assert "may not step its own run" in said[0]


async def test_a_batch_says_of_each_call_what_became_of_it() -> None:
    world = World()
    tools = acting(world.acts), acting(world.acts, name="look", effect="read")
    async with kernel_of(*tools) as kernel:
        run = await begun(kernel)
        results = await kernel.step_tools(
            run=run,
            calls=[
                ToolAsk(step_key="a", tool="look", arguments={}),
                ToolAsk(step_key="b", tool="nothing", arguments={}),
                ToolAsk(step_key="c", tool="pay", arguments="["),
                ToolAsk(step_key="d", tool="pay", arguments={"amount": 4}, call_id="call-4"),
            ],
        )
        kinds = [type(result) for result in results]
        assert kinds == [ToolResult, UnknownToolError, ToolArgumentsError, ToolResult]
        assert {context.call_id for context in world.calls} == {None, "call-4"}
        log = await events(kernel, run)
        assert [event.kind for event in log[2:4]] == ["tool_requested"] * 2
        with pytest.raises(InvalidError, match="one step key"):
            await kernel.step_tools(
                run=run, calls=[ToolAsk(step_key="x", tool="pay", arguments={})] * 2
            )
        assert isinstance(results[1], QuarterdeckError)
