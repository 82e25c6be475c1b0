"""The harbour's bank: a tool whose effect happens once, and a probe that can tell whether it did.

It lies in the workspace, as tools of your own would. A payment is a line of `files/payments.csv`.
"""

import asyncio
import os
from pathlib import Path

from quarterdeck_kernel import CANNOT_TELL, NOT_DONE, Done, ToolContext, tool_of
from quarterdeck_kernel.tools.probe_answer import ProbeAnswer

HERE = Path(__file__).resolve().parent
PAYMENTS = HERE / "files" / "payments.csv"
OUTAGE = HERE / "bank-outage"
"""While it is there, the bank makes the payment of the invoice named in it and answers nothing."""


def _answers(invoice: str) -> bool:
    return not (OUTAGE.exists() and OUTAGE.read_text(encoding="utf-8").strip() == invoice)


def _receipt(line: str) -> dict[str, str]:
    key, invoice, payee, usd = line.split(",")
    return {"invoice": invoice, "payee": payee, "usd": usd, "reference": key[:12]}


async def pay(context: ToolContext, invoice: str, payee: str, usd: str) -> dict[str, str]:
    """Pay an invoice out of the harbour's account.

    Args:
        invoice: its number
        payee: whom it is from
        usd: the sum, as in 120.00
    """
    line = f"{context.idempotency_key},{invoice},{payee},{usd}"
    with PAYMENTS.open("a", encoding="utf-8") as book:
        book.write(f"{line}\n")
        book.flush()
        os.fsync(book.fileno())
    if not _answers(invoice):
        # Sent, and no answer: the death of this process ends the wait, or its patience.
        await asyncio.Event().wait()
    return _receipt(line)


def probe(context: ToolContext, invoice: str, payee: str, usd: str) -> ProbeAnswer:  # noqa: ARG001
    """Ask the bank: it knows a payment by its idempotency key, whoever sent it."""
    if not _answers(invoice):
        return CANNOT_TELL
    if PAYMENTS.exists():
        for line in PAYMENTS.read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{context.idempotency_key},"):
                return Done(_receipt(line))
    return NOT_DONE


PAY = tool_of(pay, effect="once", capability="payments", risk="high", timeout_s=120.0, probe=probe)
