"""A supervisor at work for a test, with what it told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quarterdeck_kernel import Kernel
from quarterdeck_kernel.supervisor.notice import Notice
from quarterdeck_kernel.supervisor.supervisor import Supervisor


class Watch:
    """A supervisor that runs, and all that it has told."""

    def __init__(self, supervisor: Supervisor, task: "asyncio.Task[None]") -> None:
        self.supervisor = supervisor
        self.task = task
        self.notices: list[Notice] = []

    async def idle(self) -> None:
        """Wait until nothing is left to drive."""
        async with asyncio.timeout(30):
            await self.supervisor.until_idle()

    def told(self, what: str) -> list[str]:
        """Return the texts of one kind of notice."""
        return [notice.text for notice in self.notices if notice.what == what]


@asynccontextmanager
async def watched(kernel: Kernel, *, at_once: int = 100) -> AsyncIterator[Watch]:
    """Let a supervisor drive a kernel's runs until the block ends."""
    notices: list[Notice] = []
    supervisor = kernel.supervisor(at_once=at_once, told=notices.append)
    task = asyncio.create_task(supervisor.run())
    watch = Watch(supervisor, task)
    watch.notices = notices
    try:
        yield watch
    finally:
        supervisor.stop()
        async with asyncio.timeout(30):
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()
