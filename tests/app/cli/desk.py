"""A workspace with something of everything, and the command line in this process.

Its runs: `asks` waits for leave to pay, `doubts` does not know whether it paid, `chooses` has a
question, `fails` has failed, `rests` is queued, `hostile` has an objective that would clear the
screen.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from quarterdeck.cli import main
from quarterdeck_kernel import Kernel, Tool, ToolContext, tool_of
from quarterdeck_kernel.errors import ReconciliationRequiredError, RunPausedError
from quarterdeck_kernel.settings.files import FILE_NAME

SETTINGS = """
[[rules]]
name = "sums"
verdict = "require_approval"
reason = "sums are for people"
tools = ["pay"]

[models."openai/gpt-5"]
tier = "frontier"
input_usd = 2
output_usd = 8
window_tokens = 1000
"""
HOSTILE = "wipe\x1b[2J \u202ethe deck\x7f"


def paying() -> Tool:
    async def pay(amount: int) -> dict[str, int]:
        """Pay a sum."""
        return {"paid": amount}

    return tool_of(pay, effect="once", risk="high", version="1")


def sending() -> Tool:
    async def send(context: ToolContext) -> None:
        """Send a sum; the line breaks."""
        raise ConnectionResetError(context.tool)

    return tool_of(send, effect="once", version="1")


async def fill(workspace: Path) -> None:
    tools = [paying(), sending()]
    async with await Kernel.open(workspace, tools=tools) as kernel:
        asks = await kernel.start_run(agent="purser", run_id="asks", objective="pay the cooper")
        with pytest.raises(RunPausedError):
            await kernel.step_tool(run=asks, step_key="s", tool="pay", arguments={"amount": 7})
        doubts = await kernel.start_run(agent="bursar", run_id="doubts", objective="send it")
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=doubts, step_key="s", tool="send", arguments={})
        chooses = await kernel.start_run(
            agent="purser", run_id="chooses", budgets={"micros": 1_000_000, "tool_calls": 3}
        )
        with pytest.raises(RunPausedError):
            await kernel.pause(
                run=chooses, step_key="q", title="Which?", type="choose", options=["tar", "rope"]
            )
        fails = await kernel.start_run(agent="bosun", run_id="fails", objective="lift it")
        await kernel.fail_run(fails, error="heavy", message="too heavy", partial_answer="half")
        await kernel.start_run(agent="bosun", run_id="rests", objective="sleep", model="scripted")
        await kernel.start_run(agent="bosun", run_id="hostile", objective=HOSTILE)


def filled(workspace: Path) -> Path:
    workspace.mkdir(mode=0o700, exist_ok=True)
    (workspace / FILE_NAME).write_text(SETTINGS, encoding="utf-8")
    asyncio.run(fill(workspace))
    return workspace


class Desk:
    """A person at a terminal of a workspace."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    def does(self, *arguments: str, stdin: str | None = None) -> Result:
        """Do it, whatever comes of it; nobody is ever shown a traceback."""
        done = CliRunner().invoke(
            main, ["--workspace", str(self.workspace), *arguments], input=stdin
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert "Traceback" not in done.output
        return done

    def says(self, *arguments: str) -> str:
        """Do what is to succeed, and return what it says."""
        done = self.does(*arguments)
        assert (done.exit_code, done.stderr) == (0, "")
        return done.stdout

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.says(*arguments, "--json"))

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.says(*arguments, "--json").splitlines()]

    def refused(self, code: int, *arguments: str) -> str:
        """Do what is to be refused with a code, and return the one sentence that says why."""
        done = self.does(*arguments)
        assert done.exit_code == code, done.output
        assert done.stderr.count("\n") == 1
        return done.stderr

    def item(self, run_id: str) -> str:
        """Return what waits in a run."""
        (found,) = [i["id"] for i in self.json("inbox")["items"] if i["run_id"] == run_id]
        return str(found)
