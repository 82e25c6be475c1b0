"""The world outside: what effects have really happened, in a file that no crash takes back.

A tool writes one line for each thing it does, at the moment it does it. Beside it stands whether
the intent was on disk by then, as a program that knows nothing of the kernel sees it.
"""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from quarterdeck_kernel.store.sqlite.folder import DATABASE
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.vocabulary.words import Effect

_INTENTS = """
SELECT e.seq, e.header FROM events AS e JOIN runs AS r USING (run_no)
WHERE r.run_id = ? AND e.kind IN ('tool_requested', 'workflow_step_requested')
"""


class Happened(NamedTuple):
    """One effect: done by which try of which step, and what it gave."""

    run_id: str
    step_key: str
    key: str
    attempt: int
    effect: str
    result: str
    intended: bool


@dataclass(frozen=True)
class World:
    """The outside of one workspace."""

    folder: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def _file(self) -> Path:
        return self.folder / "effects.jsonl"

    def does(self, context: ToolContext, result: str, *, effect: Effect = "once") -> str:
        """Do what a tool is there for; return its result."""
        return self._happens(
            Happened(
                run_id=context.run_id,
                step_key=context.step_key,
                key=context.idempotency_key,
                attempt=context.attempt,
                effect=effect,
                result=result,
                intended=self._intended(context.run_id, context.step_key, context.attempt),
            )
        )

    def flows(self, run_id: str, step_key: str, result: str, *, effect: Effect) -> str:
        """Do what a step of a workflow is there for; it knows of no tries."""
        intended = self._intended(run_id, step_key, None)
        return self._happens(
            Happened(run_id, step_key, f"{run_id}/{step_key}", 1, effect, result, intended)
        )

    def happened(self) -> list[Happened]:
        """Return everything that has happened, in order."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return [Happened(*json.loads(line)) for line in lines]

    def result(self, run_id: str, step_key: str) -> str | None:
        """Return what came of a step, None if nothing has happened: the evidence of a person."""
        done = [h for h in self.happened() if (h.run_id, h.step_key) == (run_id, step_key)]
        return done[-1].result if done else None

    def _happens(self, what: Happened) -> str:
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, json.dumps(what).encode() + b"\n")
        finally:
            os.close(file)
        return what.result

    def _intended(self, run_id: str, step_key: str, attempt: int | None) -> bool:
        with closing(sqlite3.connect(self.workspace / DATABASE)) as db:
            rows = db.execute(_INTENTS, (run_id,)).fetchall()
        facts: list[dict[str, Any]] = [json.loads(header)["facts"] for _seq, header in rows]
        return any(
            fact["step_key"] == step_key and attempt in (None, fact.get("attempt", 1))
            for fact in facts
        )
