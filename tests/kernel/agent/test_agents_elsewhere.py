"""Agents with what stands beside them: swapped models, personal data, budgets, long runs."""

import pytest

from quarterdeck_kernel import AgentSpec, ForkChanges, Kernel, Message, Run
from quarterdeck_kernel.engine.hook import Happened, ModelTurn, guardrail, rewriter
from quarterdeck_kernel.errors import RunHeldError, RunPausedError
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Verdict
from tests.kernel.agent.agents import (
    Player,
    calls,
    crewed,
    finishes,
    of_kind,
    says,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import World, acting, events

SAILOR = AgentSpec(name="sailor", tools=("pay",), model="small", parameters={"temperature": 1})
CARD = "4111 1111 1111 1111"


async def test_a_swapped_model_is_asked_from_the_next_request_on_with_its_parameters() -> None:
    model = scripted(says("hm"), finishes())

    class Swaps:
        name = "swapper"
        kind = "policy"

        async def judge_request(self, request: object) -> object:
            if len(model.asked) == 1 and not swapped:
                swapped.append(request)
                await kernel.swap_model(run, model="large", parameters={"temperature": 0})
            return ALLOW

    swapped: list[object] = []
    async with crewed(model, acting(World().acts), guards=[Swaps()]) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        assert [(a.model, a.parameters) for a in model.asked] == [
            ("small", {"temperature": 1}),
            ("large", {"temperature": 0}),
        ]


async def test_personal_data_is_in_no_event_prompt_or_memory_of_an_agent() -> None:
    model = scripted(
        calls(("memory_append", {"text": f"card {CARD}"}), ("pay", {})),
        calls(("ask", {"question": f"Use {CARD}?"})),
        finishes(f"paid with {CARD}"),
    )

    async def leaks(context: object, amount: int) -> object:
        del context, amount
        return f"charged {CARD}"

    policy = PersonalDataPolicy.everywhere("redact")
    spec = AgentSpec(name="sailor", tools=("pay",), memory=True, attended=False)
    async with crewed(model, acting(leaks), personal_data=policy) as kernel:
        run = await started(kernel, spec, f"pay with {CARD}")
        key = await kernel.say(run, f"or with {CARD}", key="k")
        assert await kernel.say(run, f"or with {CARD}", key="k") == key
        result = await kernel.run_agent(run)
        assert result.status == "succeeded"
        sent = str([a.messages for a in model.asked])
        logged = str([e.payload for e in await events(kernel, run)])
        assert "4111" not in sent + logged + str(result)
        assert run.state.messages == {}


async def test_taking_up_a_long_run_costs_its_tail() -> None:
    class CountingReads:
        def __init__(self, kernel: Kernel) -> None:
            self.records = 0
            whole = kernel.store.read

            async def read(*given: object, **named: object) -> object:
                found = await whole(*given, **named)  # type: ignore[arg-type]
                self.records += len(found)
                return found

            kernel.store.read = read  # type: ignore[method-assign, assignment]

    async def cost(turns: int) -> int:
        spec = AgentSpec.model_validate(
            {
                "name": "sailor",
                "tools": ["pay"],
                "max_turns": turns + 5,
                "compaction": {"at_messages": 20, "keep_messages": 4},
            }
        )
        rules = [calls(("pay", {"amount": number})) for number in range(turns)]
        model = Player(*rules, calls(("ask", {"question": "on?"})), finishes())
        async with crewed(model, acting(World().acts)) as kernel:
            run: Run = await started(kernel, spec)
            with pytest.raises(RunPausedError) as paused:
                await kernel.run_agent(run)
            await kernel.resume(run, paused.value.pause_id, answer="yes")
            await kernel.let_go(run)
            counting = CountingReads(kernel)
            run = await kernel.load_run(run.run_id)
            assert (await kernel.run_agent(run)).status == "succeeded"
            assert told(model.asked[-1].messages)[-1] == "yes"
            assert await of_kind(kernel, run, "context_compacted")
            return counting.records

    short, long = await cost(40), await cost(160)
    assert long < short + 300


async def test_a_fork_of_an_agents_run_goes_on_from_where_it_was_made() -> None:
    world = World()
    model = Player(
        calls(("pay", {})), finishes("one"), calls(("pay", {"amount": 2})), finishes("two")
    )
    async with crewed(model, acting(world.acts, effect="idempotent")) as kernel:
        run = await started(kernel, SAILOR)
        assert (await kernel.run_agent(run)).answer == "one"
        (paid,) = await of_kind(kernel, run, "tool_completed")
        changes = ForkChanges(objective="row instead", message="slowly")
        await kernel.fork(run, paid.seq, changes=changes, run_id="f")
        fork = await kernel.load_run("f")
        assert (await kernel.run_agent(fork)).answer == "two"
        assert [m.text for m in model.asked[2].messages[1:]] == [
            "row instead",
            "",
            '{"paid":1}',
            "slowly",
        ]
        assert told(model.asked[3].messages) == ['{"paid":1}', '{"paid":2}']
        assert world.count == 2
        assert run.state.status == "succeeded"


async def test_a_rewriter_changes_what_an_agent_asks_and_that_is_what_stands_on_record() -> None:
    def louder(turn: ModelTurn) -> list[Message]:
        *before, last = turn.messages
        return [*before, last.model_copy(update={"text": last.text.upper()})]

    model = scripted(calls(("pay", {})), finishes())
    hooks = [rewriter("before_model", louder)]
    async with crewed(model, acting(World().acts), hooks=hooks) as kernel:
        run = await started(kernel, SAILOR, "pay quietly")
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert [m.text for m in model.asked[1].messages[1:]] == [
            "PAY QUIETLY",
            "",
            '{"PAID":1}',
        ]


async def test_a_guardrail_at_the_turn_boundary_holds_the_run_between_two_turns() -> None:
    def stops(happened: Happened) -> Verdict:
        turn = getattr(happened.payload, "turn", 0)
        return Deny(reason="enough for today") if turn == 2 else ALLOW

    world, model = World(), scripted(calls(("pay", {})), finishes())
    hooks = [guardrail("turn_boundary", stops)]
    async with crewed(model, acting(world.acts), hooks=hooks) as kernel:
        run = await started(kernel, SAILOR)
        with pytest.raises(RunHeldError, match="enough for today"):
            await kernel.run_agent(run)
        assert (world.count, len(model.asked), run.state.turn) == (1, 1, 2)
        await kernel.release(run)
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert world.count == 1
