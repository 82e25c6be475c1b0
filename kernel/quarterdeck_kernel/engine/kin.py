"""Which runs belong together: forks share events, children work for a parent."""

from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore


async def forks_of(store: EventStore, run_id: str, seq: int = 1) -> list[str]:
    """Return all runs that share event `seq` of a run, in whatever generation, by id."""
    parents: dict[str, Head] = {}
    after = ""
    while heads := await store.heads(after=after):
        for head in heads:
            info = await store.run(head.run_id)
            if info.parent is not None:
                parents[info.run_id] = info.parent
        after = heads[-1].run_id
    sharing = {run_id}
    grew = True
    while grew:
        more = {
            run for run, of in parents.items() if of.run_id in sharing and of.seq >= seq
        } - sharing
        sharing |= more
        grew = bool(more)
    return sorted(sharing - {run_id})


async def children_of(store: EventStore, run_id: str) -> list[str]:
    """Return the sub-agents of a run, their own included, by id."""
    found: set[str] = set()
    ask = [run_id]
    while ask:
        where, after = FleetFilter(parent_run_id=ask.pop()), None
        while True:
            page = await store.fleet(where, after=after)
            new = {row.run_id for row in page.rows} - found
            found |= new
            ask += new
            after = page.after
            if after is None:
                break
    return sorted(found - {run_id})


async def parent_of(store: EventStore, run_id: str) -> Head | None:
    """Return the event that a fork branched from, under the run that wrote it."""
    parent = (await store.run(run_id)).parent
    while parent is not None:
        older = (await store.run(parent.run_id)).parent
        if older is None or parent.seq > older.seq:
            return parent
        parent = Head(run_id=older.run_id, seq=parent.seq, hash=parent.hash)
    return None
