"""Recordings as users hold them: written, verified, opened to look at, brought into a workspace."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.kernel.version import kernel_version
from quarterdeck_kernel.recordings.bringing_in import Imported, bring_in
from quarterdeck_kernel.recordings.export import Wish, export
from quarterdeck_kernel.recordings.loading import load
from quarterdeck_kernel.recordings.manifest import Redaction
from quarterdeck_kernel.recordings.reading import Verified
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor, operator


async def export_run(  # noqa: PLR0913 - all that can be wished for
    store: EventStore,
    run_id: str,
    target: Path,
    *,
    forks: bool = False,
    children: bool = False,
    redaction: Redaction = "policy",
    personal_data: PersonalDataPolicy | None = None,
    clock: Clock | None = None,
    tell: Callable[[int, int], object] | None = None,
) -> Verified:
    """Write a run into a file that is not there yet, with the runs it was forked from.

    With `redaction="policy"` events are left without content that hold what `personal_data` takes
    out of recordings: everything personal by default. `"all"` leaves nothing but the facts. `tell`
    hears how many events are written, and of how many.
    """
    wish = Wish(
        run_id=run_id,
        made_by=kernel_version(),
        forks=forks,
        children=children,
        redaction=redaction,
        ingress=Ingress(personal_data or PersonalDataPolicy()),
        clock=clock or SystemClock(),
        tell=tell,
    )
    return await export(store, wish, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecording:
    """A recording laid out in a folder of its own, which goes when it is closed."""

    folder: Path
    store: EventStore
    verified: Verified


async def lay_out(path: Path, folder: Path, *, clock: Clock | None = None) -> Verified:
    """Lay a recording out as a workspace in an empty folder, every hash of it checked."""
    store = await open_store(folder, clock=clock, durable=False)
    try:
        return await load(path, store)
    finally:
        await store.close()


@asynccontextmanager
async def open_recording(path: Path, *, clock: Clock | None = None) -> AsyncIterator[OpenRecording]:
    """Lay a recording out in a private temporary folder.

    Nothing of it comes into any workspace, and nothing is written elsewhere.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="quarterdeck-recording-"))
    try:
        verified = await lay_out(path, folder, clock=clock)
        store = await open_store(folder, clock=clock, create=False, durable=False)
        try:
            yield OpenRecording(folder=folder, store=store, verified=verified)
        finally:
            await store.close()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def import_recording(
    workspace: EventStore,
    path: Path,
    *,
    actor: Actor | None = None,
    clock: Clock | None = None,
) -> Imported:
    """Bring the runs of a recording into a workspace, under the ids they have.

    What was not over arrives held, and goes on when a person releases it.
    """
    async with open_recording(path, clock=clock) as recording:
        return await bring_in(
            recording.store,
            recording.verified,
            workspace,
            clock=clock or SystemClock(),
            actor=actor or operator(),
            reason=f"imported from {path.name!r}"[:500],
        )
