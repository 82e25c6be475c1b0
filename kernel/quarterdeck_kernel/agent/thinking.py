"""The model's part of a turn: found on record, asked again as it stands, or asked anew."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from quarterdeck_kernel.agent.agent import Agent
from quarterdeck_kernel.agent.prompt import (
    Prompt,
    build_prompt,
    request_tokens,
    without_oldest_turn,
)
from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.holding import holding
from quarterdeck_kernel.engine.hook import ModelTurn
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.engine.model_record import result
from quarterdeck_kernel.engine.request_reader import messages_listed, tools_sent
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    DeniedError,
    ModelError,
    ModelTimeoutError,
    ModelTransientError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.verdict import Hold
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import KERNEL
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema


class CannotGoOnError(Exception):
    """The agent's run has to end as failed."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class Asking(NamedTuple):
    """How far the model's part of a turn is on record."""

    step_key: str
    stands: Literal["new", "again", "open", "answered"]
    request_seq: int | None = None
    answer: Event | None = None


class Thought(NamedTuple):
    """What a model answered, and which tools it had been offered."""

    result: ModelResult
    offered: frozenset[str]


async def newest_asking(driver: RunDriver, turn: int) -> Asking:
    """Return the newest request of a turn. One that failed for good is followed by another."""
    number = 1
    while True:
        step_key = f"turn-{turn}/model" if number == 1 else f"turn-{turn}/model-{number}"
        row = await driver.row(step_key)
        if row is None:
            return Asking(step_key, "new" if number == 1 else "again")
        if row.completed_seq is None:
            here = row.requested_seq in driver.state.model_intents
            return Asking(step_key, "open" if here else "again", row.requested_seq)
        event = await driver.event(row.completed_seq)
        match event.payload:
            case ModelCompleted():
                return Asking(step_key, "answered", row.requested_seq, event)
            case ModelFailed(error="interrupted" | "cancelled"):
                return Asking(step_key, "again", row.requested_seq)
            case _:
                number += 1


class Thinking:
    """Asks the model what is to be done next."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._driver = agent.driver

    async def think(self, turn: int) -> Thought:
        """Return what the model answers in a turn."""
        while True:
            asking = await newest_asking(self._driver, turn)
            if asking.answer is not None and asking.request_seq is not None:
                return await self._answered(asking.request_seq, asking.answer)
            if asking.stands == "open" and asking.request_seq is not None:
                messages, tools = await self._recorded(asking.request_seq)
            else:
                messages, tools = await self._prepared(asking.step_key)
            self._agent.phases.enter(turn, "deliberate")
            await self._agent.phases.write()
            thought = await self._asked(asking.step_key, messages, tools)
            if thought is not None:
                return thought

    async def _answered(self, request_seq: int, answer: Event) -> Thought:
        found = result(answer, replayed=True)
        if not isinstance(found, ModelResult):
            raise found
        tools = await tools_sent(self._driver.store, self._driver.run_id, request_seq)
        return Thought(found, frozenset(tool.name for tool in tools or ()))

    async def _recorded(self, seq: int) -> tuple[tuple[Message, ...], tuple[ToolSchema, ...]]:
        """Return a request as it stands: whatever has changed since, it is asked as it was."""
        store, run_id = self._driver.store, self._driver.run_id
        listed = await messages_listed(store, run_id, seq)
        return listed.messages, await tools_sent(store, run_id, seq) or ()

    async def _prepared(self, step_key: str) -> tuple[tuple[Message, ...], tuple[ToolSchema, ...]]:
        """Return a new request: what was said is taken in, and what is too long is shortened."""
        agent = self._agent
        conversation, compaction = agent.conversation, agent.compaction
        await conversation.hear()
        tools = agent.offered()
        window = agent.window_tokens
        tokens = request_tokens([*conversation.listed[:1], *conversation.messages], tools)
        if compaction.due(conversation.messages, tokens, window):
            shorter = await compaction.compact(
                conversation.listed, target_tokens=compaction.target(window)
            )
            if shorter is not None:
                conversation.shortened(shorter.messages)
        driver, messages = self._driver, self._built(tools, window).messages
        turn = ModelTurn(driver.run_id, driver.tenant, step_key, messages)
        return driver.hooks.messages(turn), tools

    def _built(self, tools: tuple[ToolSchema, ...], window_tokens: int | None) -> Prompt:
        agent = self._agent
        return build_prompt(
            agent.spec,
            agent.conversation.messages,
            notes=agent.memory.notes,
            skills=tuple(agent.skills.listed.values()),
            tools=tools,
            window_tokens=window_tokens,
        )

    async def _asked(
        self, step_key: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]
    ) -> Thought | None:
        """Ask; None if it is to be tried with less."""
        agent = self._agent
        asked = AskedModel(
            step_key=step_key, messages=messages, tools=tools, retry=agent.spec.retry
        )
        try:
            found = await agent.host.model(self._driver, asked)
        except ContextOverflowError as error:
            agent.conversation.sent(messages)
            await self._shorten(error)
            return None
        except (ModelTransientError, ModelTimeoutError) as error:
            agent.conversation.sent(messages)
            await self._hold(f"the model could not be reached: {error}")
            return None
        except (ModelError, DeniedError) as error:
            kind = "denied" if isinstance(error, DeniedError) else "model_failed"
            raise CannotGoOnError(kind, str(error)) from error
        agent.conversation.sent(messages)
        return Thought(found, frozenset(tool.name for tool in tools))

    async def _shorten(self, error: ContextOverflowError) -> None:
        """Make room where a model has said that there is none."""
        conversation = self._agent.conversation
        half = request_tokens(conversation.listed) // 2
        shorter = await self._agent.compaction.compact(conversation.listed, target_tokens=half)
        if shorter is not None:
            conversation.shortened(shorter.messages)
            return
        without = without_oldest_turn(conversation.messages)
        if without is None:
            raise CannotGoOnError("context_overflow", str(error)) from error
        conversation.messages = without

    async def _hold(self, reason: str) -> None:
        """Stop for a person: another try, later or with another model, may well succeed."""

        def decide(state: RunState) -> Sequence[AnyEvent]:
            held = any(hold.by == "breaker" for hold in state.holds.values())
            return () if held else holding(Hold(by="breaker", reason=reason), state)

        await self._driver.append(decide, actor=KERNEL)
        error = stopped(self._driver.state)
        if error is not None:
            raise error
