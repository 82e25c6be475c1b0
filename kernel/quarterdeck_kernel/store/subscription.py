"""Following events as they are committed, by whatever process: never lossy, from any position.

It stands upon `read` and `wait` alone, so that every adapter has it.
"""

from collections.abc import AsyncIterator

from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.port import EventStore


async def subscribe(
    store: EventStore, *, run_id: str | None = None, after: int = 0
) -> AsyncIterator[tuple[int, Record]]:
    """Yield every event behind `after`, then every new one, each with its number.

    For a run the numbers are seqs, for the workspace (no `run_id`) positions; whoever was cut off
    goes on from the last one seen. A slow reader is not dropped: it reads what it missed.
    """
    while True:
        if run_id is None:
            page = await store.read_workspace(after=after)
        else:
            page = [(record.seq, record) for record in await store.read(run_id, after=after)]
        for number, record in page:
            yield number, record
            after = number
        if not page:
            await store.wait(after=after, run_id=run_id)
