"""The loop of an agent: tools, results, errors, the end."""

import asyncio

import pytest

from quarterdeck_kernel import AgentSpec, ToolContext, tool_of
from quarterdeck_kernel.agent.acting import NUDGE
from quarterdeck_kernel.errors import PermanentToolError, UnknownToolError
from tests.kernel.agent.agents import (
    calls,
    crewed,
    finishes,
    kinds,
    of_kind,
    says,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import World, acting

SAILOR = AgentSpec(name="sailor", prompt="You sail.", tools=("pay",))


async def test_an_agent_calls_its_tools_and_finishes() -> None:
    world, model = World(), scripted(calls(("pay", {"amount": 3})), finishes("paid 3"))
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR, "pay the bill")
        result = await kernel.run_agent(run)
        assert (result.status, result.answer, result.turns) == ("succeeded", "paid 3", 2)
        assert [call.step_key for call in world.calls] == ["turn-1/0"]
        assert run.state.status == "succeeded"
        first, second = model.asked
        assert [message.role for message in first.messages] == ["system", "user"]
        assert first.messages[1].text == "pay the bill"
        assert told(second.messages) == ['{"paid":3}']
        assert {tool.name for tool in first.tools} == {"pay", "ask", "finish"}
        assert await kinds(kernel, run) == [
            "run_queued",
            "run_started",
            "model_requested",
            "model_completed",
            "tool_requested",
            "tool_completed",
            "model_requested",
            "model_completed",
            "run_succeeded",
        ]


async def test_the_phases_of_a_turn_are_on_record_in_order() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes())
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        entered = [
            (getattr(e.payload, "turn", 0), getattr(e.payload, "phase", ""))
            for e in await of_kind(kernel, run, "phase_entered")
        ]
        assert entered == [
            (1, "perceive"),
            (1, "deliberate"),
            (1, "gate"),
            (1, "execute"),
            (1, "commit"),
            (1, "reflect"),
            (1, "rest"),
            (2, "perceive"),
            (2, "deliberate"),
            (2, "gate"),
            (2, "commit"),
            (2, "reflect"),
        ]


async def test_a_finished_agent_run_again_gives_its_answer_and_calls_nothing() -> None:
    world, model = World(), scripted(calls(("pay", {})), finishes("paid"))
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        first = await kernel.run_agent(run)
        length, asked = run.state.head_seq, len(model.asked)
        again = await kernel.run_agent(await kernel.load_run(run.run_id), SAILOR)
        assert again == first
        assert (run.state.head_seq, len(model.asked), world.count) == (length, asked, 1)


async def test_calls_of_one_answer_run_at_once_where_their_effects_allow() -> None:
    together: set[str] = set()
    all_there = asyncio.Event()

    async def meets(context: ToolContext, amount: int) -> object:
        together.add(context.step_key)
        if len(together) == 2:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), 20)
        return amount

    reader = acting(meets, name="read", effect="read")
    model = scripted(calls(("read", {"amount": 1}), ("read", {"amount": 2})), finishes())
    async with crewed(model, reader) as kernel:
        run = await started(kernel, AgentSpec(name="reader", tools=("read",)))
        await kernel.run_agent(run)
        assert told(model.asked[1].messages) == ["1", "2"]


async def test_what_goes_wrong_with_a_call_is_told_to_the_model() -> None:
    async def broken(amount: int) -> object:
        raise PermanentToolError(f"no berth for {amount}")

    model = scripted(
        calls(
            ("pay", {"amount": "much"}),
            ("fly", {}),
            ("hidden", {}),
            ("broken", {"amount": 4}),
            ("pay", {"amount": 2}),
            ("pay", "{not json"),
        ),
        calls(("fly", {})),
        finishes(),
    )
    world = World()
    other = acting(world.acts, name="hidden")
    async with crewed(model, acting(world.acts), other, tool_of(broken)) as kernel:
        spec = AgentSpec(name="sailor", tools=("pay", "broken"))
        run = await started(kernel, spec)
        assert (await kernel.run_agent(run)).status == "succeeded"
        wrong, unknown, hidden, failed, paid, malformed = told(model.asked[1].messages)
        assert "amount" in wrong
        assert unknown == "not found: there is no tool 'fly' (there are: ask, broken, finish, pay)"
        assert hidden.startswith("access denied: 'hidden' is hidden")
        assert "no berth for 4" in failed
        assert paid == '{"paid":2}'
        assert "not JSON" in malformed
        assert "tried that name before" in told(model.asked[2].messages)[-1]
        assert world.count == 1


async def test_finish_beside_a_call_that_failed_is_not_taken() -> None:
    model = scripted(
        calls(("pay", {"amount": "x"}), ("finish", {"answer": "all paid"})), finishes("not paid")
    )
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        assert (await kernel.run_agent(run)).answer == "not paid"
        assert told(model.asked[1].messages)[1].startswith("Not ended")


async def test_finish_beside_a_call_that_succeeds_ends_the_run_behind_it() -> None:
    world = World()
    model = scripted(calls(("finish", {"answer": "paid"}), ("pay", {})))
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        assert (await kernel.run_agent(run)).answer == "paid"
        assert world.count == 1


async def test_text_alone_is_nudged_and_not_taken_for_an_end() -> None:
    model = scripted(says("[FINAL] Done. Anything else?"), finishes("really"))
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="talker"))
        assert (await kernel.run_agent(run)).answer == "really"
        assert [m.text for m in model.asked[1].messages[2:]] == [
            "[FINAL] Done. Anything else?",
            NUDGE,
        ]


@pytest.mark.parametrize("text", ["hm", ""])
async def test_a_model_that_only_speaks_fails_its_run_after_a_few_nudges(text: str) -> None:
    model = scripted(says(text, times=None))
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="talker"))
        result = await kernel.run_agent(run)
        assert (result.status, result.error) == ("failed", "no_action")
        assert result.partial_answer == (text or None)
        assert len(model.asked) == 4


async def test_the_turn_limit_fails_the_run_and_keeps_a_summary() -> None:
    world = World()
    model = scripted(
        says("I paid twice.", when={"said": "no turns left"}), calls(("pay", {}), times=None)
    )
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"max_turns": 2}))
        result = await kernel.run_agent(run)
        assert (result.status, result.error) == ("failed", "turn_limit")
        assert result.partial_answer == "I paid twice."
        assert world.count == 2
        assert run.state.turn == 2


async def test_an_agent_with_a_tool_that_is_not_there_is_not_started() -> None:
    async with crewed(scripted(finishes())) as kernel:
        with pytest.raises(UnknownToolError, match="no tool 'pay'"):
            await started(kernel, SAILOR)
