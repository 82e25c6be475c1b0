"""Running a workflow's code against its record, and ending the run with what it returns."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pydantic import JsonValue

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.workflow_record import WorkflowRecord
from quarterdeck_kernel.engine.workflow_step import WorkflowSteps, not_ours
from quarterdeck_kernel.errors import DriftError, InvalidError, RunCancelledError, StepError
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.kernel.course import turn
from quarterdeck_kernel.kernel.flow import Flow
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.tools.result import stored_result
from quarterdeck_kernel.vocabulary.actor import AGENT

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.kernel import Kernel

Workflow: TypeAlias = Callable[..., Awaitable[object]]
"""An async function whose first argument is a `Flow`."""


async def carry_on(
    kernel: "Kernel", run: Run, workflow: Workflow, arguments: Sequence[object]
) -> JsonValue:
    """Run a workflow as far as it goes now; return its answer, on record or new.

    Where its code was changed it may go on in a fork: it is run again there, so that what runs
    side by side comes to one history, too.
    """
    while True:
        driver = run.driver
        state = await driver.take_up()
        if state.terminal:
            return await answer_of(driver)
        if driver.flowing:
            raise InvalidError(f"the workflow of run {driver.run_id!r} is running here already")
        driver.flowing = True
        try:
            return await _carried_on(kernel, Run(driver), workflow, arguments)
        except DriftError as error:
            if error.seq > state.head_seq:
                # Written by this very execution: it was not changed, it uses one key twice.
                raise
            drift = error
        finally:
            driver.flowing = False
        await turn(kernel, run, driver, drift)


async def _carried_on(
    kernel: "Kernel", run: Run, workflow: Workflow, arguments: Sequence[object]
) -> JsonValue:
    try:
        return await executed(kernel, run, workflow, arguments)
    except RunCancelledError:
        await run.driver.end_cancelled()
        raise


async def executed(
    kernel: "Kernel", run: Run, workflow: Workflow, arguments: Sequence[object]
) -> JsonValue:
    """Run the workflow's code against its record; end the run with what it returns or raises."""
    driver = run.driver
    record = WorkflowRecord()
    await record.read_on(driver.store, driver.run_id, until=driver.horizon)
    steps = WorkflowSteps(driver, record)
    try:
        async with steps.running():
            value = await workflow(Flow(kernel, run, steps), *arguments)
    except Exception as error:
        passing = not_ours(error)
        if passing is not None:
            raise passing from error
        await driver.check_boundary()
        failed = RunFailed(error=type(error).__name__, message=str(error), partial_answer=None)
        await driver.end(lambda _state: failed, actor=AGENT)
        raise
    record.check_whole()
    await driver.check_boundary()
    stored = stored_result(value)
    if not stored.readable:
        raise InvalidError(f"the workflow's answer cannot be kept: {stored.problem}")
    last = await driver.end(lambda _state: RunSucceeded(answer=stored.result), actor=AGENT)
    assert isinstance(last.payload, RunSucceeded), "that is what was written"
    return last.payload.answer


async def answer_of(driver: RunDriver) -> JsonValue:
    """Return the answer of a run that succeeded; say how it ended otherwise."""
    if driver.state.status != "succeeded":
        raise over(driver.state)
    records = await driver.store.read(
        driver.run_id, kinds=("run_succeeded",), backwards=True, limit=1
    )
    event = await driver.event(records[0].seq)
    if event.content == "erased":
        raise StepError("the answer of the run was erased", seq=event.seq)
    assert isinstance(event.payload, RunSucceeded), "that kind was asked for"
    return event.payload.answer
