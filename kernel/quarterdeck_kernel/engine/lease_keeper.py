"""Keeping the leases of one store alive, and knowing whether they still are.

One heartbeat for all runs of the process. Whoever is about to cause an effect asks `sure`: a
process that was suspended wakes up with a deadline that has passed, and must not act upon it.
"""

import asyncio
from contextlib import suppress

from quarterdeck_kernel.clock import Clock, sleep
from quarterdeck_kernel.errors import LeaseLostError, StoreError
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.port import EventStore

_BEATS = 3
"""Heartbeats in the life of a lease: two may fail before it is in danger."""


class LeaseKeeper:
    """Renews the leases of one store until closed."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._deadline_us = 0
        self._lapses = 0
        self._good: dict[str, int] = {}
        self._beating: asyncio.Task[None] | None = None

    def taken(self, lease: Lease) -> None:
        """Note a fresh lease, and keep it alive from here on."""
        self._renewed(lease.deadline_us)
        self._good[lease.run_id] = self._lapses
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())

    async def sure(self, lease: Lease) -> bool:
        """Return if the lease stands now; raise if it was lost. Usually this asks nobody.

        Tells whether it had to ask: then the world may have moved on since it was last sure.
        """
        asked = False
        # Once more if this process stood still while it asked: the answer is old then.
        while self._good.get(lease.run_id) != self._lapses or not self._alive():
            asked = True
            # Renewed first: from there on nobody can take what is still ours.
            await self._renew()
            lapses = self._lapses
            status = await self._store.lease(lease.run_id)
            if (status.epoch, status.holder) != (lease.epoch, lease.holder):
                raise LeaseLostError(
                    f"run {lease.run_id!r} was taken over while this process stood still; "
                    "what it was about to do is not done"
                )
            self._good[lease.run_id] = lapses
        return asked

    def let_go(self, lease: Lease) -> None:
        """Forget a lease that was given back or lost."""
        self._good.pop(lease.run_id, None)

    def _alive(self) -> bool:
        return self._clock.boot_us() < self._deadline_us

    async def _renew(self) -> None:
        self._renewed(await self._store.renew())

    def _renewed(self, deadline_us: int) -> None:
        if self._clock.boot_us() >= self._deadline_us:
            # For a moment nobody held them: each has to be looked at before it is relied upon.
            self._lapses += 1
        self._deadline_us = deadline_us

    async def _beat(self) -> None:
        while True:
            left_us = max(self._deadline_us - self._clock.boot_us(), 1_000_000)
            await sleep(self._clock, left_us // _BEATS)
            # A disk that is full for a moment: the next beat, or `sure`, tries again.
            with suppress(StoreError):
                await self._renew()

    async def close(self) -> None:
        """Stop beating. The store gives the leases back when it is closed."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
