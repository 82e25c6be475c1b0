"""The replay check, as users ask for it: what code does, compared with what a run has on record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from quarterdeck_kernel.engine.replay import ReplayDriver, ReplayEndError
from quarterdeck_kernel.engine.replay_report import ReplayReport
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.workflows import Workflow, executed

if TYPE_CHECKING:
    from quarterdeck_kernel.kernel.kernel import Kernel


async def checked(
    driver: ReplayDriver, code: Callable[..., Awaitable[object]], arguments: Sequence[object]
) -> ReplayReport:
    """Run code with a handle that does nothing; return what was found."""
    await driver.ready()
    error: BaseException | None = None
    try:
        await code(Run(driver), *arguments)
    except asyncio.CancelledError:
        raise
    except (Exception, ReplayEndError, BaseExceptionGroup) as ended:  # noqa: BLE001 - in the report
        error = ended
    return await driver.report(error)


def as_code(kernel: "Kernel", workflow: Workflow) -> Callable[..., Awaitable[object]]:
    """Return a workflow as code that is handed a run."""

    async def code(run: Run, *arguments: object) -> object:
        return await executed(kernel, run, workflow, arguments)

    return code
