"""The loop: plan, act, reflect, until the agent finishes or may not go on.

An agent resumes from folded state: the turn it is in, the list of messages on record, the steps of
its newest turn. Nothing before that is executed again, so taking a long run up costs its tail.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.agent.acting import Acting, Finished
from quarterdeck_kernel.agent.agent import Agent
from quarterdeck_kernel.agent.children import PARENT_CANCELLED, PARENT_OUT_OF_TIME, end_left
from quarterdeck_kernel.agent.extraction import extracted
from quarterdeck_kernel.agent.ports import Host
from quarterdeck_kernel.agent.result import AgentResult, result_of
from quarterdeck_kernel.agent.spec import AgentSpec, spec_of
from quarterdeck_kernel.agent.thinking import CannotGoOnError, Thinking, newest_asking
from quarterdeck_kernel.agent.time_limits import TimeIsUpError, TimeLimits
from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import (
    DeniedError,
    LeaseHeldError,
    LeaseLostError,
    ModelError,
    RunStoppedError,
)
from quarterdeck_kernel.events.control_events import AgentChanged, ModelSwapped
from quarterdeck_kernel.events.run_events import RunFailed, RunQueued, RunSucceeded, RunTimedOut
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL
from quarterdeck_kernel.vocabulary.messages import Message

_SUM_UP = (
    "You have no turns left. Say in a few sentences what you found out and did, and what is still "
    "open. This is kept as your partial answer."
)


class _HeardMoreError(Exception):
    """An operator has said something that the agent has not taken in: it is not done yet."""


async def drive(host: Host, driver: RunDriver, spec: AgentSpec | None) -> AgentResult:
    """Go on with an agent's run as far as it goes; return how it ended.

    Without a spec it is the one that the run has pinned; another one is adopted, by an event. What
    stops the run without ending it is raised, and the run may be gone on with later.
    """
    if (await driver.take_up()).terminal:
        return await result_of(driver)
    if driver.flowing:
        raise LeaseHeldError(f"run {driver.run_id!r} is being driven here already")
    driver.flowing = True
    try:
        pinned = await _pinned(driver)
        if spec is None:
            spec = spec_of(pinned, driver.run_id)
        elif spec.digest() != driver.state.conditions.config_digest:
            await _adopt(driver, spec, pinned)
        loop, asked = AgentLoop(host, driver, spec), driver.state.cancel
        if asked is not None:
            await loop.end_children(now=asked.now, why=PARENT_CANCELLED)
        return await loop.run()
    finally:
        driver.flowing = False


async def _pinned(driver: RunDriver) -> dict[str, JsonValue]:
    """Return the configuration that the run goes by."""
    seq = driver.state.conditions.config_seq
    assert seq is not None, "a run is queued with one"
    payload = (await driver.event(seq)).payload
    assert isinstance(payload, RunQueued | AgentChanged), "only these bring one"
    return payload.config or {}


async def _adopt(driver: RunDriver, spec: AgentSpec, pinned: dict[str, JsonValue]) -> None:
    """Record that the run goes on by another configuration: an edit never wedges a run."""

    def decide(state: RunState) -> Sequence[AnyEvent]:
        conditions = state.conditions
        events: list[AnyEvent] = [
            AgentChanged(
                config_digest=spec.digest(),
                revision=conditions.agent_revision + 1,
                config=spec.config(),
            )
        ]
        before = (pinned.get("model"), pinned.get("tier"), pinned.get("parameters", {}))
        model = spec.model or conditions.model
        if model is not None and before != (spec.model, spec.tier, spec.parameters):
            events.append(
                ModelSwapped(
                    model=model,
                    tier=spec.tier,
                    parameters=spec.parameters,
                    revision=conditions.model_revision + 1,
                )
            )
        return events

    await driver.append(decide, actor=KERNEL)


class AgentLoop:
    """One stretch of an agent's work, from when it is taken up until it ends or has to wait."""

    def __init__(self, host: Host, driver: RunDriver, spec: AgentSpec) -> None:
        self._driver = driver
        self._limits = TimeLimits(driver)
        self._agent = Agent(host, driver, spec, lambda child: drive(host, child, None))
        self._thinking = Thinking(self._agent)
        self._acting = Acting(self._agent)

    async def run(self) -> AgentResult:
        """Go on until the run has ended; raise what stops it before."""
        try:
            await self._limits.within(self._work())
        except TimeIsUpError as up:
            await self._timed_out(up)
        except (RunStoppedError, LeaseLostError):
            # Cancelled, a run may have ended with the step that was the last thing open in it.
            if not (await self._driver.refresh()).terminal:
                raise
        return await result_of(self._driver)

    async def end_children(self, *, now: bool, why: str) -> None:
        """End the sub-agents that nobody would look after any more."""
        host = self._agent.host
        await end_left(host, self._driver, lambda it: drive(host, it, None), now=now, why=why)

    async def _work(self) -> None:
        await self._agent.load()
        try:
            await self._turns(await self._first_turn())
        except CannotGoOnError as error:
            await self._fail(error.error, str(error), self._last_words())

    async def _first_turn(self) -> int:
        """Return the turn to go on with: the newest whose model was asked, or the one to come."""
        turn = max(1, self._driver.state.turn)
        while turn > 1 and (await newest_asking(self._driver, turn)).stands == "new":
            turn -= 1
        return turn

    async def _turns(self, turn: int) -> None:
        agent, phases = self._agent, self._agent.phases
        while True:
            self._limits.check()
            phases.enter(turn, "perceive")
            thought = await self._thinking.think(turn)
            end = await self._acting.act(turn, thought)
            phases.enter(turn, "commit", "reflect")
            if end is not None and await self._succeeded(end):
                return
            phases.enter(turn, "rest")
            turn += 1
            if turn > agent.spec.max_turns:
                await phases.write()
                await self._out_of_turns()
                return

    # -- ends

    async def _succeeded(self, end: Finished) -> bool:
        """End the run with an answer, unless somebody has said something meanwhile."""
        driver, conversation = self._driver, self._agent.conversation
        await self._agent.phases.write()
        await driver.check_boundary()
        if conversation.unheard(await driver.refresh()):
            return False
        answer: JsonValue = end.answer
        if self._agent.spec.answer_schema is not None:
            answer = await extracted(self._agent, end.answer)

        def succeeded(state: RunState) -> AnyEvent:
            error = stopped(state)
            if error is not None:
                raise error
            if conversation.unheard(state):
                raise _HeardMoreError
            return RunSucceeded(answer=answer)

        try:
            await driver.end(succeeded, actor=AGENT)
        except _HeardMoreError:
            return False
        return True

    async def _fail(self, error: str, message: str, partial: JsonValue) -> None:
        await self._agent.phases.write()
        await self._driver.check_boundary()
        failed = RunFailed(error=error, message=message, partial_answer=partial)
        await self._driver.end(lambda _state: failed, actor=AGENT)

    async def _out_of_turns(self) -> None:
        """Fail, with the best that can be said of what was done."""
        agent = self._agent
        most = agent.spec.max_turns
        messages = [*agent.conversation.listed[:1], *agent.conversation.messages]
        asked = AskedModel(
            step_key=f"turn-limit-{most}/summary",
            messages=(*messages, Message(role="user", text=_SUM_UP)),
            purpose="other",
            retry=agent.spec.retry,
        )
        try:
            summary = (await agent.host.model(self._driver, asked)).text.strip()
        except (ModelError, DeniedError):
            summary = ""
        message = (
            f"the agent did not finish within {most} turns; look at what it tried, and give it "
            "more with `max_turns`, or another task or model"
        )
        await self._fail("turn_limit", message, summary or self._last_words())

    def _last_words(self) -> str | None:
        """Return what the agent said last."""
        for message in reversed(self._agent.conversation.messages):
            if message.role == "assistant" and message.text.strip():
                return message.text
        return None

    async def _timed_out(self, up: TimeIsUpError) -> None:
        """End the run whose time is over, once nothing of it is in doubt."""
        driver = self._driver
        state = await driver.take_up()
        if state.unknowns or state.terminal:
            error = stopped(state)
            assert error is not None, "an unknown, and an end, stop a run"
            raise error
        await self.end_children(now=True, why=PARENT_OUT_OF_TIME)
        ended = RunTimedOut(bound=up.bound.what, bound_us=up.bound.bound_us)
        await driver.end(lambda _state: ended, actor=KERNEL)
