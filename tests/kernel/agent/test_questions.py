"""Asking people: options, caps, repeats, nobody there; and chats."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import AgentSpec, Kernel, Run
from quarterdeck_kernel.errors import RunHeldError, RunPausedError
from tests.kernel.agent.agents import (
    HoldsAtTurn,
    calls,
    crewed,
    finishes,
    of_kind,
    says,
    scripted,
    started,
    told,
)
from tests.kernel.engine.deck import World, acting

ASKER = AgentSpec(name="asker")


def asks(question: str, *options: str) -> tuple[str, Mapping[str, JsonValue]]:
    return "ask", {"question": question, "options": list(options)}


async def answered(kernel: Kernel, run: Run, *answers: str) -> None:
    """Run the agent, answering each question it asks."""
    for answer in answers:
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        await kernel.resume(run, paused.value.pause_id, answer=answer)


async def test_a_question_pauses_the_run_and_its_answer_goes_to_the_model() -> None:
    model = scripted(calls(asks("Which port?", "Brest", "Cadiz")), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, ASKER)
        await answered(kernel, run, "Genoa, in my own words")
        (asked,) = await of_kind(kernel, run, "pause_requested")
        assert asked.payload.title == "Which port?"  # type: ignore[union-attr]
        assert asked.payload.options == ("Brest", "Cadiz")  # type: ignore[union-attr]
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert told(model.asked[1].messages) == ["Genoa, in my own words"]
        assert len(model.asked) == 2


async def test_tools_of_the_same_answer_are_called_before_anybody_is_asked() -> None:
    world = World()
    model = scripted(calls(asks("Go?"), ("pay", {})), finishes())
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, AgentSpec(name="asker", tools=("pay",)))
        with pytest.raises(RunPausedError):
            await kernel.run_agent(run)
        assert world.count == 1
        await answered(kernel, run, "yes")
        await kernel.run_agent(run)
        assert told(model.asked[1].messages) == ["yes", '{"paid":1}']
        assert world.count == 1


@pytest.mark.parametrize(("autonomy", "most"), [("low", 5), ("medium", 3), ("high", 1)])
async def test_an_agent_may_ask_so_often_and_no_more(autonomy: str, most: int) -> None:
    rules = [calls(asks(f"Question {number}?")) for number in range(most + 1)]
    model = scripted(*rules, finishes())
    async with crewed(model) as kernel:
        spec = AgentSpec.model_validate({"name": "asker", "autonomy": autonomy})
        run = await started(kernel, spec)
        await answered(kernel, run, *["yes"] * most)
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert told(model.asked[-1].messages)[-1].startswith(f"You have asked {most} times")


async def test_the_cap_survives_another_process(tmp_path: Path) -> None:
    spec = AgentSpec(name="asker", autonomy="high")
    rules = [calls(asks("One?")), says("hm"), calls(asks("Two?")), finishes()]
    guards = [HoldsAtTurn(3)]
    async with crewed(scripted(*rules), at=tmp_path, guards=guards) as kernel:
        run = await started(kernel, spec, run_id="r")
        await answered(kernel, run, "yes")
        with pytest.raises(RunHeldError):
            await kernel.run_agent(run)
        await kernel.release(run)
    model = scripted(*rules)
    async with crewed(model, at=tmp_path) as kernel:
        assert (await kernel.run_agent(await kernel.load_run("r"))).status == "succeeded"
        one, two = told(model.asked[-1].messages)
        assert one == "yes"
        assert two.startswith("You have asked 1 times")


async def test_a_question_asked_again_gets_the_answer_it_got() -> None:
    model = scripted(
        calls(asks("Which port?")), calls(asks("  which PORT "), asks("Which port?")), finishes()
    )
    async with crewed(model) as kernel:
        run = await started(kernel, ASKER)
        await answered(kernel, run, "Brest")
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert told(model.asked[2].messages)[1:] == ["You have asked that before. Brest"] * 2


async def test_with_nobody_to_ask_the_agent_is_told_to_decide_and_say_so() -> None:
    model = scripted(calls(asks("Which port?")), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, AgentSpec(name="asker", attended=False))
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert "say in your answer what you assumed" in told(model.asked[1].messages)[0]


async def test_who_declines_to_answer_is_heard_by_the_model() -> None:
    model = scripted(calls(asks("Which port?")), finishes())
    async with crewed(model) as kernel:
        run = await started(kernel, ASKER)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        await kernel.resume(run, paused.value.pause_id, decision="rejected", reason="find out")
        await kernel.run_agent(run)
        assert "find out" in told(model.asked[1].messages)[0]


async def test_questions_that_make_no_sense_go_back_to_the_model() -> None:
    model = scripted(
        calls(("ask", {}), ("ask", "nonsense"), asks("x?", "a", "b", "c", "d")), finishes()
    )
    async with crewed(model) as kernel:
        run = await started(kernel, ASKER)
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert len(told(model.asked[1].messages)) == 3


async def test_a_chat_answers_in_text_and_waits_for_what_is_said_next(tmp_path: Path) -> None:
    rules = [says("Hello."), says("Four."), says("Bye.")]
    spec = AgentSpec(name="mate", chat=True)
    async with crewed(scripted(*rules), at=tmp_path) as kernel:
        run = await started(kernel, spec, "hi", run_id="r")
        await answered(kernel, run, "two and two?")
    model = scripted(*rules)
    async with crewed(model, at=tmp_path) as kernel:
        run = await kernel.load_run("r")
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        assert [m.text for m in model.asked[0].messages[1:]] == ["hi", "Hello.", "two and two?"]
        assert {tool.name for tool in model.asked[0].tools} == {"ask"}
        await kernel.resume(run, paused.value.pause_id, decision="rejected")
        assert (await kernel.run_agent(run)).answer == "Four."
