"""Taking in a run from elsewhere, in one transaction on a connection of its own.

The one write that does not go by the writing task: the rows are not sealed here. They are gathered
beside the database first, for as long as they take to come, in a file that has no name and goes
with this process however it ends. Then they are copied over in one go: others who write wait for
nothing but that.
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
from quarterdeck_kernel.store.sqlite.stored_rows import text_of
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
            # What has no name would be kept in memory, however large it is.
            await db.executescript("PRAGMA temp_store = FILE")
            await db.executescript(sql_text("append") + sql_text("arriving"))
            taking = _TakingIn(db, str(path), arrival)
            await taking.check()
            async for page in pieces:
                await taking.gather(page)
            changes = changes_text(arrival.rows) if arrival.rows is not None else None
            await db.execute_fetchall("BEGIN IMMEDIATE")
            await taking.take(entry, changes)
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
    epoch: int = 0
    newest: Record | None = None
    tombstones: list[int] = field(default_factory=list)
    _reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self._reader = Reader(self.db, self.name)

    async def _execute(self, name: str, **values: object) -> list[tuple[object, ...]]:
        rows = await self.db.execute_fetchall(named_queries()[name], values)
        return [tuple(row) for row in rows]

    async def check(self) -> None:
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

    async def gather(self, page: Sequence[Piece]) -> None:
        """Put pieces beside the database, where nobody sees them."""
        events: list[tuple[object, ...]] = []
        for piece in page:
            if isinstance(piece, SealedBlob):
                sha256 = hashlib.sha256(piece.content).hexdigest()
                digest = blob_digest(self.arrival.tenant, sha256)
                await self._execute("gather_blob", digest=digest, **piece._asdict())
            elif isinstance(piece, Snapshot):
                await self._execute(
                    "gather_snapshot",
                    seq=piece.seq,
                    hash=piece.hash,
                    fold_version=piece.fold_version,
                    state=piece.state,
                )
            else:
                self.epoch = max(self.epoch, from_json(piece.header).get("epoch") or 0)
                self.newest = piece
                if piece.payload is None:
                    self.tombstones.append(piece.seq)
                events.append(piece[1:])
        await self.db.executemany(named_queries()["gather_event"], events)

    async def take(self, entry: Entry, changes: str | None) -> None:
        """Copy over what was gathered, if it still has its place here."""
        await self.check()
        arrival, newest = self.arrival, self.newest
        head = Head(run_id=newest.run_id, seq=newest.seq, hash=newest.hash) if newest else None
        if newest is None or head != arrival.head:
            raise IntegrityError(
                f"run {arrival.run_id!r} does not end where it says; nothing was taken in"
            )
        run_no = await self._begin()
        await self._link()
        for copied in ("event", "blob", "snapshot"):
            await self._execute(f"take_in_{copied}s", run_no=run_no, tenant=arrival.tenant)
        await self._check_blobs()
        await self._end(run_no, newest, entry)
        if changes is not None:
            await self._execute("take_in_rows", run_no=run_no, changes=changes)

    async def _begin(self) -> int:
        parent = self.arrival.parent
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
        return number

    async def _link(self) -> None:
        """Let each event have its place in the chain over all runs: behind what is newest now."""
        point = await self._reader.checkpoint()
        link = bytes.fromhex(point.link) if point.position else point.workspace_id

        def next_link(position: int, digest: bytes) -> bytes:
            nonlocal link
            link = chain_link(link, position, digest)
            return link

        await self.db.create_function("next_link", 2, next_link)

    async def _check_blobs(self) -> None:
        erased = await self._execute("take_in_erased_blob")
        if erased:
            raise IntegrityError(
                f"run {self.arrival.run_id!r} brings back the blob {erased[0][0]!r}, which was "
                "erased here; it was not taken in"
            )

    async def _end(self, run_no: int, newest: Record, entry: Entry) -> None:
        arrival, rows, why = self.arrival, self.arrival.rows, entry.reason
        await self._execute(
            "take_in_head",
            run_no=run_no,
            seq=newest.seq,
            hash=newest.hash,
            epoch=self.epoch,
            changed_us=newest.at_us,
            rank=int(rows.fleet.rank) if rows is not None else 7,
            sort_us=rows.fleet.sort_us if rows is not None else 0,
            cost_micros=rows.fleet.cost_micros if rows is not None else 0,
            fleet=text_of(rows.fleet) if rows is not None else None,
        )
        record = {
            "run_no": run_no,
            "at_us": entry.at_us,
            "actor": entry.actor,
            "reason": entry.reason,
        }
        await self._execute("take_in_act", run_id=arrival.run_id, **record)
        words = {True: "redacted by the export", False: "erased before"}
        acts = [
            (run_no, seq, entry.at_us, entry.actor, f"{words[seq in arrival.redacted]}: {why}")
            for seq in self.tombstones
        ]
        await self.db.executemany(named_queries()["take_in_tombstone"], acts)
