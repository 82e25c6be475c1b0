"""A reviewed workflow: a draft, a person who looks at it, and only then the letter goes out.

    python review.py my-workspace                      writes the draft, and asks
    python review.py my-workspace shorter              has it written again, and asks again
    python review.py my-workspace send                 sends it

Between two starts nothing runs: the workflow is run again from its first line, and finds what it
has done on record.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import Flow, Kernel, Run, ScriptedModel, ToolContext, load_script
from quarterdeck_kernel.errors import RunPausedError

MODEL = ScriptedModel(
    load_script(
        {
            "rules": [
                {"when": {"said": "shorter"}, "answer": {"text": "Rope arrived. Thanks."}},
                {"answer": {"text": "Dear chandler, the rope has arrived and we thank you."}},
            ]
        }
    )
)


async def letter(flow: Flow, to: str) -> str:
    draft = await flow.model(step_key="draft 1", prompt=f"Thank the {to} for the rope.")
    for number in range(1, 6):
        review = await flow.pause(
            step_key=f"review {number}", title=f"Send this to the {to}?", details=draft.text
        )
        if review.value == "send":
            break
        prompt = f"Write this again, {review.value}: {draft.text}"
        draft = await flow.model(step_key=f"draft {number + 1}", prompt=prompt)
    await flow.tool("post", {"to": to, "text": draft.text}, step_key="post")
    return draft.text


async def main(workspace: Path, verdict: str | None = None) -> None:
    async with await Kernel.open(workspace, model=MODEL) as kernel:

        @kernel.tool(effect="idempotent")
        def post(to: str, text: str, context: ToolContext) -> str:
            """Put a letter in the box; the same letter twice is one letter."""
            (workspace / f"{to}-{context.idempotency_key[:8]}.txt").write_text(text)
            return f"posted to the {to}"

        run = await kernel.start_run(agent="secretary", idempotency_key="thank for the rope")
        paused = await go_on(kernel, run)
        if paused is not None and verdict is not None:
            await kernel.resume(run, paused.pause_id, answer=verdict)
            await go_on(kernel, run)


async def go_on(kernel: Kernel, run: Run) -> RunPausedError | None:
    try:
        print("sent:", await kernel.run_workflow(letter, "chandler", run=run))
    except RunPausedError as paused:
        print(paused)
        return paused
    return None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:3]))
