"""The golden path: a payment whose outcome nobody knows, settled by a person, never made twice.

    python payment.py my-workspace          pays, and loses the line before the bank has answered
    python payment.py my-workspace          is refused: the outcome is unknown, and stays so
    python payment.py my-workspace settle   looks at the bank's book, says what is there, goes on

Done once, it may be started as often as you like: everything is replayed from the record.
"""

import asyncio
import sys
from pathlib import Path

from quarterdeck_kernel import Flow, Kernel, Run, tool_of
from quarterdeck_kernel.errors import ReconciliationRequiredError


class Bank:
    """Stands for a bank: it has the money when the line goes down."""

    def __init__(self, book: Path) -> None:
        self.book = book

    def pay(self, to: str, dollars: int) -> str:
        """Pay somebody."""
        with self.book.open("a") as book:
            book.write(f"{dollars} to {to}\n")
        raise ConnectionResetError("the line went down")


async def settle_up(flow: Flow, to: str) -> str:
    bill = await flow.step("read the bill", lambda: 40, returns=int)
    paid = await flow.tool("pay", {"to": to, "dollars": bill}, step_key="pay")
    return f"{to} has {bill} dollars: {paid.value}"


async def main(workspace: Path, *, settle: bool = False) -> None:
    bank = Bank(workspace / "bank.txt")
    # `once`: to do it again, not knowing, would do harm.
    pay = tool_of(bank.pay, effect="once", risk="high")
    async with await Kernel.open(workspace, tools=[pay]) as kernel:
        run = await kernel.start_run(agent="purser", idempotency_key="the bill of May")
        try:
            print(await kernel.run_workflow(settle_up, "Ann", run=run))
        except ReconciliationRequiredError as unknown:
            if not settle:
                print(unknown)
                return
            await look_and_settle(kernel, run, unknown.intent_seq, bank)
            print(await kernel.run_workflow(settle_up, "Ann", run=run))
        # Replays the record, and says whether the code still does what stands there.
        print(await kernel.check_workflow(settle_up, "Ann", run=run))


async def look_and_settle(kernel: Kernel, run: Run, seq: int, bank: Bank) -> None:
    """Do what a person does who looks at the book of the bank."""
    if "40 to Ann" in bank.book.read_text():
        reason = "it stands in the book of the bank"
        await kernel.reconcile(run, seq, verdict="done", result="paid", reason=reason)
    else:
        await kernel.reconcile(run, seq, verdict="retry", reason="the bank knows nothing of it")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), settle="settle" in sys.argv[2:]))
