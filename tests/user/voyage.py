"""What a user may write: a workflow with a model, a tool and a person, in one file.

It takes public names of the kernel only; a test runs it, and the type checkers read it.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import Flow, Kernel, ScriptedModel, load_script
from quarterdeck_kernel.errors import RunPausedError

MODEL = ScriptedModel(load_script('{"rules": [{"answer": {"text": "tar and rope"}}]}'))


async def refit(flow: Flow, ship: str) -> str:
    needed = await flow.model(step_key="needs", prompt=f"What does the {ship} need?")
    order = await flow.tool("buy", {"goods": needed.text}, step_key="buy")
    agreed = await flow.pause(step_key="agree", title=f"Sail the {ship}?")
    hours = await flow.step("count the hours", len, needed.text, returns=int)
    return f"{order.value}, {agreed.value} in {hours} hours"


async def main(workspace: Path) -> None:
    async with await Kernel.open(workspace, model=MODEL) as kernel:

        @kernel.tool(effect="once", risk="medium")
        def buy(goods: str) -> str:
            """Order goods from the chandler."""
            return f"bought {goods}"

        run = await kernel.start_run(agent="bosun", idempotency_key="refit the Gull")
        try:
            print(await kernel.run_workflow(refit, "Gull", run=run))
        except RunPausedError as paused:
            print(f"asked: {paused}")
            await kernel.resume(run, paused.pause_id, answer="aye")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
