"""SQLite without threads: an aiosqlite connection whose statements run in the loop's own thread.

What the real one promises stays: statements of one connection run in the order they were asked
for, one whose caller was cancelled runs all the same, and between asking, running and hearing of
it anybody else may have their turn.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import aiosqlite

from quarterdeck_kernel.testing.simulation.loop import LANE, Lane, settle

_Job = tuple[asyncio.Future[Any], Callable[[], Any]]


class InlineConnection(aiosqlite.Connection):
    """A connection of one simulated process; it is deaf once that process is dead."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], *, durable: bool) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self.raw: sqlite3.Connection | None = None
        self._lane: Lane | None = LANE.get(None)
        self._durable = durable
        self._jobs: deque[_Job] = deque()

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        """Connect; no thread is started."""
        return self._opened().__await__()

    async def _opened(self) -> aiosqlite.Connection:
        self._connection = self.raw = await self._asked(self._connector)
        return self

    def __del__(self) -> None:
        """Say nothing: the simulation closes what a dead process left open."""

    def stop(self) -> asyncio.Future[Any] | None:
        """Have nothing to stop."""
        self._running = False
        return None

    def give_up(self) -> None:
        """Close the database below, for the end of the simulation."""
        self._running = False
        self._connection = None
        if self.raw is not None:
            self.raw.close()

    async def _execute(
        self,
        fn: Callable[..., Any],
        *args: Any,  # noqa: ANN401 - those of the statement, as in aiosqlite
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        return await self._asked(partial(fn, *args, **options))

    async def _asked(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._jobs.append((future, work))
        loop.call_soon(self._do_oldest)
        return await future

    def _do_oldest(self) -> None:
        future, work = self._jobs.popleft()
        # What was asked while alive must not happen any more, whoever's turn this is.
        if self._lane is None or not self._lane.dead:
            settle(future, work)

    def executescript(self, sql_script: str) -> Any:  # noqa: ANN401 - as in aiosqlite
        """Run a script, without waiting for the disk if nothing has to last."""
        if not self._durable:
            sql_script = sql_script.replace("synchronous = FULL", "synchronous = OFF")
        return super().executescript(sql_script)
