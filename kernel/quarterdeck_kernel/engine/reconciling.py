"""Looking at a step that may be in doubt: on record already, to be probed, or for a person."""

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.cancellation import Stop, through
from quarterdeck_kernel.engine.probing import probed
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall
from quarterdeck_kernel.errors import ConflictError, NotFoundError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.projections.open_items import OpenUnknown
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What is known now of a step that was in doubt, or was looked at as one.

    `outcome`: it is done, and `value` is what it gave; it failed; it may be tried again, when it
    is asked for; or it is open still. `by` is who found that out: the tool itself, when it
    answered, its probe, or an operator; nobody as long as it is open. `reason` is what they gave
    for it, or why it is open. `replayed`: this was known before, and nothing was done now.
    """

    step_key: str
    intent_seq: int
    outcome: Literal["done", "failed", "retry", "open"]
    by: Literal["tool", "probe", "operator"] | None = None
    actor: Actor | None = None
    seq: int | None = None
    value: JsonValue = None
    reason: str | None = None
    replayed: bool = False

    @property
    def settled(self) -> bool:
        """Tell whether nothing is in doubt any more."""
        return self.outcome != "open"


def settled_as(event: Event, step_key: str, *, replayed: bool) -> Reconciled:
    """Return what an event that settles a step says of it."""
    match event.payload:
        case ToolReconciled() as said:
            return Reconciled(
                step_key=step_key,
                intent_seq=said.intent_seq,
                outcome=said.verdict,
                by=said.by,
                actor=event.actor,
                seq=event.seq,
                value=said.result,
                reason=said.reason,
                replayed=replayed,
            )
        case ToolCompleted(outcome="success") as done:
            return Reconciled(
                step_key=step_key,
                intent_seq=done.intent_seq,
                outcome="done",
                by="tool",
                actor=event.actor,
                seq=event.seq,
                value=done.result,
                replayed=replayed,
            )
        case _:
            raise AssertionError(f"event #{event.seq} settles nothing")


async def reconciled(
    driver: RunDriver, box: ToolBox, step_key: str, *, ask_probe: bool, stop: Stop
) -> Reconciled:
    """Return what is known of a step; with `ask_probe` the tool's probe is asked if it is open."""
    await through(driver.gate, stop, driver.clock)
    try:
        await driver.take_up()
        row = await driver.row(step_key)
        if row is None:
            raise NotFoundError(f"step {step_key!r} of run {driver.run_id!r} was never requested")
        intent = (await driver.event(row.requested_seq)).payload
        item = driver.state.unknowns.get(row.requested_seq)
        if item is None:
            return await _known(driver, step_key, row.completed_seq)
        why = None
        if ask_probe:
            why = await _probed(driver, box, item, intent, stop)
        if item.intent_seq in driver.state.unknowns:
            return Reconciled(
                step_key=step_key, intent_seq=item.intent_seq, outcome="open", reason=why
            )
        return await _settlement(driver, item)
    finally:
        driver.gate.release()


async def _known(driver: RunDriver, step_key: str, completed_seq: int | None) -> Reconciled:
    """Return what a step that is not in doubt gave; only a success is worth anything here."""
    if completed_seq is not None:
        ended = await driver.event(completed_seq)
        done = ended.payload
        succeeded = isinstance(done, ToolCompleted) and done.outcome == "success"
        if succeeded or (isinstance(done, ToolReconciled) and done.verdict == "done"):
            return settled_as(ended, step_key, replayed=True)
    raise ConflictError(
        f"step {step_key!r} of run {driver.run_id!r} is not in doubt; there is nothing to settle"
    )


async def _probed(
    driver: RunDriver, box: ToolBox, item: OpenUnknown, intent: object, stop: Stop
) -> str | None:
    """Ask the probe; return why the outcome is open still, if it is."""
    if not isinstance(intent, ToolRequested):
        return "a step of a workflow has no probe"
    tool = box.get(intent.tool)
    asked = AskedCall(
        step_key=item.step_key,
        tool=tool,
        arguments=intent.arguments or {},
        arguments_digest=canonical.digest(intent.arguments or {}),
        idempotency_key=intent.idempotency_key,
        retry=tool.retry,
        call_id=intent.call_id,
    )
    return (await probed(driver, asked, item, stop, anew=True)).why


async def _settlement(driver: RunDriver, item: OpenUnknown) -> Reconciled:
    """Return what settled an outcome just now: the probe, or a person who was faster."""
    records = await driver.store.read(
        driver.run_id, after=item.intent_seq, kinds=("tool_reconciled",)
    )
    for record in reversed(records):
        event = await driver.event(record.seq)
        if (
            isinstance(event.payload, ToolReconciled)
            and event.payload.intent_seq == item.intent_seq
        ):
            return settled_as(event, item.step_key, replayed=False)
    raise AssertionError("what is in doubt is settled by an event that names it")
