"""Undoing a change of a file: a person puts back what the file held before.

What it holds now is kept in turn, so that a restoration can be undone as any other change.
"""

import asyncio
from functools import partial

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.moments import Moments, file_content
from quarterdeck_kernel.errors import ConflictError, InvalidError, NotFoundError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.projections.moment import FileAt
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.place import place
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.report import FileChange, Report
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import new_id


async def restore(
    store: EventStore, journal: Journal, seq: int, root: Root, *, anyway: bool, actor: Actor
) -> Event | None:
    """Undo the change of event `seq`; return the event of that, or None if it is undone already.

    A file that was changed since is left alone, but `anyway`.
    """
    written = await _change(store, journal.run_id, seq)
    assert written.path is not None, "its content was looked at"
    wanted = FileAt(written.path, seq, written.before_sha256, written.before)
    return await _restore(
        store, journal, wanted, root, known=written.after_sha256, anyway=anyway, actor=actor
    )


async def restore_as_of(
    store: EventStore,
    journal: Journal,
    seq: int,
    path: str,
    root: Root,
    *,
    anyway: bool,
    actor: Actor,
) -> Event | None:
    """Put back what a file held behind event `seq`; return the event of that, or None.

    One that the run had not touched by then gets what it held before the run first changed it.
    Left alone, but `anyway`, is a file that holds something else than the run last left in it.
    """
    moments = Moments(store)
    head = (await journal.refresh()).head_seq
    now = (await moments.files(journal.run_id, head)).get(path)
    if now is None:
        raise NotFoundError(f"run {journal.run_id!r} has changed no file {path!r}")
    await moments.state(journal.run_id, seq)
    wanted = (await moments.files(journal.run_id, seq)).get(path)
    if wanted is None:
        wanted = await _before_the_first(store, journal.run_id, path)
    return await _restore(
        store, journal, wanted, root, known=now.sha256, anyway=anyway, actor=actor
    )


async def _before_the_first(store: EventStore, run_id: str, path: str) -> FileAt:
    after = 0
    while records := await store.read(run_id, after=after, kinds=("artifact_written",)):
        for record in records:
            payload = (await opened(store, record)).payload
            if isinstance(payload, ArtifactWritten) and payload.path == path:
                return FileAt(path, record.seq - 1, payload.before_sha256, payload.before)
        after = records[-1].seq
    raise NotFoundError(f"run {run_id!r} has changed no file {path!r}")


async def _restore(
    store: EventStore,
    journal: Journal,
    wanted: FileAt,
    root: Root,
    *,
    known: str | None,
    anyway: bool,
    actor: Actor,
) -> Event | None:
    content = await file_content(store, wanted)
    report = Report(partial(store.put_blob, journal.tenant))
    work = partial(_put_back, root, wanted, content, report, known=known, anyway=anyway)
    await asyncio.to_thread(work)
    if not report.changes:
        return None
    (change,) = report.changes
    restored = _restored(change, report)
    (event,) = await journal.append(lambda _: [restored], actor=actor)
    return event


async def _change(store: EventStore, run_id: str, seq: int) -> ArtifactWritten:
    records = await store.read(run_id, after=seq - 1, until=seq, limit=1)
    event = await opened(store, records[0]) if records else None
    if event is None or not isinstance(event.payload, ArtifactWritten):
        raise InvalidError(f"event #{seq} of run {run_id!r} changed no file; name one that did")
    if event.content != "present":
        raise NotFoundError(f"which file event #{seq} changed was erased; it cannot be restored")
    return event.payload


def _put_back(
    root: Root,
    wanted: FileAt,
    content: bytes | None,
    report: Report,
    *,
    known: str | None,
    anyway: bool,
) -> None:
    """Replace a file, if it holds what is `known` of it."""
    with place(root, wanted.path, create=content is not None) as here:
        if here.sha256 == wanted.sha256:
            return
        if here.sha256 != known and not anyway:
            raise ConflictError(
                f"{wanted.path!r} was changed since; look at it first, or restore it anyway"
            )
        here.replace(content, report, draft=new_id())


def _restored(change: FileChange, report: Report) -> ArtifactWritten:
    return ArtifactWritten(
        operation="restored",
        before=report.kept.get(change.before or ""),
        after=report.kept.get(change.after or ""),
        size=change.size,
        path=change.path,
        before_sha256=change.before,
        after_sha256=change.after,
    )
