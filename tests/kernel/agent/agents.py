"""Agents for tests: a script for a model, tools that count, and the log as words."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from quarterdeck_kernel import (
    AgentSpec,
    Event,
    Kernel,
    ModelAnswer,
    ModelPort,
    ModelRequest,
    Run,
    Script,
    ScriptedModel,
    Tool,
)
from quarterdeck_kernel.errors import ContextOverflowError, ModelPermanentError
from quarterdeck_kernel.guards.proposed import ProposedRequest
from quarterdeck_kernel.guards.verdict import ALLOW, Hold, Verdict
from quarterdeck_kernel.models.counting import counted_tokens
from quarterdeck_kernel.models.port import TextListener
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.price import Price
from tests.kernel.engine.deck import WatchedClock, events, kernel_of

Said = Mapping[str, JsonValue]


def calls(
    *named: tuple[str, Mapping[str, JsonValue] | str],
    text: str = "",
    cost: int | None = 0,
    usage: Mapping[str, JsonValue] | None = None,
    **more: Any,  # noqa: ANN401 - of a rule
) -> Said:
    """Return the answer of a model that calls tools."""
    listed: list[JsonValue] = [
        {"tool": tool, "arguments": arguments if isinstance(arguments, str) else dict(arguments)}
        for tool, arguments in named
    ]
    answer: dict[str, JsonValue] = {"text": text, "calls": listed, "cost_micros": cost}
    if usage is not None:
        answer["usage"] = dict(usage)
    return {"answer": answer, **more}


def says(text: str, **more: Any) -> Said:  # noqa: ANN401 - of a rule
    """Return the answer of a model that only speaks."""
    return {"answer": {"text": text}, **more}


def finishes(answer: str = "done", **more: Any) -> Said:  # noqa: ANN401 - of a rule
    """Return the answer of a model that is done."""
    return calls(("finish", {"answer": answer}), **more)


def fails(kind: str, **more: Any) -> Said:  # noqa: ANN401 - of a rule
    """Return a try that fails."""
    return {"failure": {"kind": kind}, **more}


def scripted(*rules: Said, window_tokens: int | None = None, remember: int = 100) -> ScriptedModel:
    """Return a model that plays these rules."""
    script = Script.model_validate({"rules": list(rules), "window_tokens": window_tokens})
    return ScriptedModel(script, remember=remember)


class Player:
    """A model that gives its answers in order, whatever stands in the conversation.

    The scripted one reads how far it is from there, and compaction takes that away.
    """

    def __init__(
        self, *answers: Said, summary: str | None = "so far", window_tokens: int | None = None
    ) -> None:
        self._answers = [ScriptedModel(Script.model_validate({"rules": [a]})) for a in answers]
        self._summary = summary
        self._window = window_tokens
        self.known = True
        self.asked: list[ModelRequest] = []

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        self.asked.append(request)
        if request.messages[0].text.startswith("Sum up"):
            if self._summary is None:
                raise ModelPermanentError("no summaries here")
            return await scripted(says(self._summary)).complete(request)
        if self._window is not None and counted_tokens(request.messages) > self._window:
            raise ContextOverflowError(f"more than {self._window} tokens")
        asked = request.model_copy(update={"messages": request.messages[-1:]})
        return await self._answers.pop(0).complete(asked, listener=listener)

    @property
    def turns(self) -> list[ModelRequest]:
        """Return the requests of turns."""
        return [request for request in self.asked if request.tools]

    def window_tokens(self, model: str) -> int | None:
        assert model
        return self._window if self.known else None

    def price(self, model: str) -> Price | None:
        assert model
        return None

    async def close(self) -> None:
        pass


class HoldsAtTurn:
    """A guard that holds the run at the request of a turn, once."""

    name = "holder"
    kind = "breaker"

    def __init__(self, turn: int) -> None:
        self._turn = turn

    def judge_request(self, request: ProposedRequest) -> Verdict:
        if request.purpose == "turn" and request.state.turn == self._turn:
            return Hold(by="budget", reason="once")
        return ALLOW


@asynccontextmanager
async def crewed(
    model: ModelPort,
    *tools: Tool,
    at: Path | None = None,
    clock: FakeClock | None = None,
    **wiring: Any,  # noqa: ANN401 - those of `Kernel`
) -> AsyncIterator[Kernel]:
    """Open a kernel with a model and some tools, and close it."""
    clock = clock or WatchedClock()
    async with kernel_of(*tools, at=at, clock=clock, model=model, **wiring) as kernel:
        yield kernel


async def started(
    kernel: Kernel,
    spec: AgentSpec,
    objective: str = "sail",
    **request: Any,  # noqa: ANN401 - of a run
) -> Run:
    """Begin the run of an agent."""
    return await kernel.start_agent(spec, objective, **request)


async def kinds(kernel: Kernel, run: Run) -> list[str]:
    """Return the kinds of a run's events, without its phases."""
    return [e.kind for e in await events(kernel, run) if e.kind != "phase_entered"]


async def of_kind(kernel: Kernel, run: Run, kind: str) -> list[Event]:
    """Return a run's events of one kind."""
    return [event for event in await events(kernel, run) if event.kind == kind]


def told(messages: Sequence[Message]) -> list[str]:
    """Return what tools told the model, in order."""
    return [message.text for message in messages if message.role == "tool"]
