"""A store in which a run ends with an event of its past: for code that is run again from there."""

from collections.abc import Collection
from typing import cast

from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.rows import StepRow


def store_as_of(store: EventStore, run_id: str, until: int) -> EventStore:
    """Return the store as it was when the run had no more than `until` events; only to be read."""
    return cast("EventStore", _StoreAsOf(store, run_id, until))


class _StoreAsOf:
    """Cuts what is asked about the run; all else is the store's own."""

    def __init__(self, store: EventStore, run_id: str, until: int) -> None:
        self._store = store
        self._run_id = run_id
        self._until = until

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def _cut(self, run_id: str, until: int | None) -> int | None:
        if run_id != self._run_id:
            return until
        return self._until if until is None else min(until, self._until)

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = PAGE_ROWS,
        backwards: bool = False,
        kinds: Collection[str] | None = None,
        payloads: bool = True,
    ) -> list[Record]:
        return await self._store.read(
            run_id,
            after=after,
            until=self._cut(run_id, until),
            limit=limit,
            backwards=backwards,
            kinds=kinds,
            payloads=payloads,
        )

    async def step(self, run_id: str, step_key: str, *, until: int | None = None) -> StepRow | None:
        return await self._store.step(run_id, step_key, until=self._cut(run_id, until))

    async def snapshot(
        self, run_id: str, *, fold_version: int, until: int | None = None
    ) -> Snapshot | None:
        cut = self._cut(run_id, until)
        return await self._store.snapshot(run_id, fold_version=fold_version, until=cut)
