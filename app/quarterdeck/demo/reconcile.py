"""Settling the demo's unknown payment by a stated policy, with evidence.

The policy: a payment whose idempotency key stands in `payments.csv` was made; one whose key does
not stand there was not, and its step is recorded as failed. No payment is ever sent again to find
out. This is what a probe of the tool `pay` answers; asking it is the engine's in issue 3.
"""

import asyncio
from dataclasses import dataclass

from quarterdeck.demo.cast import PAYMENTS_PART
from quarterdeck.demo.tools import find_payment
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import KERNEL, EventStore, Journal
from quarterdeck_kernel.events.tool_events import ToolEvidence, ToolReconciled
from quarterdeck_kernel.projections.inbox import unknown_item
from quarterdeck_kernel.projections.open_items import OpenUnknown

POLICY = "a payment counts as made if its key stands in payments.csv, else as not made"


@dataclass(frozen=True, slots=True)
class Settled:
    """How one unknown outcome was settled, and by which event."""

    intent_seq: int
    key: str
    line: str | None
    seq: int


async def settle_payments(store: EventStore, workspace: Workspace) -> list[Settled]:
    """Settle every unknown outcome of the payments; return how."""
    journal = await Journal.load(store, PAYMENTS_PART.name)
    return [
        await _settle(journal, workspace, unknown) for unknown in journal.state.unknowns.values()
    ]


async def _settle(journal: Journal, workspace: Workspace, unknown: OpenUnknown) -> Settled:
    key = unknown.idempotency_key
    line = await asyncio.to_thread(find_payment, workspace.files, key)
    evidence = ToolEvidence(
        intent_seq=unknown.intent_seq,
        source="probe",
        verdict="done" if line is not None else "not_done",
        detail={"looked_in": "payments.csv", "key": key, "line": line},
    )
    verdict = ToolReconciled(
        intent_seq=unknown.intent_seq,
        verdict="done" if line is not None else "failed",
        by="probe",
        result={"line": line} if line is not None else None,
        reason=POLICY,
    )
    *_, settled = await journal.append(
        lambda _: (evidence, verdict), actor=KERNEL, stands=unknown_item(unknown.intent_seq)
    )
    return Settled(unknown.intent_seq, key, line, settled.seq)
