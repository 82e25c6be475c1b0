"""What a model asked for, done: its calls as one batch, its questions, its end.

In this order: tools, `ask`, `finish`, and text alone, which is thinking aloud. What goes wrong
with a call is told to the model, in the place of its result.
"""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel.agent.agent import Agent
from quarterdeck_kernel.agent.control import read_finish, read_question
from quarterdeck_kernel.agent.ports import AgentCall
from quarterdeck_kernel.agent.prompt import bounded_result
from quarterdeck_kernel.agent.spec import ASK, FINISH
from quarterdeck_kernel.agent.thinking import CannotGoOnError, Thought
from quarterdeck_kernel.engine.model_ask import ModelResult
from quarterdeck_kernel.engine.pauses import PauseQuestion
from quarterdeck_kernel.engine.tool_call import ToolResult
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.errors import (
    DeniedError,
    InvalidError,
    RunStoppedError,
    ToolArgumentsError,
    ToolFailedError,
    UnknownToolError,
)
from quarterdeck_kernel.vocabulary.limits import CALLS_PER_TURN
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall

NUDGE = (
    "You called no tool. Go on with the work by calling one, or call `finish` with your answer if "
    "there is nothing left to do."
)
_NUDGES = 3
_SHOWN_CHARS = 80
_TOLD = (ToolFailedError, DeniedError, UnknownToolError, InvalidError)
"""What a model can act upon; anything else concerns whoever drives the run."""


class Finished(NamedTuple):
    """The agent has come to its end."""

    answer: str


class Acting:
    """Does what a model asked for in a turn."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def act(self, turn: int, thought: Thought) -> Finished | None:
        """Return the end if this was the last turn; what came out is in the conversation."""
        said = thought.result
        conversation = self._agent.conversation
        if not said.tool_calls:
            return await self._spoken(turn, said)
        answers = await self._called(turn, thought)
        failed = any(not ok for _, ok in answers.values())
        for place, call in self._of(said, ASK, thought):
            answers[place] = await self._question(turn, place, call)
        end = None
        for place, call in self._of(said, FINISH, thought):
            try:
                answer = read_finish(call.arguments)
            except ToolArgumentsError as error:
                answers[place] = _told(call, str(error)), False
                continue
            if failed:
                text = "Not ended: some of your other calls failed. Look at them, then finish."
                answers[place] = _told(call, text), False
                continue
            end = end or Finished(answer)
            answers[place] = _told(call, "Ended."), True
        conversation.say(said.message, *(answers[at][0] for at in range(len(said.tool_calls))))
        return end

    # -- calls

    async def _called(self, turn: int, thought: Thought) -> dict[int, tuple[Message, bool]]:
        """Make the calls of a turn that are no control; return what the model is told of each."""
        agent, said = self._agent, thought.result
        answers: dict[int, tuple[Message, bool]] = {}
        calls: dict[int, AgentCall] = {}
        for place, call in enumerate(said.tool_calls):
            problem = self._problem(place, call, thought)
            if problem is not None:
                answers[place] = _told(call, problem), False
            elif call.tool not in {ASK, FINISH}:
                calls[place] = AgentCall(
                    step_key=f"turn-{turn}/{place}",
                    tool=call.tool,
                    arguments=call.arguments,
                    call_id=call.call_id,
                    model_seq=said.seq,
                    turn=turn,
                )
        agent.phases.enter(turn, "gate")
        await agent.phases.write()
        if not calls:
            return answers
        opening = agent.phases.opening(turn, "execute")
        results = await agent.host.call(agent.driver, agent.box, list(calls.values()), opening)
        _raise_what_stops(results)
        for place, result in zip(calls, results, strict=True):
            call = said.tool_calls[place]
            if isinstance(result, ToolResult):
                answers[place] = bounded_result(result.message, agent.window_tokens), True
            else:
                answers[place] = _told(call, str(result)), False
        return answers

    def _problem(self, place: int, call: ToolCall, thought: Thought) -> str | None:
        """Return why a call is not made at all."""
        if place >= CALLS_PER_TURN:
            return f"Not called: at most {CALLS_PER_TURN} calls of one answer are made."
        if call.tool in thought.offered:
            return None
        name = call.tool[:_SHOWN_CHARS]
        if call.tool in self._agent.box.names():
            return f"access denied: {name!r} is hidden from you; use what you are offered"
        listed = ", ".join(sorted(thought.offered))
        text = f"not found: there is no tool {name!r} (there are: {listed})"
        earlier = sum(
            other.tool == call.tool
            for message in self._agent.conversation.messages
            for other in message.tool_calls
        )
        if earlier or any(other.tool == call.tool for other in thought.result.tool_calls[:place]):
            text += ". You have tried that name before: it will not come to be. Use another"
        return text

    @staticmethod
    def _of(said: ModelResult, tool: str, thought: Thought) -> list[tuple[int, ToolCall]]:
        """Return the calls of a control tool that are to be heeded."""
        calls = list(enumerate(said.tool_calls))[:CALLS_PER_TURN]
        return [(at, c) for at, c in calls if c.tool == tool and tool in thought.offered]

    async def _question(self, turn: int, place: int, call: ToolCall) -> tuple[Message, bool]:
        try:
            question = read_question(call.arguments)
        except ToolArgumentsError as error:
            return _told(call, str(error)), False
        return _told(call, await self._agent.questions.ask(f"turn-{turn}/{place}", question)), True

    # -- text alone

    async def _spoken(self, turn: int, said: ModelResult) -> Finished | None:
        agent = self._agent
        conversation = agent.conversation
        if said.text.strip():
            conversation.say(said.message)
        if agent.spec.chat and said.text.strip():
            return await self._reply(turn, said.text)
        nudged = 0
        for message in reversed(conversation.messages):
            if message.text == NUDGE:
                nudged += 1
            elif message.role != "assistant" or message.tool_calls:
                break
        if nudged >= _NUDGES:
            raise CannotGoOnError(
                "no_action", f"the model called no tool, though it was told to {nudged} times"
            )
        conversation.say(Message(role="user", text=NUDGE))
        return None

    async def _reply(self, turn: int, text: str) -> Finished | None:
        """A chat waits for what is said next; who declines ends it."""
        agent = self._agent
        question = PauseQuestion(step_key=f"turn-{turn}/reply", title="What next?", type="input")
        try:
            answer = await agent.host.ask(agent.driver, question)
        except DeniedError:
            return Finished(text)
        agent.conversation.say(Message(role="user", text=str(answer.value)))
        return None


def _told(call: ToolCall, text: str) -> Message:
    return Message(role="tool", text=text, call_id=call.call_id)


def _raise_what_stops(results: Sequence[Result]) -> None:
    for result in results:
        if isinstance(result, RunStoppedError):
            raise result
    for result in results:
        if not isinstance(result, (ToolResult, *_TOLD)):
            raise result
