"""A team: a lead hands tasks to sub-agents, each with its own part of the rights and the budget.

To the lead's model a sub-agent is a tool. It runs as a run of its own, seen below its parent.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import AgentSpec, FleetFilter, Kernel, ScriptedModel, load_script, tool_of

STORES = {"water": 12, "bread": 30}


def count(what: str) -> int:
    """Return how many barrels there are."""
    return STORES[what]


TOOLS = [tool_of(count, effect="read")]

# Whoever has no budget of its own gets all that is left, and nothing is left for who comes next.
COOPER = AgentSpec(
    name="cooper", prompt="You count barrels.", tools=("count",), budget_micros=50_000
)
PURSER = AgentSpec(name="purser", prompt="You know prices.", budget_micros=50_000)
# The lead may not count; it may only lend the right to who does.
LEAD = AgentSpec(
    name="lead",
    prompt="You lead the crew.",
    lends=("count",),
    sub_agents=(COOPER, PURSER),
    budget_micros=200_000,
)
MODEL = ScriptedModel(
    load_script(
        {
            "rules": [
                {
                    "when": {"anywhere": "You lead", "results": 0},
                    "answer": {
                        "calls": [
                            {"tool": "cooper", "arguments": {"task": "How much water is there?"}},
                            {"tool": "purser", "arguments": {"task": "What does water cost?"}},
                        ]
                    },
                },
                {
                    "when": {"anywhere": "You lead"},
                    "answer": {"calls": [{"tool": "finish", "arguments": {"answer": "12 at $3"}}]},
                },
                {
                    "when": {"anywhere": "barrels", "results": 0},
                    "answer": {"calls": [{"tool": "count", "arguments": {"what": "water"}}]},
                },
                {
                    "when": {"anywhere": "barrels"},
                    "answer": {"calls": [{"tool": "finish", "arguments": {"answer": "12"}}]},
                },
                {
                    "when": {"anywhere": "prices"},
                    "answer": {"calls": [{"tool": "finish", "arguments": {"answer": "$3"}}]},
                },
            ]
        }
    )
)


async def main(workspace: Path) -> None:
    async with await Kernel.open(workspace, model=MODEL, tools=TOOLS) as kernel:
        run = await kernel.start_agent(LEAD, "How do we stand for water?", idempotency_key="water")
        result = await kernel.run_agent(run)
        print(result.answer)
        for row in (await kernel.store.fleet(FleetFilter())).rows:
            print(f"{'  ' * row.depth}{row.agent}: {row.status}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
