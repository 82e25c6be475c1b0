"""Erasing the content of an event, everywhere it may have been copied to.

The store removes content, blobs and snapshots. The rows of the fleet and the inbox repeat a little
of it, and so does the state in the memory of whoever drives the run or a fork of it: so their
leases are taken first, which stops a driver, and the rows of them all are folded afresh.
"""

from contextlib import AsyncExitStack

from quarterdeck_kernel.engine.kin import forks_of
from quarterdeck_kernel.engine.verification import rebuild
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor


async def erase(store: EventStore, run_id: str, seq: int, *, actor: Actor, reason: str) -> None:
    """Erase the content of event `seq` for ever. A run that is driven elsewhere is refused."""
    line = (run_id, *await forks_of(store, run_id, seq))
    async with AsyncExitStack() as leases:
        for sharer in line:
            leases.push_async_callback(store.release, await store.claim(sharer))
        await store.erase(run_id, seq, actor=actor, reason=reason)
        for sharer in line:
            await rebuild(store, sharer)
