"""A scenario: what a run does, as a user writes it, and what its operator would say.

It is written against the facade alone. Its code may be run any number of times on one run, from
whatever process, and must come to the same end; everything it does outside, it does through the
world's file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, Literal

from pydantic import JsonValue

from quarterdeck_kernel import (
    Decisions,
    Guard,
    Kernel,
    Message,
    ModelAnswer,
    ModelRequest,
    RetryPolicy,
    Run,
    Script,
    ScriptedModel,
    Tool,
    ToolAsk,
    ToolResult,
)
from quarterdeck_kernel.engine.model_ask import Listener
from quarterdeck_kernel.errors import RunStoppedError
from quarterdeck_kernel.models.port import TextListener
from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown
from quarterdeck_kernel.runs.resolve import Decision
from quarterdeck_kernel.vocabulary.budgets import BudgetLimit
from quarterdeck_kernel.vocabulary.price import Price
from tests.crash.scenarios.world import World

AT_ONCE = RetryPolicy(tries=5, first_delay_s=0, longest_delay_s=0, jitter=0)
"""Tries again without waiting."""

Verdict = Literal["done", "failed", "retry"]


@dataclass(frozen=True)
class Stage:
    """Where a scenario is played."""

    kernel: Kernel
    run: Run
    world: World


class Scenario:
    """One of them; `name` stands before the names of its tools and its script."""

    name: ClassVar[str]
    script: ClassVar[Mapping[str, JsonValue]] = {"rules": [{"answer": {"text": "unused"}}]}
    may_end_without_effects: ClassVar[bool] = False
    """A cancel that comes before an effect is begun again leaves it undone, and that is right."""

    steady: ClassVar[bool] = True
    """It passes the same points at every play, and does not depend on who is faster."""

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        """Return its tools."""
        raise NotImplementedError

    def guards(self) -> Sequence[Guard]:
        """Return what judges its calls."""
        return ()

    def limits(self) -> Sequence[BudgetLimit]:
        """Return what bounds what its agent uses, in all runs together."""
        return ()

    async def play(self, stage: Stage) -> None:
        """Go on with the run as far as it goes."""
        raise NotImplementedError

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        """Return what the operator says to a question."""
        raise AssertionError(f"{self.name} asks nobody: {pause}")

    def verdict(self, unknown: OpenUnknown, result: str | None) -> Verdict:
        """Return what the operator makes of the evidence outside."""
        del unknown
        return "retry" if result is None else "done"

    async def beside(self, decisions: Decisions, run_id: str) -> None:
        """Do what the operator does besides answering."""


class Cast:
    """The models of several scenarios, each under its name."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._models = {
            each.name: ScriptedModel(Script.model_validate(each.script)) for each in scenarios
        }

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        return await self._models[request.model].complete(request, listener=listener)

    def window_tokens(self, model: str) -> int | None:
        return self._models[model].window_tokens(model)

    def price(self, model: str) -> Price | None:
        return self._models[model].price(model)

    async def close(self) -> None:
        """Let go of nothing."""


async def converse(
    stage: Stage, prompt: str, *, tools: Sequence[str] = (), listener: Listener | None = None
) -> str:
    """Let model and tools take turns until the model only speaks; return what it says.

    Without `tools` it is given those that are named after its scenario.
    """
    mine = f"{stage.run.state.identity.agent}_"
    names = tools or [name for name in stage.kernel.tools.names() if name.startswith(mine)]
    messages = [Message(role="user", text=prompt)]
    for turn in count():
        said = await stage.kernel.step_model(
            run=stage.run,
            step_key=f"turn-{turn}",
            messages=messages,
            tools=names,
            retry=AT_ONCE,
            listener=listener,
        )
        messages.append(said.message)
        if not said.tool_calls:
            return said.text
        calls = [
            ToolAsk(
                step_key=f"turn-{turn}/{number}",
                tool=call.tool,
                arguments=call.arguments,
                call_id=call.call_id,
            )
            for number, call in enumerate(said.tool_calls)
        ]
        results = await stage.kernel.step_tools(run=stage.run, calls=calls)
        for result in results:
            # First of all, so that what happened beside a call that waits is not told of twice.
            if isinstance(result, RunStoppedError):
                raise result
        for call, result in zip(said.tool_calls, results, strict=True):
            told = Message(role="tool", text=str(result), call_id=call.call_id)
            messages.append(result.message if isinstance(result, ToolResult) else told)
    raise AssertionError("unreachable: it goes on until the model only speaks")


def turns(*turns: Sequence[tuple[str, dict[str, JsonValue]]], answer: str) -> dict[str, JsonValue]:
    """Return a script that calls these tools, turn by turn, and then gives an answer."""
    rules: list[JsonValue] = [
        {"answer": {"calls": [{"tool": tool, "arguments": args} for tool, args in calls]}}
        for calls in turns
    ]
    return {"rules": [*rules, {"answer": {"text": answer, "cost_micros": 7}}]}
