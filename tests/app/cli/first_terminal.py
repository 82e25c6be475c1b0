"""A process that drives one agent, and says a line for each thing that stops it.

It pays, asks or sends, as its first argument says; then it finishes with what it was told. What it
really paid stands in a file, a line each.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from quarterdeck_kernel import AgentSpec, Kernel, Script, ScriptedModel
from quarterdeck_kernel.errors import RunStoppedError

FIRST: dict[str, Any] = {
    "pay": {"tool": "pay", "arguments": {"amount": 7}},
    "send": {"tool": "send", "arguments": {}},
    "ask": {"tool": "ask", "arguments": {"question": "Which?", "options": ["tar", "rope"]}},
}


def said(answer: str) -> dict[str, Any]:
    return {"calls": [{"tool": "finish", "arguments": {"answer": answer}}]}


def model(first: str) -> ScriptedModel:
    rules: list[dict[str, Any]] = [
        {"when": {"anywhere": "mind the reef"}, "answer": said("heard of the reef")},
        {"when": {"anywhere": "rope"}, "answer": said("took rope")},
        {"when": {"turns": 0}, "answer": {"calls": [FIRST[first]]}},
        {"answer": said("done")},
    ]
    if first == "ask":
        # The question names the rope, too.
        rules[1]["when"]["turns"] = 1
    return ScriptedModel(Script.model_validate({"rules": rules}))


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the other process reads it


async def main(workspace: Path, first: str) -> None:
    async with await Kernel.open(workspace, model=model(first)) as kernel:
        paid = workspace / "paid.txt"

        @kernel.tool(effect="once", risk="high")
        def pay(amount: int) -> str:
            """Pay a sum."""
            with paid.open("a", encoding="utf-8") as book:
                book.write(f"{amount}\n")
            return "paid"

        @kernel.tool(effect="once")
        def send() -> str:
            """Send a sum, and lose the line the first time."""
            with paid.open("a", encoding="utf-8") as book:
                book.write("sent\n")
            raise ConnectionResetError("the line is dead")

        spec = AgentSpec(name="sailor", tools=("pay", "send"))
        run = await kernel.start_agent(spec, "work", run_id="r")
        while True:
            try:
                result = await kernel.run_agent(run)
            except RunStoppedError as stopped:
                seen = run.state.head_seq
                say(type(stopped).__name__)
                await kernel.store.wait(after=seen, run_id="r")
            else:
                say(f"{result.status}: {result.answer}")
                return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
