"""Verifying a run or the whole workspace: page by page, with the hashing in a thread."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from quarterdeck_kernel.errors import StoreRewoundError
from quarterdeck_kernel.events.record import SALT_BYTES, commitment_of
from quarterdeck_kernel.store.chain_check import ChainCheck, RunRow
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.sqlite.folder import Sidecar
from quarterdeck_kernel.store.sqlite.reader import Reader, Rows
from quarterdeck_kernel.store.verdict import Fault, Follow, Progress, Verdict
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS

_LEAST = -(2**63)
_SLICE = 32
"""Events checked, and folded by whoever follows, before they are freed: while they are few the
memory stays warm, and the collector has nothing to go through."""
_TURN = 2 * _SLICE
"""Events between two looks at the loop: two milliseconds. A thread would take the same turns."""


def blob_digest(tenant: str, sha256: str) -> bytes:
    """Return the hash by which equal content of one tenant is found again, by its own hash."""
    return _digest(tenant.encode(), bytes.fromhex(sha256))


def _digest(tenant: bytes, sha256: bytes) -> bytes:
    return hashlib.sha256(tenant + b"\0" + sha256).digest()


def _intact(row: Sequence[Any]) -> bool:
    """Tell whether a blob is what was stored, or was erased by an act on record."""
    ref, tenant, digest, salt, content, licensed = row[:6]
    if content is None and salt is None and digest is None:
        return bool(licensed)
    return (
        content is not None
        and salt is not None
        and len(salt) == SALT_BYTES
        and commitment_of(salt, content).hex().encode() == ref
        and _digest(tenant, hashlib.sha256(content).digest()) == digest
    )


def _text(stored: bytes | None) -> str | None:
    """Return a name as text, even where damage has left no UTF-8: no two names come out alike."""
    return stored.decode(errors="surrogateescape") if stored is not None else None


class Verification:
    """One pass over what is stored, as it was when the pass began."""

    def __init__(
        self,
        reader: Reader,
        progress: Callable[[Progress], None] | None,
        follow: Follow | None = None,
    ) -> None:
        self._reader = reader
        self._progress = progress
        self._follow = follow
        self._seen: set[str] = set()
        self._until = 0

    async def workspace(self, against: Sequence[Checkpoint], sidecar: Sidecar | None) -> Verdict:
        """Check everything, and hold it against what was kept note of."""
        try:
            noted = await asyncio.to_thread(sidecar.read) if sidecar is not None else None
        except StoreRewoundError as error:
            verdict = await self._workspace(against)
            damage = Fault(kind="rewound", run_id=None, seq=None, message=str(error))
            return replace(verdict, fault=verdict.fault or damage)
        return await self._workspace([*against, *([noted] if noted is not None else [])])

    async def _workspace(self, against: Sequence[Checkpoint]) -> Verdict:
        workspace_id = (await self._reader.checkpoint()).workspace_id
        runs = await self._runs()
        check = ChainCheck(runs, workspace_id, against, keep_sound=self._follow is not None)
        pages = self._pages("verify_events", column=0)
        fault = await self._checked(check, pages, self._until)
        fault = fault or check.finish() or await self._other_blobs()
        return _verdict(check, len(runs), fault)

    async def run(self, run_id: str) -> Verdict:
        """Check one run, with what it shares."""
        stretches = await self._reader.lineage(run_id)
        known = await self._runs()
        line = {stretch.run_no: known[stretch.run_no] for stretch in stretches}
        total = sum(run.seq - run.parent_seq for run in line.values())
        check = ChainCheck(known, None, only=line, keep_sound=self._follow is not None)
        fault: Fault | None = None
        for stretch in reversed(stretches):
            pages = self._pages("verify_run_events", column=2, run_no=stretch.run_no)
            fault = fault or await self._checked(check, pages, total)
        return _verdict(check, 1, fault or check.finish())

    async def _checked(
        self, check: ChainCheck, pages: AsyncIterator[Rows], total: int
    ) -> Fault | None:
        async for rows in pages:
            for first in range(0, len(rows), _SLICE):
                fault = check.page(rows[first : first + _SLICE])
                fault = await self._named_blobs(check) or fault
                if fault is None and self._follow is not None:
                    await self._follow(check.take_sound())
                if self._progress is not None:
                    self._progress(Progress(events=check.events, of=max(total, check.events)))
                if fault is not None:
                    return fault
                if first % _TURN == 0:
                    await asyncio.sleep(0)
        return None

    async def _pages(self, query: str, *, column: int, **values: object) -> AsyncIterator[Rows]:
        after = _LEAST
        while rows := await self._reader.fetch(
            query, after=after, until=self._until, limit=PAGE_ROWS, **values
        ):
            yield rows
            after = rows[-1][column]

    async def _runs(self) -> dict[int, RunRow]:
        """Return all runs, and note the newest position that belongs to their heads."""
        runs = {}
        for newest, number, run_id, tenant, key, *rest in await self._reader.fetch("verify_runs"):
            self._until = newest
            if number is not None:
                names = _text(run_id) or "", _text(tenant) or "", _text(key)
                runs[number] = RunRow(number, *names, *rest)
        return runs

    async def _named_blobs(self, check: ChainCheck) -> Fault | None:
        """Check the blobs that the events just followed name."""
        for run_id, seq, ref in check.take_blobs():
            if ref in self._seen:
                continue
            self._seen.add(ref)
            rows = await self._reader.fetch("verify_blob", ref=ref)
            if not rows:
                message = f"event #{seq} of run {run_id!r} keeps its content in a blob that is gone"
                return Fault(kind="blob_missing", run_id=run_id, seq=seq, message=message)
            intact = await asyncio.to_thread(_intact, rows[0])
            if not intact or (rows[0][4] is None and await self._names(run_id, seq)):
                message = f"the content of event #{seq} of run {run_id!r} is not what was stored"
                return Fault(kind="blob_changed", run_id=run_id, seq=seq, message=message)
        return None

    async def _names(self, run_id: str, seq: int) -> bool:
        """Tell whether an event still has its content: a licence for another's is not its own."""
        records = await self._reader.read(run_id, after=seq - 1, until=seq, payloads=True)
        return any(record.payload is not None for record in records)

    async def _other_blobs(self) -> Fault | None:
        """Check the blobs that no event names: content whose event was never written."""
        after = _LEAST
        while rows := await self._reader.fetch("verify_blobs", after=after):
            ref = _text(rows[0][0]) or ""
            if ref not in self._seen and not await asyncio.to_thread(_intact, rows[0]):
                message = f"the blob {ref!r} is not what was stored"
                return Fault(kind="blob_changed", run_id=None, seq=None, message=message)
            after = rows[0][-1]
        return None


def _verdict(check: ChainCheck, runs: int, fault: Fault | None) -> Verdict:
    return Verdict(
        runs=runs,
        events=check.events,
        erased=tuple(check.erased),
        fault=fault,
        deleted=check.deleted,
    )
