"""What measurements share: sizes, a folder, and the long run that is made only once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import ValueRecorded
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.batch import Creation
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.vocabulary.limits import SNAPSHOT_EVERY
from tests.benchmarks.sealed_log import ANNE, SealedLog
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.talk import Talk, beginning

COMPACT_EVERY = 40
_VALUE = ValueRecorded(step_key="clock", source="now", value=1_767_225_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRun:
    """A run as long as the sizes say, in a workspace of its own, closed."""

    path: Path
    run_id: str


class Bench:
    """The state of one benchmark run."""

    def __init__(self, sizes: Sizes, folder: Path) -> None:
        self.sizes = sizes
        self._folder = folder
        self._names = count(1)
        self._long_run: LongRun | None = None

    def folder(self) -> Path:
        """Return a new empty folder, open to nobody else."""
        folder = self._folder / f"bench-{next(self._names)}"
        folder.mkdir(mode=0o700)
        return folder

    @asynccontextmanager
    async def store(
        self, path: Path | None = None, *, durable: bool = True
    ) -> AsyncIterator[SqliteStore]:
        """Open a store, a new one unless a path is given. What is only filled need not last."""
        target = path or self.folder() / "quarterdeck.db"
        store = await SqliteStore.open(target, durable=durable)
        try:
            yield store
        finally:
            await store.close()

    async def long_run(self) -> LongRun:
        """Return the long run, made at the first call."""
        if self._long_run is None:
            path = self.folder() / "quarterdeck.db"
            async with self.store(path, durable=False) as store:
                await write_run(store, "long", self.sizes.long_run_events)
            self._long_run = LongRun(path=path, run_id="long")
        return self._long_run


async def write_run(
    store: SqliteStore, run_id: str, events: int, *, values: int = 0, step_us: int = 1_000
) -> None:
    """Write a run of so many events in large batches, with a snapshot where journals make one.

    Behind each turn of the talk stand so many recorded `values`: they take a third of the time, and
    a million of them is a run that is long all the same.
    """
    log, talk = SealedLog(run_id, step_us=step_us), Talk(seed=events, compact_every=COMPACT_EVERY)
    turn = [*[talk.payload] * 4, *[_value] * values]
    for payload in beginning():
        log.add(payload, actor=ANNE)
    await store.append(log.batch(Creation(tenant=log.tenant)))
    lease = await store.claim(run_id)
    log.epoch, begun = lease.epoch, log.state.head_seq
    while log.state.head_seq < events:
        room = SNAPSHOT_EVERY - log.state.head_seq % SNAPSHOT_EVERY
        for _ in range(min(room, events - log.state.head_seq)):
            log.add(turn[(log.state.head_seq - begun) % len(turn)](log.state))
        await store.append(log.batch())
        if log.state.head_seq % SNAPSHOT_EVERY == 0:
            await store.put_snapshot(log.snapshot())
    await store.release(lease)


def _value(_state: RunState) -> AnyEvent:
    return _VALUE
