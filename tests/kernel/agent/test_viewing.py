"""What a viewer sees: a typed stream that may be cut off anywhere, and a line for each turn."""

import asyncio
import json

import pytest

from quarterdeck_kernel import AgentSpec, Kernel, Run, Viewed, turn_log, view
from quarterdeck_kernel.agent.viewing import viewed_of
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
    RunNotFoundError,
    RunPausedError,
)
from tests.kernel.agent.agents import calls, crewed, finishes, says, scripted, started
from tests.kernel.engine.deck import World, acting, breaks, events

SAILOR = AgentSpec(name="sailor", tools=("pay",))


async def test_a_stream_tells_the_story_of_a_run_to_its_end() -> None:
    model = scripted(
        calls(("pay", {"amount": 3}), text="I pay."),
        calls(("ask", {"question": "Enough?", "options": ["yes", "no"]})),
        finishes("paid"),
    )
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        seen: list[Viewed] = []

        async def watch() -> None:
            seen.extend([item async for item in view(kernel.store, run.run_id)])

        watching = asyncio.create_task(watch())
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        await kernel.say(run, "good")
        await kernel.resume(run, paused.value.pause_id, answer="yes")
        await kernel.run_agent(run)
        await asyncio.wait_for(watching, 20)
        assert [(item.kind, item.text) for item in seen] == [
            ("notice", "sail"),
            ("started", ""),
            ("thinking", ""),
            ("reasoning", "I pay."),
            ("tool_calling", '{"amount":3}'),
            ("tool_result", '{"paid":3}'),
            ("thinking", ""),
            ("asking", "Enough?"),
            ("said", "good"),
            ("answered", "yes"),
            ("thinking", ""),
            ("completed", "paid"),
            ("finished", "succeeded"),
        ]
        for cut in range(len(seen)):
            rest = [item async for item in view(kernel.store, run.run_id, after=seen[cut].seq)]
            assert rest == [item for item in seen if item.seq > seen[cut].seq]


async def test_who_does_not_follow_a_run_sees_what_has_happened_and_is_done() -> None:
    async with crewed(scripted(says("Hello."))) as kernel:
        run = await started(kernel, AgentSpec(name="mate", chat=True))
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)

        async def seen(after: int) -> list[str]:
            shown = view(kernel.store, run.run_id, after=after, follow=False)
            return [item.kind async for item in shown]

        told = await asyncio.wait_for(seen(0), 20)
        assert told == ["notice", "started", "thinking", "reasoning", "asking"]
        assert await asyncio.wait_for(seen(run.state.head_seq), 20) == []


async def test_every_end_and_every_error_is_in_the_stream() -> None:
    async def ends(kernel: Kernel, run: Run) -> list[tuple[str, bool]]:
        items = [i async for i in view(kernel.store, run.run_id)]
        return [(item.kind, item.ok) for item in items[-2:]]

    limit = SAILOR.model_copy(update={"max_turns": 1})
    async with crewed(scripted(calls(("pay", {})), says("x")), acting(World().acts)) as kernel:
        run = await started(kernel, limit)
        await kernel.run_agent(run)
        assert await ends(kernel, run) == [("max_steps", False), ("finished", False)]
    async with crewed(scripted(says("hm", times=None))) as kernel:
        run = await started(kernel, AgentSpec(name="x"))
        await kernel.run_agent(run)
        assert await ends(kernel, run) == [("error", False), ("finished", False)]
    async with crewed(scripted(finishes())) as kernel:
        run = await started(kernel, AgentSpec(name="x"))
        await kernel.cancel(run)
        await kernel.run_agent(run)
        assert await ends(kernel, run) == [("cancelled", False), ("finished", False)]
    async with crewed(scripted(finishes())) as kernel:
        with pytest.raises(RunNotFoundError):
            [item async for item in view(kernel.store, "nowhere")]


async def test_an_unknown_outcome_is_shown_as_an_error() -> None:
    async with crewed(scripted(calls(("pay", {}))), acting(breaks)) as kernel:
        run = await started(kernel, SAILOR)
        with pytest.raises(ReconciliationRequiredError):
            await kernel.run_agent(run)
        shown = [item for event in await events(kernel, run) for item in viewed_of(event)]
        assert (shown[-1].kind, shown[-1].ok) == ("error", False)
        await kernel.reconcile_tool(
            run=run, step_key="turn-1/0", verdict="done", result=1, reason="seen"
        )
        shown = [item for event in await events(kernel, run) for item in viewed_of(event)]
        assert (shown[-1].kind, shown[-1].text) == ("tool_result", "1")


async def test_the_turn_log_has_a_line_for_each_turn() -> None:
    first = calls(("pay", {}), ("pay", {}), usage={"input_tokens": 7, "output_tokens": 2}, cost=5)
    model = scripted(first, calls(("finish", {"answer": "x"}), cost=None))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        lines = [json.loads(line.line()) async for line in turn_log(kernel.store, run.run_id)]
        assert [line["turn"] for line in lines] == [1, 2]
        assert (lines[0]["input_tokens"], lines[0]["output_tokens"]) == (7, 2)
        assert (lines[0]["cost_micros"], lines[1]["cost_micros"]) == (5, None)
        assert [tool["outcome"] for tool in lines[0]["tools"]] == ["success", "success"]
        assert lines[0]["models"] == ["scripted"]
