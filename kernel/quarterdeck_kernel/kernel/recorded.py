"""Recordings as users hold them: written, verified, opened to look at, brought into a workspace."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
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
from quarterdeck_kernel.store.sqlite.folder import LockFile, holder_died
from quarterdeck_kernel.store.verdict import Progress
from quarterdeck_kernel.vocabulary.actor import Actor, operator

_FOLDER = "quarterdeck-recording-"
_LOCK = "recording.lock"


async def export_run(  # noqa: PLR0913 - what a caller may ask of it
    store: EventStore,
    run_id: str,
    target: Path,
    *,
    forks: bool = False,
    children: bool = False,
    redaction: Redaction = "policy",
    personal_data: PersonalDataPolicy | None = None,
    clock: Clock | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verified:
    """Write a run into a file that is not there yet, with the runs it was forked from.

    With `redaction="policy"` events are left without content that hold what `personal_data` takes
    out of recordings: everything personal by default. `"all"` leaves nothing but the facts.
    Cancelled, it leaves no file.
    """
    wish = Wish(
        run_id=run_id,
        made_by=kernel_version(),
        forks=forks,
        children=children,
        redaction=redaction,
        ingress=Ingress(personal_data or PersonalDataPolicy()),
        clock=clock or SystemClock(),
        progress=progress,
    )
    return await export(store, wish, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecording:
    """A recording laid out in a folder of its own, which goes when it is closed."""

    folder: Path
    store: EventStore
    verified: Verified


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """Make a private folder for a recording to be laid out in, and take it away again.

    Whoever was killed before that leaves one behind: it goes when the next is made.
    """
    _sweep()
    draft = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}"))
    lock = LockFile(draft / _LOCK)
    lock.acquire()
    # It has its name once it is locked: nobody takes it for one that was left behind.
    folder = draft.rename(draft.with_name(draft.name.removeprefix(".")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _sweep() -> None:
    """Take away the folders of processes that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError):
            ours = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if ours and (folder / _LOCK).exists() and holder_died(folder / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)


async def lay_out(
    path: Path,
    folder: Path,
    *,
    clock: Clock | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verified:
    """Lay a recording out as a workspace in an empty folder, every hash of it checked."""
    store = await open_store(folder, clock=clock, durable=False)
    try:
        return await load(path, store, progress)
    finally:
        await store.close()


@asynccontextmanager
async def open_recording(
    path: Path,
    *,
    clock: Clock | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> AsyncIterator[OpenRecording]:
    """Lay a recording out in a private temporary folder.

    Nothing of it comes into any workspace, and nothing is written elsewhere.
    """
    with folder_of_its_own() as folder:
        verified = await lay_out(path, folder, clock=clock, progress=progress)
        store = await open_store(folder, clock=clock, create=False, durable=False)
        try:
            yield OpenRecording(folder=folder, store=store, verified=verified)
        finally:
            await store.close()


async def import_recording(
    workspace: EventStore,
    path: Path,
    *,
    actor: Actor | None = None,
    clock: Clock | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Imported:
    """Bring the runs of a recording into a workspace, under the ids they have.

    What was not over arrives held, and goes on when a person releases it. Each event is counted
    twice: when it was read and checked, and when it was brought in.
    """

    def told(half: int) -> Callable[[Progress], None] | None:
        tell = progress
        if tell is None:
            return None
        return lambda far: tell(Progress(events=half * far.of + far.events, of=2 * far.of))

    async with open_recording(path, clock=clock, progress=told(0)) as recording:
        return await bring_in(
            recording.store,
            recording.verified,
            workspace,
            clock=clock or SystemClock(),
            actor=actor or operator(),
            reason=f"imported from {path.name!r}"[:500],
            progress=told(1),
        )
