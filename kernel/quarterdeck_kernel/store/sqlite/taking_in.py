"""Taking in a run from elsewhere, in one transaction on a connection of its own.

The one write that does not go by the writing task: it lasts as long as it takes to hand over all
the events of a run, and its rows are not sealed here. Other writers wait for it meanwhile.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite
from pydantic_core import from_json

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import (
    BlobNotFoundError,
    IdempotencyKeyUsedError,
    IntegrityError,
    RunExistsError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.arrival import Arrival, Piece, Pieces, SealedBlob
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.chain_check import chain_link
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.sqlite.bound import changes_text
from quarterdeck_kernel.store.sqlite.connection import connect, make_durable
from quarterdeck_kernel.store.sqlite.queries import named_queries, sql_text
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.translate import driver_errors
from quarterdeck_kernel.store.sqlite.verification import blob_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who takes a run in, when and why, as it goes on record."""

    at_us: int
    actor: str
    reason: str


async def take_in(
    path: Path, arrival: Arrival, pieces: Pieces, entry: Entry, *, durable: bool
) -> None:
    """Store a run whole or not at all."""
    with driver_errors(str(path)):
        db = await connect(str(path))
        try:
            await make_durable(db, durable=durable)
            await db.executescript(sql_text("append"))
            await db.execute_fetchall("BEGIN IMMEDIATE")
            await _TakingIn(db, str(path), arrival).take(pieces, entry)
            crash_point("store.take_in.before")
            await db.execute_fetchall("COMMIT")
            crash_point("store.take_in.after")
        finally:
            # What was not committed is taken back.
            await db.close()


@dataclass(slots=True)
class _TakingIn:
    db: aiosqlite.Connection
    name: str
    arrival: Arrival
    run_no: int = 0
    position: int = 0
    link: bytes | str = ""
    epoch: int = 0
    newest: Record | None = None
    _reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self._reader = Reader(self.db, self.name)

    async def take(self, pieces: Pieces, entry: Entry) -> None:
        await self._check()
        await self._begin()
        async for page in pieces:
            await self._put(page)
        await self._end(entry)

    async def _execute(self, name: str, **values: object) -> list[tuple[object, ...]]:
        rows = await self.db.execute_fetchall(named_queries()[name], values)
        return [tuple(row) for row in rows]

    async def _check(self) -> None:
        """Refuse a run that is here, a key that is used, a parent that is not the one."""
        arrival = self.arrival
        with suppress(RunNotFoundError):
            await self._reader.run(arrival.run_id)
            raise RunExistsError(
                f"run {arrival.run_id!r} is in this workspace already", run_id=arrival.run_id
            )
        why = await self._execute(
            "why_refused",
            run_id=arrival.run_id,
            tenant=arrival.tenant,
            key=arrival.idempotency_key,
            stands=None,
            moves=None,
        )
        keyed = why[0][4]
        if keyed is not None:
            raise IdempotencyKeyUsedError(
                f"the key {arrival.idempotency_key!r} of run {arrival.run_id!r} made run {keyed!r} "
                "here; two runs cannot have one key",
                run_id=str(keyed),
            )
        parent = arrival.parent
        if parent is not None:
            owner = await self._reader.run(parent.run_id)
            shared = await self._reader.read(parent.run_id, after=parent.seq - 1, until=parent.seq)
            if owner.tenant != arrival.tenant or not shared or shared[0].hash != parent.hash:
                raise RunNotFoundError(
                    f"run {parent.run_id!r} has here no event #{parent.seq} that "
                    f"{arrival.run_id!r} was forked from"
                )

    async def _begin(self) -> None:
        parent = self.arrival.parent
        point = await self._reader.checkpoint()
        self.position = point.position
        self.link = bytes.fromhex(point.link) if point.position else point.workspace_id
        rows = await self._execute(
            "take_in_run",
            run_id=self.arrival.run_id,
            tenant=self.arrival.tenant,
            key=self.arrival.idempotency_key,
            parent_id=parent.run_id if parent is not None else None,
            parent_seq=parent.seq if parent is not None else None,
        )
        (number,) = rows[0]
        assert isinstance(number, int), "a run has a number"
        self.run_no = number

    async def _put(self, page: Sequence[Piece]) -> None:
        rows: list[tuple[object, ...]] = []
        for piece in page:
            if isinstance(piece, SealedBlob):
                await self._keep(piece)
                continue
            if isinstance(piece, Snapshot):
                await self._execute(
                    "take_in_snapshot",
                    run_no=self.run_no,
                    seq=piece.seq,
                    hash=piece.hash,
                    fold_version=piece.fold_version,
                    state=piece.state,
                )
                continue
            self.position += 1
            self.link = chain_link(self.link, self.position, piece.hash)
            self.epoch = max(self.epoch, from_json(piece.header).get("epoch") or 0)
            self.newest = piece
            rows.append((self.position, self.run_no, *piece[1:], self.link))
        await self.db.executemany(named_queries()["take_in_event"], rows)

    async def _keep(self, blob: SealedBlob) -> None:
        sha256 = hashlib.sha256(blob.content).hexdigest()
        await self._execute(
            "take_in_blob",
            ref=blob.ref,
            tenant=self.arrival.tenant,
            digest=blob_digest(self.arrival.tenant, sha256),
            salt=blob.salt,
            content=blob.content,
        )
        try:
            await self._reader.blob(blob.ref)
        except BlobNotFoundError as error:
            raise IntegrityError(
                f"run {self.arrival.run_id!r} brings back the blob {blob.ref!r}, which was erased "
                "here; it was not taken in"
            ) from error

    async def _end(self, entry: Entry) -> None:
        arrival, newest, why = self.arrival, self.newest, entry.reason
        head = Head(run_id=newest.run_id, seq=newest.seq, hash=newest.hash) if newest else None
        if newest is None or head != arrival.head:
            raise IntegrityError(
                f"run {arrival.run_id!r} does not end where it says; nothing was taken in"
            )
        rows = arrival.rows
        await self._execute(
            "take_in_head",
            run_no=self.run_no,
            seq=newest.seq,
            hash=newest.hash,
            epoch=self.epoch,
            changed_us=newest.at_us,
            rank=int(rows.fleet.rank) if rows is not None else 7,
            sort_us=rows.fleet.sort_us if rows is not None else 0,
            cost_micros=rows.fleet.cost_micros if rows is not None else 0,
            fleet=rows.fleet.model_dump_json() if rows is not None else None,
        )
        record = {
            "run_no": self.run_no,
            "at_us": entry.at_us,
            "actor": entry.actor,
            "reason": entry.reason,
        }
        await self._execute("take_in_act", run_id=arrival.run_id, **record)
        gone = await self._execute("tombstones", run_no=self.run_no)
        words = {True: "redacted by the export", False: "erased before"}
        acts = [
            (self.run_no, seq, entry.at_us, entry.actor, f"{words[seq in arrival.redacted]}: {why}")
            for (seq,) in gone
        ]
        await self.db.executemany(named_queries()["take_in_tombstone"], acts)
        if rows is not None and (changes := changes_text(rows)) is not None:
            await self._execute("take_in_rows", run_no=self.run_no, changes=changes)
