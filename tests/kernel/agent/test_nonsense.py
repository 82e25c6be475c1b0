"""Models that answer nonsense: every run comes to an end that says so, and nothing runs twice."""

import random

import pytest

from quarterdeck_kernel import (
    AgentSpec,
    Message,
    ModelAnswer,
    ModelRequest,
    ToolCall,
    Usage,
    verify,
)
from quarterdeck_kernel.errors import RunPausedError, RunStoppedError
from quarterdeck_kernel.models.port import TextListener
from quarterdeck_kernel.vocabulary.limits import CALLS_PER_TURN
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from tests.kernel.agent.agents import calls, crewed, finishes, of_kind, scripted, started, told
from tests.kernel.engine.deck import World, acting

SAILOR = AgentSpec(name="sailor", tools=("pay",), memory=True, max_turns=8)
_WORDS = (
    "",
    "{}",
    "null",
    "[FINAL]",
    "\u202e\x1b[31m",
    "a" * 5_000,
    '{"amount": 1}',
    "\ud800",
    "0",
)
_TOOLS = ("pay", "ask", "finish", "memory_append", "memory_replace", "nothing", "", "\x00", "pay ")


class Babbler:
    """A model that says anything, by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.asked = 0

    def _call(self, number: int) -> ToolCall:
        chance = self._chance
        arguments = chance.choice(
            (
                *_WORDS,
                '{"question": "?"}',
                '{"answer": ""}',
                '{"text": "x"}',
                '{"number": 1, "text": ""}',
            )
        )
        return ToolCall(
            call_id=f"c{self.asked}-{number}", tool=chance.choice(_TOOLS), arguments=arguments
        )

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        del listener
        self.asked += 1
        many = self._chance.choice((0, 0, 1, 1, 2, 5))
        message = Message(
            role="assistant",
            text=self._chance.choice(_WORDS),
            tool_calls=tuple(self._call(number) for number in range(many)),
        )
        return ModelAnswer(
            message=message, finish_reason="stop", usage=Usage(), cost_micros=0, model=request.model
        )

    def window_tokens(self, model: str) -> int | None:
        assert model
        return 3_000

    def price(self, model: str) -> Price | None:
        assert model
        return None

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_a_model_says_its_run_comes_to_an_end(seed: int) -> None:
    world, model = World(), Babbler(seed)
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        for _ in range(20):
            try:
                result = await kernel.run_agent(run)
                break
            except RunPausedError as paused:
                await kernel.resume(run, paused.pause_id, answer="go on")
        assert result.status in {"succeeded", "failed"}
        if result.status == "failed":
            assert result.error in {"turn_limit", "no_action", "context_overflow"}
        assert run.state.turn <= SAILOR.max_turns
        assert len({call.idempotency_key for call in world.calls}) == world.count
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict.fault


@pytest.mark.parametrize("seed", range(6))
async def test_a_run_that_is_interrupted_again_and_again_ends_as_one_that_is_not(seed: int) -> None:
    """Each time the kernel is told to stop, and the loop begins anew from the log alone."""
    rules = [
        calls(("pay", {"amount": 1}), ("memory_append", {"text": "one"})),
        calls(("ask", {"question": "On?"})),
        calls(("pay", {"amount": 2}), ("nothing", {})),
        finishes("three"),
    ]
    whole, model = World(), scripted(*rules)
    async with crewed(model, acting(whole.acts)) as kernel:
        run = await started(kernel, SAILOR)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        await kernel.resume(run, paused.value.pause_id, answer="yes")
        sound = await kernel.run_agent(run)
        expected = [message.text for message in model.asked[-1].messages]
    world, model = World(), scripted(*rules)
    chance = random.Random(seed)
    async with crewed(model, acting(world.acts)) as kernel:
        run = await started(kernel, SAILOR)
        result = None
        for _ in range(60):
            try:
                if chance.random() < 0.5:
                    await kernel.hold(run)
                    await kernel.release(run)
                result = await kernel.run_agent(run)
                break
            except RunStoppedError:
                for pause_id in run.state.pauses:
                    await kernel.resume(run, pause_id, answer="yes")
                await kernel.let_go(run)
                run = await kernel.load_run(run.run_id)
        assert result is not None
        assert (result.answer, result.turns) == (sound.answer, sound.turns)
        assert [message.text for message in model.asked[-1].messages] == expected
        assert world.count == whole.count == 2


async def test_a_flood_of_calls_is_dammed() -> None:
    world = World()
    flood = [("pay", {"amount": number}) for number in range(CALLS_PER_TURN + 40)]
    model = scripted(calls(*flood), finishes())
    tool = acting(world.acts, effect="read")
    async with crewed(model, tool) as kernel:
        run = await started(kernel, AgentSpec(name="sailor", tools=("pay",)))
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert world.count == CALLS_PER_TURN
        assert len(told(model.asked[1].messages)) == len(flood)
        assert told(model.asked[1].messages)[-1].startswith("Not called: at most")


@pytest.mark.parametrize(("window_tokens", "most"), [(4_000, 5_000), (None, 210_000)])
async def test_a_tool_that_floods_its_output_takes_its_share_of_the_window_and_no_more(
    window_tokens: int | None, most: int
) -> None:
    async def floods(context: object, amount: int) -> object:
        del context, amount
        return "x" * 1_000_000

    model = scripted(calls(("pay", {})), finishes(), window_tokens=window_tokens)
    async with crewed(model, acting(floods, effect="read")) as kernel:
        run = await started(kernel, AgentSpec(name="sailor", tools=("pay",)))
        assert (await kernel.run_agent(run)).status == "succeeded"
        (shown,) = told(model.asked[1].messages)
        assert len(shown) < most
        assert "characters left out; ask for less at once" in shown
        (kept,) = await of_kind(kernel, run, "tool_completed")
        assert len(str(kept.payload.result)) == 1_000_000  # type: ignore[union-attr]


async def test_a_model_that_is_cut_off_in_its_arguments_is_told() -> None:
    cut = calls(("pay", '{"amount": 1, "not'))
    retry = RetryPolicy(tries=1)
    model = scripted(cut, finishes())
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR.model_copy(update={"retry": retry}))
        assert (await kernel.run_agent(run)).status == "succeeded"
        assert "not JSON" in told(model.asked[1].messages)[0]
