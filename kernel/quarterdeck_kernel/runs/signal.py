"""Sending a signal into a run: the same key twice is one signal."""

from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import SignalReceived
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS


async def signal(
    store: EventStore,
    journal: Journal,
    name: str,
    *,
    data: JsonValue,
    key: str | None,
    actor: Actor,
) -> int:
    """Record a signal; return its event, or that of the one with the same key before."""
    sent = SignalReceived(name=name, key=key or new_id(), data=plain(data))
    looked_at = 0
    while True:
        head_seq = (await journal.refresh()).head_seq
        if key is not None:
            before = await _sent_before(store, journal.run_id, name, key, after=looked_at)
            if before is not None:
                return before
        looked_at = head_seq

        def decide(state: RunState, seen: int = head_seq) -> Sequence[AnyEvent]:
            # Whoever sends the same at once is found at the next look.
            return [sent] if key is None or state.head_seq == seen else []

        written = await journal.append(decide, actor=actor)
        if written:
            return written[0].seq


async def _sent_before(
    store: EventStore, run_id: str, name: str, key: str, *, after: int
) -> int | None:
    while True:
        page = await store.read(run_id, after=after, kinds=("signal_received",), payloads=False)
        for record in page:
            payload = open_record(record, facts_only=True).payload
            if isinstance(payload, SignalReceived) and (payload.name, payload.key) == (name, key):
                return record.seq
        if len(page) < PAGE_ROWS:
            return None
        after = page[-1].seq
