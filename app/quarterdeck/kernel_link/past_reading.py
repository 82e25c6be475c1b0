"""Reading moments of runs: what was said, what files held, and what lies between two."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from quarterdeck.views.past import (
    PAGE_MESSAGES,
    Between,
    FileDiff,
    FileSeen,
    MomentPage,
    Restoration,
    Said,
)
from quarterdeck_kernel import EventStore, Moments, difference
from quarterdeck_kernel.engine.moments import file_content, messages_of
from quarterdeck_kernel.errors import NotFoundError, PermanentToolError
from quarterdeck_kernel.projections.moment import FileAt, FileChanged, Line
from quarterdeck_kernel.tools.builtin.diff import diff_of
from quarterdeck_kernel.tools.builtin.place import place as at_place
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.report import sha256_of

_FILES = 50
_SHOWN_BYTES = 64 * 1024


async def read_page(store: EventStore, moments: Moments, run_id: str, seq: int) -> MomentPage:
    """Return conversation and files behind an event."""
    moment = await moments.moment(run_id, seq)
    lines = moment.lines[-PAGE_MESSAGES:]
    files = sorted(moment.files.values())
    return MomentPage(
        seq,
        len(moment.lines) - len(lines),
        await _said(store, run_id, lines),
        tuple([await _seen(store, file) for file in files[:_FILES]]),
    )


async def read_between(
    store: EventStore, moments: Moments, run_id: str, ends: tuple[int, int]
) -> Between:
    """Return what changed from one event to another."""
    before, after = [await moments.moment(run_id, seq) for seq in ends]
    found = difference(before, after)
    return Between(
        before=before.seq,
        after=after.seq,
        values=found.values,
        common=found.common,
        gone=await _said(store, run_id, found.gone),
        said=await _said(store, run_id, found.said),
        files=tuple([await _diff(store, file) for file in found.files]),
    )


async def _said(store: EventStore, run_id: str, lines: Sequence[Line]) -> tuple[Said, ...]:
    messages = await messages_of(store, run_id, lines)
    return tuple(
        Said(line.seq, message.role, message.text, tuple(call.tool for call in message.tool_calls))
        for line, message in zip(lines, messages, strict=True)
    )


async def _seen(store: EventStore, file: FileAt) -> FileSeen:
    if file.sha256 is None:
        return FileSeen(file.path, file.seq, 0, None, "gone")
    if file.size > _SHOWN_BYTES:
        return FileSeen(file.path, file.seq, file.size, None, f"{file.size:,} bytes")
    try:
        content = await file_content(store, file)
        text = content.decode() if content is not None else None
    except NotFoundError:
        return FileSeen(file.path, file.seq, file.size, None, "not kept")
    except UnicodeDecodeError:
        return FileSeen(file.path, file.seq, file.size, None, f"{file.size:,} bytes, no text")
    return FileSeen(file.path, file.seq, file.size, text)


async def _diff(store: EventStore, file: FileChanged) -> FileDiff:
    sizes = [
        side.size if side is not None and side.sha256 is not None else None
        for side in (file.before, file.after)
    ]
    try:
        contents = [
            None if side is None else await file_content(store, side)
            for side in (file.before, file.after)
        ]
        texts = [None if content is None else content.decode() for content in contents]
        text = diff_of(texts[0], texts[1])
    except (NotFoundError, UnicodeDecodeError):
        text = None
    last = file.after or file.before
    assert last is not None, "it is another, so it was there"
    return FileDiff(file.path, last.seq, sizes[0], sizes[1], text)


async def read_restoration(
    store: EventStore, moments: Moments, run_id: str, seq: int, place: tuple[Path, str]
) -> Restoration:
    """Return what putting a file back as it was behind an event would come to."""
    root, path = place
    head = (await store.run(run_id)).head.seq
    last = (await moments.moment(run_id, head)).files.get(path)
    wanted = (await moments.moment(run_id, seq)).files.get(path)
    if last is None or wanted is None:
        raise NotFoundError(f"run {run_id!r} had changed no file {path!r} by #{seq}")
    then = await file_content(store, wanted)
    found = Restoration(
        path,
        last.seq,
        now=None,
        then=None if then is None else len(then),
        changed=True,
        same=False,
        diff=None,
    )
    try:
        now = await asyncio.to_thread(_held, root, path)
    except PermanentToolError as error:
        return found._replace(why=str(error))
    sha256 = None if now is None else sha256_of(now)
    found = found._replace(
        now=None if now is None else len(now),
        changed=sha256 != last.sha256,
        same=sha256 == wanted.sha256,
    )
    try:
        texts = [None if content is None else content.decode() for content in (now, then)]
    except UnicodeDecodeError:
        return found._replace(why="it is no text")
    return found._replace(diff=diff_of(texts[0], texts[1]))


def _held(root: Path, path: str) -> bytes | None:
    with at_place(Root(root), path) as here:
        return here.content
