"""The golden corpus: a recording of every schema, and the rows that its events fold to.

`python -m tests.kernel.recordings.golden` makes the files of today's schema anew, which is done
once, when a schema is about to be released (until then, whenever its format changes on purpose).
Those of released schemas never change again. What `schema_N.rows.json` holds is a promise to who
keeps recordings: it may get fields, and none of those there may come to say something else.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import EventStore, ScriptedModel, export_run, load_script
from quarterdeck_kernel.errors import ReconciliationRequiredError, RunPausedError
from quarterdeck_kernel.events.upcasters import SCHEMA
from quarterdeck_kernel.recordings.manifest import Manifest
from quarterdeck_kernel.testing.logs import ADA, BEN
from tests.kernel.engine.deck import acting, breaks, kernel_of
from tests.kernel.recordings.tapes import AS_IT_IS, LARGE, forked

FOLDER = Path(__file__).parents[2] / "golden"
RUN, FORK = "golden", "golden-fork"


def tapes() -> list[Path]:
    """Return the recordings there are, one a schema."""
    return sorted(FOLDER.glob("schema_*.tape"))


def rows_file(tape: Path) -> Path:
    """Return where the rows of a recording stand."""
    return tape.with_suffix(".rows.json")


async def rows_of(store: EventStore, manifest: Manifest) -> dict[str, Any]:
    """Return what the events of all runs give, as plain data."""
    found: dict[str, Any] = {}
    for run in manifest.runs:
        rows = await store.projections(run.run_id)
        found[run.run_id] = {
            "fleet": rows.fleet._asdict(),
            "inbox": [row._asdict() for row in rows.inbox_opened],
            "context": [list(row) for row in rows.context],
            "steps": [list(row) for row in rows.steps],
            "ledger": [list(row) for row in rows.ledger],
        }
    return found


async def make(folder: Path, tape: Path) -> dict[str, Any]:
    """Record a run with something of everything, and a fork that still waits for a person."""
    model = ScriptedModel(
        load_script({"rules": [{"when": {}, "answer": {"text": "Aye."}, "times": None}]})
    )
    broken = acting(breaks, name="send")

    async def paid(_context: object, amount: int) -> object:
        return {"paid": amount}

    tools = (acting(paid), broken)
    async with kernel_of(*tools, at=folder, model=model, personal_data=AS_IT_IS) as kernel:
        run = await kernel.start_run(
            agent="purser",
            run_id=RUN,
            objective="count the barrels",
            idempotency_key="golden",
            actor=ADA,
        )
        await kernel.step_model(run=run, step_key="m1", prompt="How many?")
        await kernel.step_tool(run=run, step_key="t1", tool="pay", arguments={"amount": 3})
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="t2", tool="send", arguments={"amount": 1})
        (unknown,) = run.state.unknowns
        await kernel.reconcile(
            run, unknown, verdict="done", result={"sent": 1}, reason="the bank says so", actor=BEN
        )
        with pytest.raises(RunPausedError) as asked:
            await kernel.pause(run=run, step_key="p1", title="Go on?", type="confirm")
        await kernel.resume(run, asked.value.pause_id, decision="approved", actor=ADA)
        await kernel.say(run, LARGE, actor=ADA)
        await kernel.say(run, "a secret that goes", actor=ADA)
        gone = (await kernel.store.run(RUN)).head.seq
        await kernel.say(run, "write to ada@example.com", actor=ADA)
        await kernel.step_model(run=run, step_key="m2", prompt="And now?")
        await kernel.finish_run(run, answer={"barrels": 3})
        await kernel.let_go(run)
        await kernel.erase(RUN, gone, reason="asked for", actor=ADA)
        await forked(kernel, FORK, RUN, gone, over=False)
        branch = await kernel.load_run(FORK)
        with pytest.raises(RunPausedError):
            await kernel.pause(run=branch, step_key="p2", title="Which way?", type="input")
        await kernel.let_go(branch)
        made = await export_run(kernel.store, RUN, tape, forks=True, clock=kernel._clock)
        assert made.erased == made.redacted == 1, made
        assert made.blobs, made
        return await rows_of(kernel.store, made.manifest)


def main() -> None:
    """Make the files of today's schema anew."""
    tape = FOLDER / f"schema_{SCHEMA}.tape"
    tape.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as name:
        rows = asyncio.run(make(Path(name), tape))
    text = json.dumps(rows, indent=1, sort_keys=True)
    rows_file(tape).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
