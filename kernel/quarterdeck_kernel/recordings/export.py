"""Writing runs into a recording, page by page.

A fork's parents come with it, whole: its events follow from theirs. What the policy for recordings
takes out is not changed but left out, event by event: the two-level hash verifies what stays, and
the recording says which events were redacted.
"""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from pydantic_core import from_json

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.engine.ingress import Ingress
from quarterdeck_kernel.engine.kin import children_of, forks_of, parent_of
from quarterdeck_kernel.errors import BlobNotFoundError
from quarterdeck_kernel.events.naming import named_blobs
from quarterdeck_kernel.events.record import Record, commitment_of
from quarterdeck_kernel.events.upcasters import SCHEMA
from quarterdeck_kernel.recordings.manifest import (
    End,
    Manifest,
    Note,
    Place,
    RecordedRun,
    Redaction,
)
from quarterdeck_kernel.recordings.packing import Packer
from quarterdeck_kernel.recordings.reading import Verified
from quarterdeck_kernel.recordings.threads import in_thread
from quarterdeck_kernel.store.arrival import SealedBlob
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.run_info import RunInfo
from quarterdeck_kernel.store.verdict import Progress

_PAGE = 256
_BLOB_BYTES = 8 * 1024 * 1024
"""Blobs in memory at once, but for one that is larger."""

