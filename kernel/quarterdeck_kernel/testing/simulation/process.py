"""A simulated process: what runs in it, what it holds, and what may befall it."""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from quarterdeck_kernel.testing.crash import Crashed
from quarterdeck_kernel.testing.simulation.loop import LANE, Lane, SimulatedLoop

T = TypeVar("T")


class ProcessDiedError(Exception):
    """What was asked of a process will never be answered: it was killed."""


class SimulatedProcess(Lane):
    """One process among several in one loop, with a clock of its own."""

    def __init__(self, name: str, loop: SimulatedLoop) -> None:
        """Begin a process in which nothing runs yet."""
        super().__init__(name)
        self._loop = loop
        self._context = copy_context()
        self._context.run(LANE.set, self)
        self._asked: list[asyncio.Future[Any]] = []
        loop.add_lane(self)

    def start(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Run something in this process, beside whatever runs there."""
        assert not self.dead, f"process {self.name!r} is dead; make another"
        return self._loop.create_task(work, name=name, context=self._context.copy())

    async def do(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> T:
        """Run something in this process and wait for it from outside.

        Raises `ProcessDiedError` if the process is killed meanwhile.
        """
        task = self.start(work, name=name)
        answer: asyncio.Future[None] = self._loop.create_future()
        self._asked.append(answer)
        task.add_done_callback(lambda _task: None if answer.done() else answer.set_result(None))
        await answer
        return task.result()

    def suspend(self, *, stands_still: bool = True) -> None:
        """Stop in the midst of everything: no code runs until `resume`.

        Its waking time stands still, as when a lid is closed; or it goes on, as when the machine
        is too busy to let the process run: then all that fell due is overdue at once.
        """
        self.stopped, self.stands_still = True, stands_still

    def resume(self) -> None:
        """Go on as if nothing had been."""
        self._loop.resume(self)

    def kill(self) -> None:
        """Die at once. Nothing is tidied up, but the operating system takes the locks back.

        A process that kills itself, at a crash point, unwinds; its connections are deaf by then.
        """
        itself = LANE.get(None) is self
        self.dead, self.stopped = True, False
        self.drop_locks()
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(ProcessDiedError(f"process {self.name!r} was killed"))
        if itself:
            raise Crashed(f"process {self.name!r} killed itself")
