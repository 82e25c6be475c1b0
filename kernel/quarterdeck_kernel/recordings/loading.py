"""Bringing what is recorded into a store that is empty and private, and from there into another.

A recording is never poured into a workspace as it is read. It is laid out beside it first, held
against its hashes, folded, and looked at; what is brought over then is what was looked at.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from quarterdeck_kernel.engine.verification import rebuild
from quarterdeck_kernel.errors import QuarterdeckError, RecordingError
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.recordings.manifest import Manifest, RecordedRun
from quarterdeck_kernel.recordings.reading import Recording, Verified, open_file
from quarterdeck_kernel.recordings.threads import in_thread
from quarterdeck_kernel.store.arrival import Arrival, Piece, Pieces, SealedBlob
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.verdict import Progress
from quarterdeck_kernel.vocabulary.actor import KERNEL
from quarterdeck_kernel.vocabulary.limits import SNAPSHOT_EVERY

_AT_ONCE = 512


async def load(
    path: Path, store: EventStore, progress: Callable[[Progress], None] | None = None
) -> Verified:
    """Bring all runs of a recording into a store of its own, as they were."""
    with open_file(path) as file:
        recording = await in_thread(partial(Recording, file))
        count = Count(recording.manifest, progress)
        # A run's pieces are taken before the next run is asked for, which reads its first line.
        for run, pieces in recording.runs():
            arrival = arrival_of(run, recording.redacted_at[run.run_id])
            pages = count.passing(_pages(pieces))
            await store.take_in(arrival, pages, actor=KERNEL, reason="read from a recording")
            await _fold(store, run.run_id)
        for note in recording.notes:
            await store.put_bookmark(note)
        return Verified.of(recording)


def arrival_of(run: RecordedRun, redacted: Collection[int]) -> Arrival:
    """Return a run of a manifest as a store takes it in."""
    parent = run.parent
    return Arrival(
        run_id=run.run_id,
        tenant=run.tenant,
        idempotency_key=run.idempotency_key,
        head=Head(run_id=run.run_id, seq=run.head.seq, hash=bytes.fromhex(run.head.hash)),
        parent=Head(run_id=parent.run_id, seq=parent.seq, hash=bytes.fromhex(parent.hash))
        if parent is not None
        else None,
        redacted=redacted,
    )


async def _pages(pieces: Iterator[SealedBlob | Record]) -> AsyncIterator[Sequence[Piece]]:
    """Unpack and check in a thread, a page at a time."""
    while page := await in_thread(lambda: list(islice(pieces, _AT_ONCE))):
        yield page


class Count:
    """Counts the events of a recording as they come by, and tells of it."""

    def __init__(self, manifest: Manifest, progress: Callable[[Progress], None] | None) -> None:
        """Know from the manifest how many there are."""
        self._of = manifest.events
        self._progress = progress
        self._done = 0

    def add(self, events: int) -> None:
        """Count so many more."""
        self._done += events
        if self._progress is not None:
            self._progress(Progress(events=self._done, of=self._of))

    async def passing(self, pages: Pieces) -> Pieces:
        """Yield pages as they come."""
        async for page in pages:
            yield page
            self.add(sum(isinstance(piece, Record) for piece in page))


async def _fold(store: EventStore, run_id: str) -> None:
    """Make the rows that follow from the events of a run, and snapshots to seek by.

    Hashes tell that events are what somebody wrote, not that they make sense together: whatever a
    fold stumbles over is the file's fault.
    """
    try:
        await rebuild(store, run_id, snapshot_every=SNAPSHOT_EVERY)
    except QuarterdeckError:
        raise
    except Exception as error:
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise RecordingError(
            f"the events of run {run_id!r} do not fit together ({detail}); the recording was not "
            "made by Quarterdeck"
        ) from error
