"""Leases: who drives which run, and how the death of a driver is noticed.

All runs of a process share one heartbeat: the deadline stands in the process's row of `holders`,
so that a thousand runs are renewed by one write. Deadlines are on the clock that counts suspended
time, together with the boot they belong to; a lock file tells at once that a process has ended.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import LeaseHeldError, RunNotFoundError, StoreError
from quarterdeck_kernel.store.lease import Lease, LeaseStatus
from quarterdeck_kernel.store.sqlite.folder import LockFile, holder_died
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.writer import Writer
from quarterdeck_kernel.vocabulary.ids import new_id


class Leases:
    """The leases of one open store."""

    def __init__(
        self, writer: Writer, reader: Reader, clock: Clock, *, locks: Path | None, ttl_us: int
    ) -> None:
        self.holder = new_id()
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._locks = locks
        self._ttl_us = ttl_us
        self._registered = False
        lock = self._lock_path(self.holder)
        self._lock = LockFile(lock) if lock is not None else None

    async def claim(self, run_id: str) -> Lease:
        """Take a run that no live holder drives."""
        deadline_us = await self.renew()
        _epoch, holder, _host, _pid, _boot_id, expires_us = await self._found(run_id)
        if expires_us is not None and self._died(holder):
            # Only at the deadline that was seen: a holder which renews meanwhile is not dead.
            await self._writer.execute("expire_holder", holder=holder, seen_us=expires_us)
        rows = await self._writer.execute(
            "claim",
            run_id=run_id,
            holder=self.holder,
            boot_id=self._clock.boot_id(),
            now_us=self._clock.boot_us(),
        )
        if not rows:
            status = await self.status(run_id)
            raise LeaseHeldError(
                f"run {run_id!r} is driven by process {status.pid} on {status.host}; "
                "it can be taken up when that process ends or lets go"
            )
        return Lease(run_id=run_id, epoch=rows[0][0], holder=self.holder, deadline_us=deadline_us)

    async def renew(self) -> int:
        """Push back the deadline of every lease of this store."""
        if self._lock is not None and not self._registered:
            self._lock.acquire()
            await self._bury()
        deadline_us = self._clock.boot_us() + self._ttl_us
        await self._writer.execute(
            "register",
            holder=self.holder,
            host=socket.gethostname(),
            pid=os.getpid(),
            boot_id=self._clock.boot_id(),
            expires_us=deadline_us,
        )
        self._registered = True
        return deadline_us

    async def _bury(self) -> None:
        """Forget the holders whose process has ended, so that they do not pile up."""
        for holder, *_rest in await self._reader.fetch("holders"):
            lock = self._lock_path(holder)
            if lock is not None and self._died(holder):
                await self._writer.execute("forget_holder", holder=holder)
                await asyncio.to_thread(lock.unlink, missing_ok=True)

    def _lock_path(self, holder: str) -> Path | None:
        return self._locks / f"{holder}.lock" if self._locks is not None else None

    async def release(self, lease: Lease) -> None:
        """Give one lease back, if it is still ours."""
        await self._writer.execute(
            "release", run_id=lease.run_id, holder=lease.holder, epoch=lease.epoch
        )

    async def status(self, run_id: str) -> LeaseStatus:
        """Return who drives a run."""
        epoch, holder, host, pid, boot_id, expires_us = await self._found(run_id)
        live = host is not None and self._lives(holder, boot_id, expires_us)
        return LeaseStatus(run_id=run_id, epoch=epoch, holder=holder, live=live, host=host, pid=pid)

    async def _found(self, run_id: str) -> tuple[Any, ...]:
        rows = await self._reader.fetch("lease", run_id=run_id)
        if not rows:
            raise RunNotFoundError(f"there is no run {run_id!r} in this workspace")
        return rows[0]

    async def live_holders(self) -> list[str]:
        """Return the holders whose process lives and whose deadline has not passed."""
        return [row[0] for row in await self._reader.fetch("holders") if self._lives(*row)]

    def _lives(self, holder: str, boot_id: str, expires_us: int) -> bool:
        if boot_id != self._clock.boot_id() or expires_us <= self._clock.boot_us():
            return False
        return not self._died(holder)

    def _died(self, holder: str) -> bool:
        """Tell whether a holder's process is known to have ended, whatever its deadline."""
        lock = self._lock_path(holder)
        return lock is not None and holder != self.holder and holder_died(lock)

    async def close(self) -> None:
        """Give back everything, so that nobody has to wait for a deadline."""
        try:
            if self._registered:
                await self._writer.execute("release_all", holder=self.holder)
                await self._writer.execute("forget_holder", holder=self.holder)
        except StoreError:
            # A full disk, say. The lock file tells as well that nobody is there any more.
            pass
        finally:
            if self._lock is not None:
                self._lock.release(remove=True)
                # Who still asks for a lease is refused, and must not make the file anew.
                self._lock = None
