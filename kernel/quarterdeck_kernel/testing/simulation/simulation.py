"""The stage of a simulation: one seed, one folder, as many processes as wanted.

    with Simulation(seed=7) as simulation:
        ship = simulation.process("ship")
        simulation.run(scenario(simulation, ship))

While it is open, what the kernel takes from outside is the simulation's: random bytes, the time in
ids, database connections. The real store runs upon it unchanged.
"""

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar
from unittest.mock import patch

import aiosqlite

from quarterdeck_kernel import crash_point
from quarterdeck_kernel.clock import sleep
from quarterdeck_kernel.store.sqlite.folder import LockFile
from quarterdeck_kernel.testing.simulation.inline_sqlite import InlineConnection
from quarterdeck_kernel.testing.simulation.loop import LANE, SimulatedLoop
from quarterdeck_kernel.testing.simulation.process import SimulatedProcess
from quarterdeck_kernel.vocabulary import ids

T = TypeVar("T")

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


class Simulation:
    """One deterministic history. Use it as a context manager, once."""

    def __init__(self, seed: int, *, durable: bool = False, **limits: int) -> None:
        """Choose the seed. `limits` are those of the loop: drift_us, limit_us, limit_steps.

        With `durable` commits are flushed to disk as in real life, which takes its time.
        """
        self.seed = seed
        self.rng = random.Random(f"{seed}/scenario")  # noqa: S311 - repeatable, not secret
        self.loop = SimulatedLoop(random.Random(f"{seed}/schedule"), **limits)  # noqa: S311 - as above
        self.folder = Path()
        self.at_point: Callable[[str, SimulatedProcess], None] | None = None
        self._bytes = random.Random(f"{seed}/bytes")  # noqa: S311 - as above
        self._durable = durable
        self._connections: list[InlineConnection] = []
        self._stack = ExitStack()

    def process(self, name: str) -> SimulatedProcess:
        """Begin another process; it starts now."""
        return SimulatedProcess(name, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Play a scenario from outside the processes, to its end."""
        try:
            return self.loop.run_until_complete(work)
        finally:
            # Whatever else went wrong may follow from this.
            for failure in self.loop.failures:
                error = failure.get("exception")
                raise AssertionError(f"seed {self.seed}: {failure['message']}") from error

    async def sleep(self, us: int) -> None:
        """Wait outside the processes."""
        await sleep(self.loop.root.clock, us)

    def _opened(self, database: str | Path, **options: Any) -> aiosqlite.Connection:  # noqa: ANN401 - those of sqlite3
        connection = InlineConnection(
            lambda: sqlite3.connect(str(database), **options), durable=self._durable
        )
        self._connections.append(connection)
        return connection

    def _reached(self, name: str) -> None:
        lane = LANE.get(None)
        if self.at_point is not None and isinstance(lane, SimulatedProcess):
            self.at_point(name, lane)

    def __enter__(self) -> Self:
        root = _MEMORY_DISK if os.access(_MEMORY_DISK, os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="quarterdeck-simulation-", dir=root))
        acquire = LockFile.acquire

        def noted(lock: LockFile) -> bool:
            held = acquire(lock)
            lane = LANE.get(self.loop.root)
            if held and lock not in lane.locks:
                lane.locks.append(lock)
            return held

        clock = SimpleNamespace(time_ns=lambda: LANE.get(self.loop.root).clock.now_us() * 1000)
        for target, name, replacement in (
            (os, "urandom", self._bytes.randbytes),
            (ids, "time", clock),
            (aiosqlite, "connect", self._opened),
            (LockFile, "acquire", noted),
        ):
            self._stack.enter_context(patch.object(target, name, replacement))
        crash_point.listen(self._reached)
        self._stack.callback(crash_point.listen, None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let everything that is left unwind, deaf, and clear the folder away."""
        with self._stack:
            self.at_point = None
            for connection in self._connections:
                connection.give_up()
            for lane in self.loop.lanes:
                lane.drop_locks()
            self._bury()
            self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _bury(self) -> None:
        """Cancel what still waits, dead processes included, so that nothing is left pending."""
        tasks = [task for lane in self.loop.lanes for task in lane.tasks]
        self.loop.steps = self.loop.passed_us = 0
        for lane in self.loop.lanes:
            lane.dead = False
            self.loop.resume(lane)
        for _ in range(3):
            left = [task for task in tasks if not task.done()]
            for task in left:
                task.cancel()
            for task in left:
                with suppress(BaseException):
                    self.loop.run_until_complete(task)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()
