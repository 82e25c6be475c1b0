"""Undoing a change of a file: a person puts back what the file held before.

What it holds now is kept in turn, so that a restoration can be undone as any other change.
"""

import asyncio
from functools import partial

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import ConflictError, InvalidError, NotFoundError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Event
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
    content = None
    if written.before is not None:
        content = await store.blob(written.before)
    elif written.before_sha256 is not None:
        raise NotFoundError(f"what {written.path!r} held before event #{seq} was not kept")
    report = Report(partial(store.put_blob, journal.tenant))
    await asyncio.to_thread(_put_back, root, written, content, report, anyway=anyway)
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
    root: Root, written: ArtifactWritten, content: bytes | None, report: Report, *, anyway: bool
) -> None:
    path = written.path or ""
    with place(root, path, create=content is not None) as here:
        if here.sha256 == written.before_sha256:
            return
        if here.sha256 != written.after_sha256 and not anyway:
            raise ConflictError(
                f"{path!r} was changed since; look at it first, or restore it anyway"
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
