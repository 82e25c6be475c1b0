"""Agents that need a person, or that a person stops."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue

from quarterdeck_kernel import (
    ALLOW,
    Guard,
    GuardKind,
    Kernel,
    Pause,
    ProposedCall,
    Tool,
    ToolAsk,
    ToolContext,
    Verdict,
    tool_of,
)
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.runs.resolve import Decision
from tests.crash.scenarios.scenario import AT_ONCE, Scenario, Stage, converse, turns
from tests.crash.scenarios.world import World


class Asking(Scenario):
    """Asks a person before it does anything, in a tool's place, and once more before it ends."""

    name = "pause"
    script: ClassVar = turns(
        [("pause_paint", {"colour": "green"}), ("pause_choose", {"brush": "wide"})],
        answer="painted",
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def pause_paint(context: ToolContext, colour: str) -> str:
            return world.does(context, f"painted it {colour}")

        async def pause_choose(brush: str) -> str:
            raise AssertionError(f"a person answers in its place: {brush}")

        return [
            tool_of(pause_paint),
            tool_of(pause_choose, effect="read", answered_by_caller=True),
        ]

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        answers: dict[str, JsonValue] = {"colour": "green", "good": True}
        return "answered", answers.get(pause.step_key, "a narrow one")

    async def play(self, stage: Stage) -> None:
        kernel, run = stage.kernel, stage.run
        colour = await kernel.pause(run=run, step_key="colour", title="which colour?")
        said = await converse(stage, f"paint it {colour.value}")
        good = await kernel.pause(run=run, step_key="good", title="good?", answer=bool)
        await kernel.finish_run(run, answer=[said, colour.value, good.value])


class _AskForPayments:
    """A guard that lets nobody pay unasked."""

    name = "payments"
    kind: GuardKind = "policy"

    async def judge(self, call: ProposedCall) -> Verdict:
        if call.tool != "approval_pay":
            return ALLOW
        return Pause(title=f"pay {call.arguments['amount']}?", rule="money")


class Approval(Scenario):
    """Two payments that a guard stops: one is approved as it is, one with another amount."""

    name = "approval"
    script: ClassVar = turns(
        [
            ("approval_pay", {"amount": 10}),
            ("approval_see", {"account": "till"}),
            ("approval_pay", {"amount": 90}),
        ],
        answer="paid both",
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def approval_pay(context: ToolContext, amount: int) -> str:
            return world.does(context, f"paid {amount}")

        async def approval_see(context: ToolContext, account: str) -> str:
            return world.does(context, f"saw {account}", effect="read")

        return [tool_of(approval_pay), tool_of(approval_see, effect="read", retry=AT_ONCE)]

    def guards(self) -> Sequence[Guard]:
        return [_AskForPayments()]

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        return ("edited", {"amount": 50}) if pause.title == "pay 90?" else ("approved", None)

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "pay")
        await stage.kernel.finish_run(stage.run, answer=answer)


class _AskForShips:
    """A guard that lets no ship sail unasked."""

    name = "ships"
    kind: GuardKind = "policy"

    async def judge(self, call: ProposedCall) -> Verdict:
        if call.tool != "grant_sail":
            return ALLOW
        return Pause(title="sail?", rule="ships")


class Granted(Scenario):
    """A call is granted until the run ends, upon what it stands upon; those like it go unasked."""

    name = "grant"
    script: ClassVar = turns(
        [("grant_sail", {"ship": "Bounty"})],
        [("grant_sail", {"ship": "Bounty"}), ("grant_sail", {"ship": "Bounty"})],
        answer="all sailed",
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def grant_sail(context: ToolContext, ship: str) -> str:
            return world.does(context, f"sailed the {ship}")

        return [tool_of(grant_sail, preconditions=lambda ship: f"{ship} lies in port")]

    def guards(self) -> Sequence[Guard]:
        return [_AskForShips()]

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        assert pause.step_key == "turn-0/0", "what was granted is not asked about again"
        return "granted", None

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "sail")
        await stage.kernel.finish_run(stage.run, answer=answer)


class Held(Scenario):
    """An operator holds the run while a call is under way; the operator lets it go on."""

    name = "held"
    script: ClassVar = turns([("held_move", {"to": "port"})], answer="moved")

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        async def held_move(context: ToolContext, to: str) -> str:
            moved = world.does(context, f"moved to {to}")
            await kernel.hold(context.run_id, reason="wait a moment")
            return moved

        return [tool_of(held_move)]

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "move")
        await stage.kernel.finish_run(stage.run, answer=answer)


class CancelAtBoundary(Scenario):
    """Somebody wants the run to end while a call is under way: it finishes, and no other begins."""

    name = "cancel_at_boundary"
    # Whose append comes first, the canceller's or the driver's, is the disk's affair: the other's
    # is made once more.
    steady = False
    script: ClassVar = turns([("cancel_at_boundary_saw", {"plank": 1})], answer="never said")

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        async def cancel_at_boundary_saw(context: ToolContext, plank: int) -> str:
            sawn = world.does(context, f"sawed plank {plank}")
            await kernel.cancel(context.run_id, reason="enough")
            return sawn

        return [tool_of(cancel_at_boundary_saw)]

    async def play(self, stage: Stage) -> None:
        kernel, run, saw = stage.kernel, stage.run, "cancel_at_boundary_saw"
        await kernel.step_model(run=run, step_key="first", prompt="saw", tools=[saw])
        await kernel.step_tool(run=run, step_key="saw", tool=saw, arguments={"plank": 1})
        # Whoever wanted it still does, should the process have died before they were heard.
        await kernel.cancel(run, reason="enough")
        await kernel.step_model(run=run, step_key="second", prompt="go on")


class CancelNow(Scenario):
    """Somebody wants the run to end now: what reads is broken off, what is `once` finishes."""

    name = "cancel_now"
    may_end_without_effects = True
    steady = False

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        cancelled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

        async def cancel_now_watch(context: ToolContext) -> str:
            await kernel.cancel(context.run_id, now=True, reason="stop it")
            cancelled[context.run_id].set()
            await asyncio.get_running_loop().create_future()
            raise AssertionError("unreachable: it is broken off")

        async def cancel_now_launch(context: ToolContext) -> str:
            await cancelled[context.run_id].wait()
            return world.does(context, "launched")

        return [
            tool_of(cancel_now_watch, effect="read", retry=AT_ONCE),
            tool_of(cancel_now_launch),
        ]

    async def play(self, stage: Stage) -> None:
        kernel, run = stage.kernel, stage.run
        calls = [
            ToolAsk(step_key="watch", tool="cancel_now_watch", arguments={}),
            ToolAsk(step_key="launch", tool="cancel_now_launch", arguments={}),
        ]
        await kernel.step_tools(run=run, calls=calls)
        await kernel.step_model(run=run, step_key="afterwards", prompt="go on")
