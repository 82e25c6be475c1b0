"""Checkpoints of the write-ahead log, by one process of the workspace, and the sidecar.

Until 3.51.3 SQLite could lose a reset of the log when two connections checkpointed at once. So
no connection does by itself: whoever holds the maintenance lock does, on a connection opened for
it, beside the appends and not between them.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import StoreError
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.sqlite import connection
from quarterdeck_kernel.store.sqlite.folder import LOOK_EVERY_MS, LockFile, Sidecar
from quarterdeck_kernel.store.sqlite.translate import driver_errors

_LOOK_EVERY_S = 1.0
_ENOUGH_BYTES = 4 * 1024 * 1024
_TOO_MANY_BYTES = 64 * 1024 * 1024


class Maintenance:
    """The quiet work beside the appends."""

    def __init__(
        self,
        path: Path,
        locks: Path,
        sidecar: Sidecar,
        checkpoint: Callable[[], Awaitable[Checkpoint]],
    ) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._locks = locks
        self._sidecar = sidecar
        self._checkpoint = checkpoint
        self._remembered: Checkpoint | None = None
        self._committed = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="quarterdeck-maintenance")

    def note_commit(self) -> None:
        """Hear that something was committed here."""
        self._committed.set()

    async def remember(self) -> None:
        """Write the newest link to the sidecar, if it is news."""
        newest = await self._checkpoint()
        if newest != self._remembered:
            await asyncio.to_thread(self._sidecar.write, newest)
            self._remembered = newest

    async def flush_log(self, mode: str, *, patient: bool = False) -> None:
        """Bring the write-ahead log into the database, unless another is at it.

        The lock is held for this only: whoever made the log long is there to make it short again.
        """
        for _ in range(1 + connection.BUSY_MS // LOOK_EVERY_MS if patient else 1):
            if await asyncio.to_thread(self._flush, mode):
                return
            await asyncio.sleep(LOOK_EVERY_MS / 1000 if patient else 0)

    def _flush(self, mode: str) -> bool:
        """Checkpoint in a thread, which has the lock from first to last, unless another has it.

        Whoever awaits may be cancelled at any time: before it begins, with no lock to be given
        back; in the midst of it, when it goes on to its end.
        """
        lock = LockFile(self._locks / "maintenance.lock")
        if not lock.acquire():
            return False
        name = str(self._path)
        try:
            with driver_errors(name), closing(sqlite3.connect(name, isolation_level=None)) as db:
                db.execute(f"PRAGMA busy_timeout = {connection.BUSY_MS}")
                db.execute("PRAGMA wal_autocheckpoint = 0")
                crash_point("store.checkpoint.before")
                db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
                crash_point("store.checkpoint.after")
        finally:
            lock.release()
        return True

    async def _work(self) -> None:
        while True:
            await self._committed.wait()
            # A pause, not a poll: one look a second is enough however many commits there are.
            await asyncio.sleep(_LOOK_EVERY_S)
            self._committed.clear()
            # A full disk is told to those who append; here it waits for better times.
            with suppress(StoreError, OSError):
                await self._look()

    async def _look(self) -> None:
        await self.remember()
        size = self._wal.stat().st_size if self._wal.exists() else 0
        if size > _TOO_MANY_BYTES:
            await self.flush_log("RESTART")
        elif size > _ENOUGH_BYTES:
            await self.flush_log("PASSIVE")

    async def close(self, *, remember: bool) -> None:
        """Stop; leave a note of the newest link and a short log behind."""
        self._task.cancel()
        await asyncio.wait([self._task])
        with suppress(StoreError):
            if remember:
                await self.remember()
            await self.flush_log("PASSIVE")
