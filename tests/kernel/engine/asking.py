"""A guard that asks before a payment, and what a test does about it."""

from collections.abc import Callable

import pytest

from quarterdeck_kernel import GuardKind, Kernel, Pause, ProposedCall, Run, ToolResult, Verdict
from quarterdeck_kernel.errors import RunPausedError
from quarterdeck_kernel.events.people_events import PauseRequested
from tests.kernel.engine.deck import events


class Rule:
    """A guard that says what it is given to say."""

    name = "rule"
    kind: GuardKind = "policy"

    def __init__(self, verdict: Verdict | Callable[[ProposedCall], Verdict]) -> None:
        self.verdict = verdict
        self.asked = 0

    async def judge(self, call: ProposedCall) -> Verdict:
        self.asked += 1
        return self.verdict(call) if callable(self.verdict) else self.verdict


def asks(**more: object) -> Rule:
    return Rule(Pause.model_validate({"title": "Pay?", "rule": "money", **more}))


async def stepped(kernel: Kernel, run: Run, amount: int = 1) -> ToolResult:
    arguments = {"amount": amount}
    return await kernel.step_tool(run=run, step_key="s", tool="pay", arguments=arguments)


async def asked(kernel: Kernel, run: Run, amount: int = 1) -> str:
    with pytest.raises(RunPausedError) as paused:
        await stepped(kernel, run, amount)
    return paused.value.pause_id


async def question(kernel: Kernel, run: Run) -> PauseRequested:
    payloads = [event.payload for event in await events(kernel, run)]
    return [payload for payload in payloads if isinstance(payload, PauseRequested)][-1]
