"""Looking at a step that may be in doubt: on record already, to be probed, or for a person."""

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.cancellation import Stop, through
from quarterdeck_kernel.engine.probing import settled_by_probe
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall, ToolResult
from quarterdeck_kernel.engine.tool_record import outcome
from quarterdeck_kernel.errors import ConflictError, NotFoundError
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.tools.toolbox import ToolBox


async def reconciled(
    driver: RunDriver, box: ToolBox, step_key: str, *, ask_probe: bool, stop: Stop
) -> ToolResult | int | None:
    """Return a step's result, or the intent whose outcome a person is to settle.

    With `ask_probe` the tool's probe is asked first. None: it said that the step may go again.
    """
    await through(driver.gate, stop, driver.clock)
    try:
        await driver.take_up()
        row = await driver.row(step_key)
        if row is None:
            raise NotFoundError(f"step {step_key!r} of run {driver.run_id!r} was never requested")
        event = await driver.event(row.requested_seq)
        intent = event.payload
        item = driver.state.unknowns.get(row.requested_seq)
        if item is None and isinstance(intent, ToolRequested) and row.completed_seq is not None:
            ended = await driver.event(row.completed_seq)
            result = outcome(ended, step_key=step_key, intent=intent, replayed=True)
            if isinstance(result, ToolResult):
                return result
        if item is None:
            raise ConflictError(
                f"step {step_key!r} of run {driver.run_id!r} is not in doubt; there is nothing to "
                "settle"
            )
        if not ask_probe or not isinstance(intent, ToolRequested):
            return item.intent_seq
        tool = box.get(intent.tool)
        asked = AskedCall(
            step_key=step_key,
            tool=tool,
            arguments=intent.arguments or {},
            arguments_digest=canonical.digest(intent.arguments or {}),
            idempotency_key=intent.idempotency_key,
            retry=tool.retry,
            call_id=intent.call_id,
        )
        if not await settled_by_probe(driver, asked, item, stop, anew=True):
            return item.intent_seq
        row = await driver.row(step_key)
        if row is None or row.completed_seq is None:
            return None
        ended = await driver.event(row.completed_seq)
        result = outcome(ended, step_key=step_key, intent=intent, replayed=False)
        return result if isinstance(result, ToolResult) else None
    finally:
        driver.gate.release()
