"""What the ships' code does: a small agent and a small workflow, the same at every execution."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock, sleep
from quarterdeck_kernel.engine.tool_call import ToolResult
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.errors import (
    DeniedError,
    ToolFailedError,
    WorkflowStepFailedError,
)
from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Pause, Verdict
from quarterdeck_kernel.kernel.asking import ToolAsk
from quarterdeck_kernel.kernel.flow import Flow
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.models.script import Answer, Call, Failure, Rule, Script, When
from quarterdeck_kernel.models.scripted import ScriptedModel
from quarterdeck_kernel.testing.simulation.loop import LANE
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.probe_answer import ProbeAnswer
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.messages import Message
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from tests.simulation.effects import Violation
from tests.simulation.engine.bank import TIMEOUT_US, Bank

POLICY: Final = RetryPolicy(tries=3, timeout_s=TIMEOUT_US / 1_000_000, first_delay_s=0.2)
TOOLS: Final = ("look", "note", "pay", "pay", "wire", "wire")
ASKS_FROM, DENIES_BELOW = 60, 10
LAUNCH: Final = "launch"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the model asks for, turn by turn; it is its script that stands for it."""

    turns: tuple[tuple[Call, ...], ...]
    script: Script
    twice: bool
    """Two of its tasks ask for each turn's calls at once; they are to get the same."""


def planned(rng: random.Random, *, calm: bool) -> Plan:
    """Choose what a run is to do."""
    turns = tuple(
        tuple(
            Call(tool=rng.choice(TOOLS), arguments={"amount": rng.randrange(100)})
            for _ in range(rng.choice((1, 1, 2, 3)))
        )
        for _ in range(rng.choice((1, 1, 2)))
    )
    rules: list[Rule] = []
    for number, calls in enumerate([*turns, ()]):
        when = When(turns=number)
        if not calm and rng.random() < 0.2:
            rules.append(Rule(when=when, failure=Failure(kind="transient")))
        answer = Answer(calls=calls) if calls else Answer(text="that is all")
        rules.append(Rule(when=when, answer=answer, latency_us=rng.choice((0, 300_000, 1_500_000))))
    return Plan(turns, Script(rules=tuple(rules)), rng.random() < 0.25)


class Model(ScriptedModel):
    """The scripted model, which tells the bank that it was reached."""

    def __init__(self, script: Script, *, clock: Clock, bank: Bank) -> None:
        super().__init__(script, clock=clock)
        self._bank = bank

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Answer."""
        self._bank.arrives()
        return await super().complete(request, listener=listener)


class Purser:
    """A guard: large wires are asked about, small ones refused."""

    name = "purser"
    kind: GuardKind = "policy"

    async def judge(self, call: ProposedCall) -> Verdict:
        """Look at the amount."""
        amount = call.arguments.get("amount")
        assert isinstance(amount, int), "that is what the tools take"
        if call.tool == "wire" and amount < DENIES_BELOW:
            return Deny(reason="not worth the wire")
        if call.tool == "wire" and amount >= ASKS_FROM:
            return Pause(title=f"wire {amount}?")
        return ALLOW


def tools_of(bank: Bank) -> list[Tool]:
    """Return the tools of a ship."""

    async def look(amount: int, context: ToolContext) -> str:  # noqa: ARG001 - a tool's argument
        return await bank.call(context, "read")

    async def note(amount: int, context: ToolContext) -> str:  # noqa: ARG001 - as above
        return await bank.call(context, "idempotent")

    async def pay(amount: int, context: ToolContext) -> str:  # noqa: ARG001 - as above
        return await bank.call(context, "once")

    async def wire(amount: int, context: ToolContext) -> str:  # noqa: ARG001 - as above
        return await bank.call(context, "once")

    async def paid(context: ToolContext) -> ProbeAnswer:
        return await bank.probe(context)

    return [
        tool_of(look, effect="read", retry=POLICY, version="1"),
        tool_of(note, effect="idempotent", retry=POLICY, version="1"),
        tool_of(pay, effect="once", retry=POLICY, probe=paid, version="1"),
        tool_of(wire, effect="once", retry=POLICY, version="1"),
    ]


async def sail(kernel: Kernel, run: Run, *, twice: bool) -> JsonValue:
    """Be an agent: ask the model, call what it asks for, until it asks for nothing."""
    messages = [Message(role="user", text="sail")]
    told: list[JsonValue] = []
    turn = 0
    while True:
        answer = await kernel.step_model(
            run=run, step_key=f"model-{turn}", messages=messages, tools=sorted(set(TOOLS))
        )
        messages.append(answer.message)
        calls = answer.message.tool_calls
        if not calls:
            return told
        asks = [
            ToolAsk(
                step_key=f"{turn}.{place}",
                tool=call.tool,
                arguments=call.arguments,
                call_id=call.call_id,
            )
            for place, call in enumerate(calls)
        ]
        for call, text in zip(calls, await _turned(kernel, run, asks, twice=twice), strict=True):
            told.append(text)
            messages.append(Message(role="tool", text=text, call_id=call.call_id))
        turn += 1


async def _turned(kernel: Kernel, run: Run, asks: Sequence[ToolAsk], *, twice: bool) -> list[str]:
    """Make the calls of a turn, from one task or from two at once; return what came of each."""
    batches = [kernel.step_tools(run=run, calls=asks) for _ in range(2 if twice else 1)]
    done = await asyncio.gather(*batches, return_exceptions=True)
    for batch in done:
        if isinstance(batch, BaseException):
            raise batch
    said = [[_said(result) for result in batch] for batch in done if isinstance(batch, list)]
    if said[0] != said[-1]:
        raise Violation(f"two who asked for the same heard different things: {said}")
    return said[0]


def _said(result: Result) -> str:
    match result:
        case DeniedError() | ToolFailedError():
            return type(result).__name__
        case ToolResult(value=value):
            return str(value)
        case Exception():
            raise result


async def voyage(flow: Flow, bank: Bank) -> list[JsonValue]:
    """Be a workflow: steps, time, a signal, a tool, and a step that must not happen twice."""
    run_id = flow.run.run_id
    counted = await flow.step("count", lambda: _counted(bank))
    began = await flow.now()
    await flow.sleep(2)
    try:
        signal = await flow.signal("go", timeout_s=20)
    except TimeoutError:
        signal = "too late"
    try:
        paid: JsonValue = (await flow.tool("pay", {"amount": 7}, step_key="pay")).value
    except ToolFailedError:
        paid = "ToolFailedError"
    try:
        launched = await flow.step(LAUNCH, lambda: bank.launch(run_id), effect="once")
    except WorkflowStepFailedError:
        launched = "WorkflowStepFailedError"
    return [counted, began.isoformat(), signal, paid, launched]


async def _counted(bank: Bank) -> int:
    bank.arrives()
    await sleep(LANE.get().clock, 300_000)
    return 3
