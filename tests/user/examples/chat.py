"""A durable chat: every start says one thing more, and the conversation goes on where it was.

    python chat.py my-workspace "Which ship is it?"

A script stands for the model, so that this runs offline; hand `Kernel.open` another one instead.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import AgentSpec, Kernel, Run, ScriptedModel, load_script, view
from quarterdeck_kernel.errors import RunPausedError

MODEL = ScriptedModel(
    load_script(
        {
            "rules": [
                {"answer": {"text": "Welcome aboard, captain."}},
                {"when": {"said": "her name"}, "answer": {"text": "The Gull it is."}},
                {"when": {"anywhere": "Gull"}, "answer": {"text": "You called her the Gull."}},
            ]
        }
    )
)
MATE = AgentSpec(name="mate", identity="You are the mate of a small ship.", chat=True)


async def main(workspace: Path, words: str) -> None:
    async with await Kernel.open(workspace, model=MODEL) as kernel:
        # The key makes this one chat, however often it is started.
        run = await kernel.start_agent(MATE, "Greet the captain.", idempotency_key="the chat")
        seen = run.state.head_seq
        waiting = await until_it_waits(kernel, run)
        if waiting is not None:
            await kernel.resume(run, waiting.pause_id, answer=words)
            await until_it_waits(kernel, run)
        async for item in view(kernel.store, run.run_id, after=seen, follow=False):
            if item.kind == "reasoning":
                print(item.text)


async def until_it_waits(kernel: Kernel, run: Run) -> RunPausedError | None:
    """Let the mate speak, if it is his turn; return the pause in which he waits for an answer."""
    try:
        await kernel.run_agent(run)
    except RunPausedError as paused:
        return paused
    return None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
