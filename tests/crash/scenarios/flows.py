"""A workflow, and an agent whose tools leave doubts."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue

from quarterdeck_kernel import (
    CANNOT_TELL,
    NOT_DONE,
    Decisions,
    Done,
    Flow,
    Kernel,
    Tool,
    ToolContext,
    tool_of,
)
from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown
from quarterdeck_kernel.runs.resolve import Decision
from quarterdeck_kernel.tools.probe_answer import ProbeAnswer
from tests.crash.scenarios.scenario import Scenario, Stage, Verdict, converse, turns
from tests.crash.scenarios.world import World


class Workflow(Scenario):
    """Steps, values, a timer, a person, a signal, a tool, and a step that is `once`."""

    name = "workflow"

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def workflow_note(context: ToolContext, number: str) -> str:
            # Another number at a rerun would be drift.
            assert number, "a number was recorded"
            return world.does(context, "noted", effect="idempotent")

        return [tool_of(workflow_note, effect="idempotent")]

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        return "answered", f"yes to {pause.title}"

    async def beside(self, decisions: Decisions, run_id: str) -> None:
        await decisions.signal(run_id, "doorbell", data="the post", key="only-once")

    async def play(self, stage: Stage) -> None:
        world, run_id = stage.world, stage.run.run_id

        def mix(flour: int) -> dict[str, str]:
            done = world.flows(run_id, "step:mix", f"mixed {flour}", effect="idempotent")
            return {"dough": done}

        async def bake() -> str:
            return world.flows(run_id, "step:bake", "baked", effect="once")

        async def flow(flow: Flow) -> list[JsonValue]:
            await flow.now()
            number = await flow.uuid()
            dough = await flow.step("mix", mix, 500)
            await flow.tool("workflow_note", {"number": number}, step_key="note")
            await flow.sleep(0.001)
            word = await flow.pause(step_key="oven", title="the oven")
            post = await flow.signal("doorbell")
            bread = await flow.step("bake", bake, effect="once")
            await flow.random()
            return [dough, word.value, post, bread]

        await stage.kernel.run_workflow(flow, run=stage.run)


class CancelledFlow(Scenario):
    """A workflow that somebody wants to end while a step of it calls tools."""

    name = "cancel_flow"

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        async def cancel_flow_load(context: ToolContext, box: int) -> str:
            loaded = world.does(context, f"loaded box {box}")
            if box == 2:
                await kernel.cancel(context.run_id, reason="the lorry is full")
            return loaded

        return [tool_of(cancel_flow_load)]

    async def play(self, stage: Stage) -> None:
        async def flow(flow: Flow) -> str:
            async def load() -> str:
                for box in (1, 2):
                    await flow.tool("cancel_flow_load", {"box": box}, step_key=f"box-{box}")
                # Whoever wanted it still does, should the process have died before they were heard.
                await stage.kernel.cancel(stage.run, reason="the lorry is full")
                await flow.tool("cancel_flow_load", {"box": 3}, step_key="box-3")
                raise AssertionError("unreachable: a third box is not begun")

            return str(await flow.step("load", load))

        await stage.kernel.run_workflow(flow, run=stage.run)


class Doubtful(Scenario):
    """Tools whose calls end in doubt, before or after the effect, with a probe or without."""

    name = "unknown"
    script: ClassVar = turns(
        [("unknown_probed", {"after": True}), ("unknown_probed", {"after": False})],
        [("unknown_blind", {"after": True}), ("unknown_blind", {"after": False})],
        [("unknown_hopeless", {})],
        answer="no doubts left",
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        def doubtful(context: ToolContext, *, after: bool) -> str:
            if context.attempt > 1:
                return world.does(context, "done")
            if after:
                world.does(context, "done")
            raise RuntimeError("the connection is lost")

        async def unknown_probed(context: ToolContext, after: bool) -> str:  # noqa: FBT001 - as a model gives it
            return doubtful(context, after=after)

        async def look(context: ToolContext) -> ProbeAnswer:
            result = world.result(context.run_id, context.step_key)
            return Done(result) if result is not None else NOT_DONE

        async def unknown_blind(context: ToolContext, after: bool) -> str:  # noqa: FBT001 - as a model gives it
            return doubtful(context, after=after)

        async def unknown_hopeless() -> str:
            raise RuntimeError("it never works")

        async def shrug() -> ProbeAnswer:
            return CANNOT_TELL

        return [
            tool_of(unknown_probed, probe=look),
            tool_of(unknown_blind),
            tool_of(unknown_hopeless, probe=shrug),
        ]

    def verdict(self, unknown: OpenUnknown, result: str | None) -> Verdict:
        if unknown.name == "unknown_hopeless":
            return "failed"
        return super().verdict(unknown, result)

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "do what can be done")
        await stage.kernel.finish_run(stage.run, answer=answer)
