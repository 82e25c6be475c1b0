"""Agents of the kernel's own: a loop with all that belongs to it, and a team."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue

from quarterdeck_kernel import (
    AgentSpec,
    CompactionPolicy,
    Kernel,
    Skill,
    Tool,
    ToolContext,
    tool_of,
)
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.runs.resolve import Decision
from tests.crash.scenarios.scenario import AT_ONCE, Scenario, Stage
from tests.crash.scenarios.world import World


def _calls(*calls: tuple[str, dict[str, JsonValue]], **when: JsonValue) -> JsonValue:
    listed: list[JsonValue] = [{"tool": tool, "arguments": args} for tool, args in calls]
    rule: dict[str, JsonValue] = {"answer": {"calls": listed, "cost_micros": 3}}
    if when:
        rule["when"] = dict(when)
    return rule


class Crew(Scenario):
    """One agent: tools of every effect, memory, a skill, a question, a compaction, an answer."""

    name = "crew"
    script: ClassVar = {
        "rules": [
            {
                "when": {"anywhere": "Sum up this part"},
                "answer": {"text": "all went well", "cost_micros": 2},
                "times": None,
            },
            {
                "when": {"anywhere": "all went well", "offered": ["crew_look"]},
                "answer": {
                    "calls": [{"tool": "finish", "arguments": {"answer": "paid 5"}}],
                    "cost_micros": 3,
                },
            },
            {
                "when": {"schema_asked": True},
                "answer": {"text": '{"paid": 5}', "cost_micros": 1},
                "times": None,
            },
            _calls(
                ("memory_append", {"text": "pay in gold"}),
                ("crew_look", {"at": "sky"}),
                offered=["crew_look"],
                turns=0,
            ),
            _calls(("crew_pay", {"amount": 5}), ("load_skill", {"name": "knots"}), turns=1),
            _calls(("ask", {"question": "Set sail?", "options": ["yes", "no"]}), turns=2),
            _calls(("crew_put", {"what": "log"}), ("nonsense", {}), turns=3),
        ]
    }
    spec: ClassVar = AgentSpec.model_validate(
        {
            "name": "crew",
            "prompt": "You are the crew.",
            "tools": ["crew_look", "crew_pay", "crew_put"],
            "skills": ["knots"],
            "memory": True,
            "retry": AT_ONCE.model_dump(),
            "compaction": CompactionPolicy(at_messages=11, keep_messages=2).model_dump(),
            "answer_schema": {
                "type": "object",
                "properties": {"paid": {"type": "integer"}},
                "required": ["paid"],
            },
        }
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        kernel.skill(Skill(name="knots", summary="how to tie", text="Over and under."))

        async def crew_look(context: ToolContext, at: str) -> str:
            return world.does(context, f"saw the {at}", effect="read")

        async def crew_pay(context: ToolContext, amount: int) -> str:
            return world.does(context, f"paid {amount}")

        async def crew_put(context: ToolContext, what: str) -> str:
            return world.does(context, f"put the {what}", effect="idempotent")

        return [
            tool_of(crew_look, effect="read", retry=AT_ONCE),
            tool_of(crew_pay, retry=AT_ONCE),
            tool_of(crew_put, effect="idempotent", retry=AT_ONCE),
        ]

    async def play(self, stage: Stage) -> None:
        await stage.kernel.run_agent(stage.run, self.spec)

    def answer(self, pause: OpenPause) -> tuple[Decision, JsonValue]:
        del pause
        return "answered", "yes"


class Team(Scenario):
    """An agent with two sub-agents at work at once, each in a run of its own."""

    name = "team"
    steady = False
    script: ClassVar = {
        "rules": [
            _calls(
                ("digger", {"task": "dig"}),
                ("carrier", {"task": "carry"}),
                anywhere="You lead.",
                turns=0,
            ),
            _calls(("finish", {"answer": "dug and carried"}), anywhere="You lead."),
            _calls(("team_dig", {"metres": 2}), anywhere="You dig.", turns=0),
            _calls(("finish", {"answer": "a hole"}), anywhere="You dig."),
            _calls(("team_carry", {"stones": 3}), anywhere="You carry.", turns=0),
            _calls(("finish", {"answer": "a heap"}), anywhere="You carry."),
        ]
    }
    spec: ClassVar = AgentSpec(
        name="team",
        prompt="You lead.",
        retry=AT_ONCE,
        lends=("team_dig", "team_carry"),
        budget_micros=1_000,
        sub_agents=(
            AgentSpec(name="digger", prompt="You dig.", tools=("team_dig",), retry=AT_ONCE),
            AgentSpec(name="carrier", prompt="You carry.", tools=("team_carry",), retry=AT_ONCE),
        ),
    )

    def tools(self, world: World, kernel: Kernel) -> Sequence[Tool]:
        del kernel

        async def team_dig(context: ToolContext, metres: int) -> str:
            return world.does(context, f"dug {metres} m", effect="idempotent")

        async def team_carry(context: ToolContext, stones: int) -> str:
            return world.does(context, f"carried {stones}", effect="read")

        return [
            tool_of(team_dig, effect="idempotent", retry=AT_ONCE),
            tool_of(team_carry, effect="read", retry=AT_ONCE),
        ]

    async def play(self, stage: Stage) -> None:
        await stage.kernel.run_agent(stage.run, self.spec)
