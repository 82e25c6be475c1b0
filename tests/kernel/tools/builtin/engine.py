"""Helpers: built-in tools in runs of a kernel, on real files, with a guard that asks a person."""

from typing import Any

from quarterdeck_kernel import (
    ALLOW,
    Event,
    GuardKind,
    Kernel,
    Pause,
    ProposedCall,
    Run,
    Tenant,
    Verdict,
)
from tests.kernel.engine.deck import events

EVERYTHING = Tenant(
    tenant_id="local",
    capabilities=frozenset(
        {"read_files", "write_files", "shell", "http", "query_sql", "change_sql"}
    ),
    budget_micros=1_000_000,
)


class Asks:
    """A guard that lets a person decide about calls of a capability."""

    name = "approval"
    kind: GuardKind = "approval"

    def __init__(self, *capabilities: str) -> None:
        self._capabilities = capabilities

    async def judge(self, call: ProposedCall) -> Verdict:
        if call.capability in self._capabilities:
            return Pause(title=f"approve {call.tool}")
        return ALLOW


async def artifacts(kernel: Kernel, run: Run) -> list[tuple[Event, Any]]:
    """Return the changes of files that stand in a run's log, with their payloads."""
    return [(e, e.payload) for e in await events(kernel, run) if e.kind == "artifact_written"]