_Part: TypeAlias = tuple[Record, Sequence[SealedBlob]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be recorded of which run, and by what its contents are looked through."""

    run_id: str
    made_by: str
    forks: bool = False
    children: bool = False
    redaction: Redaction = "policy"
    ingress: Ingress | None = None
    clock: Clock = field(default_factory=SystemClock)
    progress: Callable[[Progress], None] | None = None


async def export(store: EventStore, wish: Wish, target: Path) -> Verified:
    """Write a new file with a run, its parents, and with forks and children if asked.

    Who cancels it finds no file.
    """
    runs = [await _recorded(store, run_id) for run_id in await _chosen(store, wish)]
    manifest = Manifest(
        event_schema=SCHEMA,
        made_by=wish.made_by,
        made_at_us=wish.clock.now_us(),
        asked_for=wish.run_id,
        redaction=wish.redaction,
        runs=tuple(runs),
    )
    with Packer(target) as packer:
        packer.line(manifest.model_dump(mode="json", exclude_none=True))
        writing = _Writing(store, packer, wish, manifest.events)
        for run in runs:
            await writing.run(run)
        end = End(
            events=writing.events,
            blobs=writing.blobs,
            redacted=writing.redacted,
            erased=writing.erased,
        )
        packer.line(end.model_dump(mode="json"))
    return Verified(
        manifest=manifest,
        events=end.events,
        blobs=end.blobs,
        redacted=end.redacted,
        redacted_at=writing.redacted_at,
        erased=end.erased,
        notes=writing.notes,
    )


async def _chosen(store: EventStore, wish: Wish) -> list[str]:
    """Return the runs that belong into the recording, parents before their forks."""
    chosen = [(await store.run(wish.run_id)).run_id]
    wanted = set(chosen)
    for run_id in chosen:
        more: list[str] = []
        if wish.forks:
            more += await forks_of(store, run_id)
        if wish.children:
            more += await children_of(store, run_id)
        new = [other for other in dict.fromkeys(more) if other not in wanted]
        wanted.update(new)
        chosen += new
    ordered: dict[str, None] = {}
    for run_id in chosen:
        line = [run_id]
        while (parent := await parent_of(store, line[-1])) is not None:
            line.append(parent.run_id)
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)


async def _recorded(store: EventStore, run_id: str) -> RecordedRun:
    info = await store.run(run_id)
    parent = await parent_of(store, run_id)
    return RecordedRun(
        run_id=run_id,
        tenant=info.tenant,
        head=_place(info.head),
        parent=_place(parent) if parent is not None else None,
        idempotency_key=await _key(store, info),
    )


async def _key(store: EventStore, info: RunInfo) -> str | None:
    first = (info.parent.seq if info.parent is not None else 0) + 1
    (record,) = await store.read(info.run_id, after=first - 1, until=first, payloads=False)
    # Whatever kind it is of: a newer version may have written it.
    key = from_json(record.header)["facts"].get("idempotency_key")
    return key if isinstance(key, str) else None


def _place(head: Head) -> Place:
    return Place(run_id=head.run_id, seq=head.seq, hash=head.hash.hex())


class _Writing:
    """Writes the lines of runs, and counts them."""

    def __init__(self, store: EventStore, packer: Packer, wish: Wish, total: int) -> None:
        self._store = store
        self._total = total
        self._packer = packer
        self._wish = wish
        self._written: set[str] = set()
        self.events = self.blobs = self.redacted = self.erased = self.notes = 0
        self.redacted_at: defaultdict[str, set[int]] = defaultdict(set)

    async def run(self, run: RecordedRun) -> None:
        """Write a run's own events."""
        self._packer.line({"run": run.run_id})
        self.redacted_at[run.run_id].clear()
        self._written.clear()
        after = run.begins
        while after < run.head.seq:
            page = await self._store.read(run.run_id, after=after, until=run.head.seq, limit=_PAGE)
            after = page[-1].seq
            some: list[_Part] = []
            room = _BLOB_BYTES
            for record in page:
                blobs = await self._blobs_of(record)
                some.append((record, blobs))
                room -= sum(len(blob.content) for blob in blobs)
                if room < 0:
                    await in_thread(partial(self._write, some))
                    some, room = [], _BLOB_BYTES
            # Looking through and packing take the time: the loop goes on meanwhile.
            await in_thread(partial(self._write, some))
            if self._wish.progress is not None:
                self._wish.progress(Progress(events=self.events, of=self._total))
        for bookmark in await self._store.bookmarks(run.run_id):
            if bookmark.run_id == run.run_id and bookmark.seq <= run.head.seq:
                self._note(bookmark)

    def _note(self, bookmark: Bookmark) -> None:
        """Write a bookmark, unless its text must not go into the file: that cannot be verified."""
        if self._withheld([bookmark.note]):
            return
        self.notes += 1
        note = Note(
            bookmark_id=bookmark.bookmark_id,
            seq=bookmark.seq,
            note=bookmark.note,
            actor=bookmark.actor,
            at_us=bookmark.at_us,
        )
        self._packer.line({"note": note.model_dump(mode="json", exclude_none=True)})

    async def _blobs_of(self, record: Record) -> list[SealedBlob]:
        if record.payload is None or self._wish.redaction == "all":
            return []
        new = [ref for ref in named_blobs(record) if ref not in self._written]
        return [blob for ref in new if (blob := await self._found(ref)) is not None]

    async def _found(self, ref: str) -> SealedBlob | None:
        try:
            return await self._store.sealed_blob(ref)
        except BlobNotFoundError:
            # What a file held may have gone with another event that named it.
            return None

    def _write(self, parts: Sequence[_Part]) -> None:
        for record, found in parts:
            self.events += 1
            if record.payload is None or record.salt is None:
                self.erased += 1
                commitment = record.commitment or b""
                self._packer.line(_tombstone(record, commitment, "erased"))
            elif self._held_back(record, found):
                self.redacted += 1
                self.redacted_at[record.run_id].add(record.seq)
                commitment = commitment_of(record.salt, record.payload.encode())
                self._packer.line(_tombstone(record, commitment, "redacted"))
            else:
                self._blobs(found)
                self._packer.line(
                    {
                        "header": record.header,
                        "salt": _base64(record.salt),
                        "payload": record.payload,
                    }
                )

    def _blobs(self, blobs: Iterable[SealedBlob]) -> None:
        for ref, salt, content in blobs:
            if ref in self._written:
                continue
            self._written.add(ref)
            self.blobs += 1
            self._packer.line({"blob": ref, "salt": _base64(salt), "content": _base64(content)})

    def _held_back(self, record: Record, blobs: Iterable[SealedBlob]) -> bool:
        """Tell whether the content of an event must not go into the file."""
        contents = (blob.content.decode(errors="replace") for blob in blobs)
        return self._withheld([record.payload or "", *contents])

    def _withheld(self, texts: Iterable[str]) -> bool:
        if self._wish.redaction == "all":
            return True
        ingress = self._wish.ingress
        if self._wish.redaction == "none" or ingress is None or not ingress.looks("recording"):
            return False
        return any(_found_in(ingress, text) for text in texts)


def _found_in(ingress: Ingress, text: str) -> bool:
    looked = ingress.json_text(text, "recording")
    return bool(looked.counts or looked.blocked)


def _tombstone(record: Record, commitment: bytes, gone: str) -> dict[str, str]:
    return {"header": record.header, "commitment": commitment.hex(), "gone": gone}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
