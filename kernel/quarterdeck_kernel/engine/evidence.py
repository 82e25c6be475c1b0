"""What a driver still knows when it may write no outcome (any more): kept as evidence.

Evidence settles nothing. It stands beside the unknown, for the person or the probe that does.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import QuarterdeckError
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolEvidence
from quarterdeck_kernel.vocabulary.actor import KERNEL

Verdict = Literal["done", "not_done", "cannot_tell"]
Source = Literal["late_result", "driver"]


async def tell_outcome(driver: RunDriver, outcome: ToolCompleted) -> None:
    """Keep the outcome of a call whose run was taken over."""
    if outcome.outcome == "success":
        verdict: Verdict = "done"
    else:
        verdict = "not_done" if outcome.cause == "declared" else "cannot_tell"
    detail = outcome.result if outcome.outcome == "success" else outcome.error
    await _tell(driver, outcome.intent_seq, "late_result", verdict, detail)


async def tell_not_dispatched(driver: RunDriver, intent_seq: int) -> None:
    """Say that a call was never made: its run was taken over before it could be."""
    text = "the driver found its lease lost before it dispatched the call"
    await _tell(driver, intent_seq, "driver", "not_done", text)


def keep_late(
    driver: RunDriver, intent_seq: int, look: Callable[[], tuple[Verdict, JsonValue]]
) -> None:
    """Keep what a call says after nobody waited for it any more, if it is unknown."""
    driver.lingering.discard(intent_seq)

    async def keep() -> None:
        # The log can do without it: what is unknown stays unknown.
        with suppress(QuarterdeckError):
            if intent_seq in (await driver.refresh()).unknowns:
                verdict, detail = look()
                await _tell(driver, intent_seq, "late_result", verdict, detail)

    task = asyncio.create_task(keep())
    driver.late.add(task)
    task.add_done_callback(driver.late.discard)


async def _tell(
    driver: RunDriver, intent_seq: int, source: Source, verdict: Verdict, detail: JsonValue
) -> None:
    evidence = ToolEvidence(intent_seq=intent_seq, source=source, verdict=verdict, detail=detail)
    # A journal of its own: without the lease, whoever holds it now.
    journal = await Journal.load(
        driver.store, driver.run_id, clock=driver.clock, ingress=driver.ingress
    )
    await journal.append(lambda _: [evidence], actor=KERNEL)
