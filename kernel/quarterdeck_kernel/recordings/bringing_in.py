"""Bringing the runs of a recording into a workspace, from the store they were laid out in.

Ids are kept. A run that is here already, as far as the recording goes, is left alone; one that is
here with other events is refused before anything is brought in. Whatever was unfinished arrives
held: nothing that a file says is done before a person released it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.ingress import BARE
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import state_at
from quarterdeck_kernel.engine.verification import rebuild
from quarterdeck_kernel.errors import (
    BlobNotFoundError,
    ConflictError,
    RunNotFoundError,
    RunReadOnlyError,
)
from quarterdeck_kernel.events.naming import named_blobs
from quarterdeck_kernel.projections.run_state import FOLD_VERSION
from quarterdeck_kernel.recordings.loading import Count, arrival_of
from quarterdeck_kernel.recordings.manifest import RecordedRun
from quarterdeck_kernel.recordings.reading import Verified
from quarterdeck_kernel.runs.hold import hold
from quarterdeck_kernel.store.arrival import Piece, SealedBlob
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.verdict import Progress
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.limits import SNAPSHOT_EVERY

_HELD = "imported from a recording; release it to let it go on here"
_PAGE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to: runs brought in, those of them that are held, those known before.

    `notes` of them were not here yet, those about runs known before among them.
    """

    imported: tuple[str, ...]
    held: tuple[str, ...]
    present: tuple[str, ...]
    events: int
    notes: int


async def bring_in(
    laid_out: EventStore,
    verified: Verified,
    workspace: EventStore,
    *,
    clock: Clock,
    actor: Actor,
    reason: str,
    progress: Callable[[Progress], None] | None = None,
) -> Imported:
    """Bring over what is not there yet, run by run, each whole or not at all."""
    present = [run.run_id for run in verified.manifest.runs if await _is_here(workspace, run)]
    new = [run for run in verified.manifest.runs if run.run_id not in present]
    # Of what a fork shares, other contents may be left here than in the recording: its rows and
    # snapshots have to follow from what stands here.
    upon_present = {*present}
    held: list[str] = []
    events = notes = 0
    count = Count(verified.manifest, progress)
    for run in verified.manifest.runs:
        if run.run_id in present:
            notes += await _bring_notes(laid_out, run.run_id, workspace)
            count.add(run.head.seq - run.begins)
            continue
        if await _held(laid_out, run.run_id, clock=clock, actor=actor):
            held.append(run.run_id)
        head = (await laid_out.run(run.run_id)).head
        arrival = replace(
            arrival_of(run, verified.redacted_at[run.run_id]),
            head=head,
            rows=await laid_out.projections(run.run_id),
        )
        pieces = count.passing(_pieces(laid_out, run, head.seq))
        await workspace.take_in(arrival, pieces, actor=actor, reason=reason)
        if run.parent is not None and run.parent.run_id in upon_present:
            upon_present.add(run.run_id)
            await rebuild(workspace, run.run_id, snapshot_every=SNAPSHOT_EVERY)
        notes += await _bring_notes(laid_out, run.run_id, workspace)
        events += head.seq - run.begins
    return Imported(
        imported=tuple(run.run_id for run in new),
        held=tuple(held),
        present=tuple(present),
        events=events,
        notes=notes,
    )


async def _bring_notes(laid_out: EventStore, run_id: str, workspace: EventStore) -> int:
    """Bring over what was noted about a run's own events; what is here stays as it is."""
    here = {bookmark.bookmark_id for bookmark in await workspace.bookmarks(run_id)}
    new = [
        bookmark
        for bookmark in await laid_out.bookmarks(run_id)
        if bookmark.run_id == run_id and bookmark.bookmark_id not in here
    ]
    for bookmark in new:
        await workspace.put_bookmark(bookmark)
    return len(new)


async def _is_here(workspace: EventStore, run: RecordedRun) -> bool:
    """Tell whether a run is here with all that is recorded of it; refuse another of that id."""
    try:
        here = await workspace.run(run.run_id)
    except RunNotFoundError:
        return False
    stands = await workspace.read(run.run_id, after=run.head.seq - 1, until=run.head.seq)
    if stands and stands[0].hash.hex() == run.head.hash and here.tenant == run.tenant:
        return True
    raise ConflictError(
        f"run {run.run_id!r} is in this workspace, and ends at #{here.head.seq} with other events "
        f"than the #{run.head.seq} of the recording; nothing was imported. Open the recording "
        "beside it with --recording, or import it into another workspace"
    )


async def _held(laid_out: EventStore, run_id: str, *, clock: Clock, actor: Actor) -> bool:
    """Hold a run that could go on; one that a newer version wrote cannot."""
    if (await state_at(laid_out, run_id)).terminal:
        return False
    journal = await Journal.load(laid_out, run_id, clock=clock, ingress=BARE)
    try:
        await hold(journal, reason=_HELD, actor=actor)
    except RunReadOnlyError:
        return False
    return True


async def _pieces(
    laid_out: EventStore, run: RecordedRun, last: int
) -> AsyncIterator[Sequence[Piece]]:
    after = run.begins
    brought: set[str] = set()
    while after < last:
        page = await laid_out.read(run.run_id, after=after, until=last, limit=_PAGE)
        for record in page:
            for ref in named_blobs(record):
                if ref not in brought and (blob := await _blob(laid_out, ref)) is not None:
                    brought.add(ref)
                    yield (blob,)
        yield page
        after = page[-1].seq
    async for snapshots in _snapshots(laid_out, run.run_id):
        yield snapshots


async def _blob(laid_out: EventStore, ref: str) -> SealedBlob | None:
    try:
        return await laid_out.sealed_blob(ref)
    except BlobNotFoundError:
        return None


async def _snapshots(laid_out: EventStore, run_id: str) -> AsyncIterator[Sequence[Snapshot]]:
    """Yield what seeking goes by; without it a seek is slower, and finds the same."""
    until: int | None = None
    while True:
        snapshot = await laid_out.snapshot(run_id, fold_version=FOLD_VERSION, until=until)
        if snapshot is None or snapshot.run_id != run_id:
            return
        yield (snapshot,)
        until = snapshot.seq - 1
