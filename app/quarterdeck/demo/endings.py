"""How a run of the demo stands, in the words of whoever is to read a report."""

import json

from quarterdeck_kernel import EventStore
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.run_events import RunFailed, RunSucceeded
from quarterdeck_kernel.vocabulary.rows import FleetRow


async def ending_of(store: EventStore, row: FleetRow) -> str:
    """Return what an agent answered, why it failed, or what it waits for."""
    kinds = ("run_succeeded", "run_failed")
    for record in await store.read(row.run_id, kinds=kinds, backwards=True, limit=1):
        match (await opened(store, record)).payload:
            case RunSucceeded(answer=answer):
                return answer if isinstance(answer, str) else json.dumps(answer)
            case RunFailed(message=message, partial_answer=partial):
                return f"{await _refused(store, row)}{message}. {partial or ''}".rstrip()
            case _:
                pass
    return f"waits for: {row.waits_for}" if row.waits_for else "not done yet"


async def _refused(store: EventStore, row: FleetRow) -> str:
    """Return how many calls of a run its guards refused, as the beginning of a sentence."""
    denied = await store.read(row.run_id, kinds=("guard_denied",))
    guards = {
        guard
        for record in denied
        if (guard := getattr((await opened(store, record)).payload, "guard", None))
    }
    if not denied:
        return ""
    return f"{len(denied)} calls refused by a guard ({', '.join(sorted(guards))}); "
