"""A research agent: it searches, reads what it found side by side, and says what it relies on.

Killed at any point and started again, it goes on: what was searched and read is on record.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import AgentSpec, Kernel, ScriptedModel, load_script, tool_of, turn_log

LIBRARY = {
    "tides.txt": "High water at Brest is at nine.",
    "winds.txt": "In May the wind is from the west.",
    "recipes.txt": "Ship's biscuit keeps for years.",
}


def search(words: list[str]) -> list[str]:
    """Return the names of pages that hold one of the words."""
    return [name for name, text in LIBRARY.items() if any(word in text for word in words)]


def read_page(name: str) -> str:
    """Return a page."""
    return LIBRARY[name]


# Reading does no harm: it may be repeated, and several calls of a turn are made at once.
TOOLS = [tool_of(search, effect="read"), tool_of(read_page, effect="read")]
ANSWER = "Sail at nine (tides.txt), and expect a west wind (winds.txt)."
MODEL = ScriptedModel(
    load_script(
        {
            "rules": [
                {
                    "answer": {
                        "calls": [{"tool": "search", "arguments": {"words": ["Brest", "May"]}}]
                    }
                },
                {
                    "answer": {
                        "text": "Two pages to read.",
                        "calls": [
                            {"tool": "read_page", "arguments": {"name": "tides.txt"}},
                            {"tool": "read_page", "arguments": {"name": "winds.txt"}},
                        ],
                    }
                },
                {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": ANSWER}}]}},
            ]
        }
    )
)
SCHOLAR = AgentSpec(
    name="scholar",
    prompt="Search, read what you found, and name the page for whatever you say.",
    tools=("search", "read_page"),
    max_turns=8,
)


async def main(workspace: Path) -> None:
    async with await Kernel.open(workspace, model=MODEL, tools=TOOLS) as kernel:
        question = "When do we leave Brest in May?"
        run = await kernel.start_agent(SCHOLAR, question, idempotency_key=question)
        print((await kernel.run_agent(run)).answer)
        async for turn in turn_log(kernel.store, run.run_id):
            print(f"turn {turn.turn}: {', '.join(tool.tool for tool in turn.tools) or 'finished'}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
