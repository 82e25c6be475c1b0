"""Waiting for one's turn at a provider, as long as nobody wants the step to end."""

import asyncio

from quarterdeck_kernel.engine.cancellation import Stop, ended
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import A_WHILE_US, Watch
from quarterdeck_kernel.models.limiter import provider_of


async def admitted(driver: RunDriver, model: str, stop: Stop) -> bool:
    """Wait for a slot of the model's provider; tell whether there is one, or a stop came first.

    None of that time is the model's: it is not asked yet.
    """
    if provider_of(model) is None:
        return True
    turn = asyncio.ensure_future(driver.limiter.enter(model))
    # A slot that is free is taken in the task's first step, without a look at the log.
    await asyncio.sleep(0)
    if not turn.done():
        watch = Watch(driver)
        try:
            while await ended(turn, clock=driver.clock, within_us=A_WHILE_US, stop=stop) == "time":
                continue
        finally:
            await watch.close()
    if not turn.done():
        turn.cancel()
        await asyncio.wait([turn])
    return not turn.cancelled()
