"""Agents that nobody has to help: conversations, retries, calls at once, streams, sub-runs."""

from collections.abc import Sequence
from typing import ClassVar

from quarterdeck_kernel import Kernel, Run, Tool, ToolContext, state_at, tool_of
from quarterdeck_kernel.errors import ReconciliationRequiredError, TransientToolError
from quarterdeck_kernel.runs.reconcile import reconcile
from quarterdeck_kernel.vocabulary.actor import operator
from quarterdeck_kernel.vocabulary.retry import ONCE
from tests.crash.scenarios.scenario import AT_ONCE, Scenario, Stage, converse, turns
from tests.crash.scenarios.world import World


class Plain(Scenario):
    """A model, its tools, the model again, and the end."""

    name = "plain"
    script: ClassVar = turns(
        [("plain_look", {"what": "prices"})], [("plain_pay", {"amount": 3})], answer="paid"
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def plain_look(context: ToolContext, what: str) -> str:
            return world.does(context, f"saw {what}", effect="read")

        async def plain_pay(context: ToolContext, amount: int) -> dict[str, int]:
            world.does(context, '{"paid":' + str(amount) + "}")
            return {"paid": amount}

        return [tool_of(plain_look, effect="read"), tool_of(plain_pay)]

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "pay the bill")
        await stage.kernel.finish_run(stage.run, answer=answer)


class Retries(Scenario):
    """A model that fails for a moment, and a `once` tool that certifies that nothing happened."""

    name = "retries"
    script: ClassVar = {
        "rules": [
            {"failure": {"kind": "transient"}},
            {"answer": {"calls": [{"tool": "retries_book", "arguments": {"seat": "4a"}}]}},
            {"answer": {"text": "booked", "cost_micros": 11}},
        ]
    }

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def retries_book(context: ToolContext, seat: str) -> str:
            if context.attempt == 1:
                raise TransientToolError("the line was engaged")
            return world.does(context, f"booked {seat}")

        return [tool_of(retries_book, retry=AT_ONCE)]

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "book a seat")
        await stage.kernel.finish_run(stage.run, answer=answer)


class Parallel(Scenario):
    """Five calls of one turn: two that read, one that is idempotent, two that are `once`."""

    name = "parallel"
    script: ClassVar = turns(
        [
            ("parallel_read", {"page": 1}),
            ("parallel_send", {"to": "ada"}),
            ("parallel_put", {"file": "notes"}),
            ("parallel_read", {"page": 2}),
            ("parallel_send", {"to": "ben"}),
        ],
        answer="all five",
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def parallel_read(context: ToolContext, page: int) -> str:
            return world.does(context, f"page {page}", effect="read")

        async def parallel_put(context: ToolContext, file: str) -> str:
            return world.does(context, f"put {file}", effect="idempotent")

        async def parallel_send(context: ToolContext, to: str) -> str:
            return world.does(context, f"sent to {to}")

        return [
            tool_of(parallel_read, effect="read", retry=AT_ONCE),
            # No second try is no reason not to go again when nobody knows how the first ended.
            tool_of(parallel_put, effect="idempotent", retry=ONCE),
            tool_of(parallel_send, retry=AT_ONCE),
        ]

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "do it all")
        await stage.kernel.finish_run(stage.run, answer=answer)


class Streaming(Scenario):
    """A stream that is cut, and then comes whole; nothing is executed from the one that was cut."""

    name = "streaming"
    script: ClassVar = {
        "rules": [
            {"failure": {"kind": "transient", "after_text": "I will call the too"}},
            {
                "answer": {
                    "text": "I will call the tool.",
                    "calls": [{"tool": "streaming_ring", "arguments": {"bell": "front"}}],
                }
            },
            {"answer": {"text": "It rang, twice over the hills.", "cost_micros": 5}},
        ]
    }

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def streaming_ring(context: ToolContext, bell: str) -> str:
            return world.does(context, f"rang the {bell} bell")

        return [tool_of(streaming_ring)]

    async def play(self, stage: Stage) -> None:
        heard: list[str] = []

        def listen(piece: str | None) -> None:
            if piece is None:
                heard.clear()
            else:
                heard.append(piece)

        answer = await converse(stage, "ring the bell", listener=listen)
        whole = "".join(heard)
        assert whole.endswith(answer), f"the listener heard {whole!r} in place of {answer!r}"
        await stage.kernel.finish_run(stage.run, answer=answer)


class SubRun(Scenario):
    """A tool that starts a run of its own, under an id made of its key, and drives it."""

    name = "subrun"
    script: ClassVar = {
        "rules": [
            {
                "when": {"said": "delegate"},
                "answer": {"calls": [{"tool": "subrun_delegate", "arguments": {"task": "dig"}}]},
            },
            {
                "when": {"said": "dig", "results": 0},
                "answer": {"calls": [{"tool": "subrun_dig", "arguments": {"metres": 2}}]},
            },
            {"when": {"said": "dig"}, "answer": {"text": "a hole", "cost_micros": 2}},
            {"when": {"said": "delegate"}, "answer": {"text": "done", "cost_micros": 3}},
        ]
    }

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        async def subrun_dig(context: ToolContext, metres: int) -> str:
            return world.does(context, f"dug {metres} m")

        async def subrun_delegate(context: ToolContext, task: str) -> str:
            child_id = f"{context.run_id}.sub.{context.idempotency_key}"
            child = await kernel.start_run(
                agent="subrun-child", run_id=child_id, idempotency_key=child_id, model=self.name
            )
            while not child.state.terminal:
                try:
                    answer = await converse(Stage(kernel, child, world), task, tools=["subrun_dig"])
                    await kernel.finish_run(child, answer=answer)
                except ReconciliationRequiredError:
                    await self._settle(kernel, child, world)
            assert child.state.status == "succeeded", child.state.status
            return "a hole"

        return [
            tool_of(subrun_dig),
            tool_of(subrun_delegate, effect="idempotent", retry=AT_ONCE),
        ]

    async def _settle(self, kernel: Kernel, child: Run, world: World) -> None:
        """Play the child's operator: the parent's waits for the tool."""
        journal = await kernel.journal(child)
        state = await state_at(kernel.store, child.run_id)
        for seq, item in state.unknowns.items():
            result = world.result(child.run_id, item.step_key)
            verdict = self.verdict(item, result)
            await reconcile(
                journal, seq, verdict=verdict, result=result, reason="seen", actor=operator()
            )

    async def play(self, stage: Stage) -> None:
        answer = await converse(stage, "delegate it", tools=["subrun_delegate"])
        await stage.kernel.finish_run(stage.run, answer=answer)


class Typed(Scenario):
    """A typed answer that does not fit, and is mended."""

    name = "typed"
    script: ClassVar = {
        "rules": [
            {"answer": {"text": "about three, I should say", "cost_micros": 2}},
            {"answer": {"text": '{"eggs": 3}', "cost_micros": 1}},
        ]
    }

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del world, kernel
        return []

    async def play(self, stage: Stage) -> None:
        counted = await stage.kernel.step_model(
            run=stage.run, step_key="count", prompt="how many eggs?", answer=dict[str, int]
        )
        assert counted.value == {"eggs": 3}, counted.value
        await stage.kernel.finish_run(stage.run, answer=counted.value)
