"""The SQLite store: one workspace's database, opened.

Owns the connections and their order of closing, and hands each call to the part that answers it.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, Self

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.errors import (
    HeadMovedError,
    StoreClosedError,
    StoreUnsupportedError,
)
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.act import Act
from quarterdeck_kernel.store.arrival import Arrival, Pieces, SealedBlob
from quarterdeck_kernel.store.batch import Batch, Head
from quarterdeck_kernel.store.lease import Lease, LeaseStatus
from quarterdeck_kernel.store.listing import (
    FleetFilter,
    FleetPage,
    InboxPage,
    LedgerFilter,
    LedgerLine,
)
from quarterdeck_kernel.store.run_info import Checkpoint, RunInfo
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.sqlite.accounts import set_limit
from quarterdeck_kernel.store.sqlite.backup import back_up, back_up_memory
from quarterdeck_kernel.store.sqlite.blobs import Blobs
from quarterdeck_kernel.store.sqlite.bookmarks import BookmarkTable
from quarterdeck_kernel.store.sqlite.bound import changes_text
from quarterdeck_kernel.store.sqlite.leases import Leases
from quarterdeck_kernel.store.sqlite.listings import fleet_page, inbox_page
from quarterdeck_kernel.store.sqlite.maintenance import Maintenance
from quarterdeck_kernel.store.sqlite.news import News
from quarterdeck_kernel.store.sqlite.opening import Parts, check_sidecar, open_parts
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.removal import Removal, actor_text
from quarterdeck_kernel.store.sqlite.stored_rows import text_of
from quarterdeck_kernel.store.sqlite.taking_in import Entry, take_in
from quarterdeck_kernel.store.sqlite.translate import driver_errors
from quarterdeck_kernel.store.sqlite.verification import Verification
from quarterdeck_kernel.store.sqlite.writer import Writer
from quarterdeck_kernel.store.verdict import Follow, Progress, Verdict
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.limits import LEASE_TTL_US, PAGE_ROWS
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow


class SqliteStore(BookmarkTable):
    """An `EventStore` in one SQLite file, or in memory. Made by `SqliteStore.open`."""

    def __init__(
        self, parts: Parts, *, clock: Clock, lease_ttl_us: int, readonly: bool = False
    ) -> None:
        """Put the pieces together upon open connections."""
        self._parts = parts
        self._name = parts.name
        self._clock = clock
        self._closed = False
        self._closing: asyncio.Future[None] | None = None
        self.reader = Reader(parts.read_db, self._name, parts.standing)
        self._news = News(self._data_version if parts.path is not None else None)
        self.writer = Writer(
            parts.write_db,
            self._name,
            self._committed,
            readonly=readonly,
            standing=parts.standing,
        )
        self._leases = Leases(
            self.writer, self.reader, clock, locks=parts.locks, ttl_us=lease_ttl_us
        )
        self._upkeep: Maintenance | None = None
        if parts.path and parts.locks and parts.sidecar:
            self._upkeep = Maintenance(
                parts.path, parts.locks, parts.sidecar, self.reader.checkpoint
            )
        self._blobs = Blobs(self.writer, self.reader)
        self._removal = Removal(self.writer, self.reader, clock, self._upkeep)

    # -- opening and closing

    @classmethod
    async def open(
        cls,
        path: Path | Literal[":memory:"],
        *,
        clock: Clock | None = None,
        lease_ttl_us: int = LEASE_TTL_US,
        create: bool = True,
        accept_rewound: bool = False,
        durable: bool = True,
        readonly: bool = False,
    ) -> Self:
        """Open a database, made if there is none and `create` allows it.

        A database that ends before what its sidecar remembers (a restored backup, a copy without
        its log) is refused unless `accept_rewound` says that this is meant: what ran since then
        would otherwise run again. What is opened `readonly` refuses all that changes anything.
        """
        parts = await open_parts(path, create=create, durable=durable)
        store = cls(
            parts, clock=clock or SystemClock(), lease_ttl_us=lease_ttl_us, readonly=readonly
        )
        try:
            await check_sidecar(parts, store.reader, accept_rewound=accept_rewound)
        except BaseException:
            await store.close(remember=False)
            raise
        return store

    async def close(self, *, remember: bool = True) -> None:
        """Finish what is under way, give back all leases, and close."""
        self._closed = True
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(remember=remember))
        cancelled: asyncio.CancelledError | None = None
        while not self._closing.done():
            try:
                await asyncio.wait([self._closing])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        self._closing.result()

    async def _close(self, *, remember: bool) -> None:
        """Close part after part; one that fails does not keep the others open."""
        async with AsyncExitStack() as parts:
            parts.push_async_callback(self._parts.close)
            if self._upkeep is not None:
                parts.push_async_callback(self._upkeep.close, remember=remember)
            parts.push_async_callback(self.writer.close)
            parts.push_async_callback(self._leases.close)
            await self._news.close()

    def _committed(self) -> None:
        self._news.tell()
        if self._upkeep is not None:
            self._upkeep.note_commit()

    async def _data_version(self) -> int:
        with driver_errors(self._name):
            rows = await self._parts.read_db.execute_fetchall("PRAGMA data_version")
        version: int = next(iter(rows))[0]
        return version

    # -- writing the log

    async def append(self, batch: Batch) -> None:
        """Store a batch durably, whole or not at all."""
        await self.writer.append(batch)

    async def put_blob(self, tenant: str, content: bytes) -> str:
        """Store content durably and return its reference."""
        return await self._blobs.put(tenant, content)

    async def find_blob(self, tenant: str, sha256: str) -> str | None:
        """Return the reference of a tenant's content, by the hash of it."""
        return await self._blobs.find(tenant, sha256)

    # -- reading the log

    async def run(self, run_id: str) -> RunInfo:
        """Return whose run it is, where its log ends, and what it was forked from."""
        return await self.reader.run(run_id)

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = PAGE_ROWS,
        backwards: bool = False,
        kinds: Collection[str] | None = None,
        payloads: bool = True,
    ) -> list[Record]:
        """Return a page of a run's log."""
        return await self.reader.read(
            run_id,
            after=after,
            until=until,
            limit=min(limit, PAGE_ROWS),
            backwards=backwards,
            kinds=kinds,
            payloads=payloads,
        )

    async def read_workspace(
        self, *, after: int = 0, limit: int = PAGE_ROWS
    ) -> list[tuple[int, Record]]:
        """Return events of all runs behind a position."""
        return await self.reader.read_workspace(after=after, limit=min(limit, PAGE_ROWS))

    async def blob(self, ref: str) -> bytes:
        """Return the content of a blob."""
        return await self.reader.blob(ref)

    async def sealed_blob(self, ref: str) -> SealedBlob:
        """Return a blob with the salt that its name commits to."""
        return await self.reader.sealed_blob(ref)

    async def heads(self, *, after: str = "", limit: int = PAGE_ROWS) -> list[Head]:
        """Return the heads of runs, by id."""
        return await self.reader.heads(after=after, limit=min(limit, PAGE_ROWS))

    async def checkpoint(self) -> Checkpoint:
        """Return the newest link of the chain over all runs."""
        return await self.reader.checkpoint()

    async def wait(
        self, *, after: int, run_id: str | None = None, timeout_s: float | None = None
    ) -> int | None:
        """Wait until there is an event behind `after`, written by any process."""
        if run_id is not None:
            await self.reader.lineage(run_id)

        async def look() -> int:
            if run_id is None:
                rows = await self.reader.fetch("position")
            else:
                rows = await self.reader.fetch("run_seq", run_id=run_id)
            found: int = rows[0][0]
            return found

        if self._closed:
            raise StoreClosedError(f"the store {self._name!r} was closed")
        return await self._news.wait(look, after=after, timeout_s=timeout_s)

    # -- projections

    async def fleet(
        self, where: FleetFilter | None = None, *, after: str | None = None, limit: int = 200
    ) -> FleetPage:
        """Return runs in the order asked for."""
        live = await self._leases.live_holders()
        return await fleet_page(self.reader, where or FleetFilter(), live, after=after, limit=limit)

    async def projections(self, run_id: str) -> ProjectionRows:
        """Return the stored rows of one run."""
        return await self.reader.projections(run_id)

    async def inbox(
        self, *, tenant: str | None = None, after: str | None = None, limit: int = 200
    ) -> InboxPage:
        """Return what waits for a person."""
        return await inbox_page(self.reader, tenant=tenant, after=after, limit=limit)

    async def context(
        self, run_id: str, thread: int, *, before: int | None = None, limit: int = PAGE_ROWS
    ) -> list[ContextRow]:
        """Return a page of a conversation thread, in order."""
        return await self.reader.context(run_id, thread, before=before, limit=min(limit, PAGE_ROWS))

    async def step(self, run_id: str, step_key: str, *, until: int | None = None) -> StepRow | None:
        """Return where a step was last asked for, as of event `until` or of the newest."""
        return await self.reader.step(run_id, step_key, until=until)

    async def rebuild(self, run_id: str, rows: ProjectionRows, expected: Head) -> None:
        """Replace a run's projection rows, if its head is still `expected`."""
        done = await self.writer.execute(
            "rebuild",
            run_id=run_id,
            hash=expected.hash,
            rank=int(rows.fleet.rank),
            sort_us=rows.fleet.sort_us,
            cost_micros=rows.fleet.cost_micros,
            fleet=text_of(rows.fleet),
            changes=changes_text(rows),
        )
        if not done:
            await self.reader.run(run_id)
            raise HeadMovedError(f"run {run_id!r} has new events: fold them too and try again")

    # -- leases

    async def claim(self, run_id: str) -> Lease:
        """Take the lease of a run that no live holder drives."""
        return await self._leases.claim(run_id)

    async def renew(self) -> int:
        """Push back the deadline of all leases of this store."""
        return await self._leases.renew()

    async def release(self, lease: Lease) -> None:
        """Give a lease back."""
        await self._leases.release(lease)

    async def lease(self, run_id: str) -> LeaseStatus:
        """Return who drives a run."""
        return await self._leases.status(run_id)

    # -- accounts

    async def account(self, account: str) -> Account:
        """Return an account."""
        return (await self.accounts((account,)))[account]

    async def accounts(self, names: Collection[str]) -> dict[str, Account]:
        """Return accounts by name."""
        return await self.reader.accounts(names)

    async def ledger(self, where: LedgerFilter) -> list[LedgerLine]:
        """Return sums of the ledger."""
        return await self.reader.ledger(where)

    async def set_limit(
        self,
        account: str,
        limit: int | None,
        *,
        version: int,
        spent: int = 0,
        by: str | None = None,
    ) -> Account:
        """Change a limit if the account is still at `version`."""
        return await set_limit(self.writer, account, limit, version=version, spent=spent, by=by)

    # -- snapshots

    async def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        await self.writer.execute(
            "put_snapshot",
            run_id=snapshot.run_id,
            seq=snapshot.seq,
            hash=snapshot.hash,
            fold_version=snapshot.fold_version,
            state=snapshot.state,
        )

    async def snapshot(
        self, run_id: str, *, fold_version: int, until: int | None = None
    ) -> Snapshot | None:
        """Return the newest usable snapshot at or before `until`."""
        return await self.reader.snapshot(run_id, fold_version=fold_version, until=until)

    # -- care

    async def verify(
        self,
        run_id: str | None = None,
        *,
        against: Sequence[Checkpoint] = (),
        progress: Callable[[Progress], None] | None = None,
        follow: Follow | None = None,
    ) -> Verdict:
        """Check a run or the workspace against its hashes."""
        check = Verification(self.reader, progress, follow)
        if run_id is not None:
            return await check.run(run_id)
        return await check.workspace(against, self._parts.sidecar)

    async def erase(self, run_id: str, seq: int, *, actor: Actor, reason: str) -> None:
        """Remove the content of an event for ever, and the blobs that kept it."""
        await self._removal.erase(run_id, seq, actor=actor, reason=reason)

    async def delete(self, lease: Lease, head: Head, *, actor: Actor, reason: str) -> None:
        """Delete a run whole."""
        await self._removal.delete(lease, head, actor=actor, reason=reason)

    async def acts(self, *, after: int = 0, limit: int = PAGE_ROWS) -> list[Act]:
        """Return what was done to the workspace itself."""
        return await self._removal.acts(after=after, limit=min(limit, PAGE_ROWS))

    async def take_in(self, arrival: Arrival, pieces: Pieces, *, actor: Actor, reason: str) -> None:
        """Store a run from elsewhere, whole or not at all."""
        if self._parts.path is None or self._closed:
            raise StoreUnsupportedError(
                f"{self._name!r} takes in no runs: only an open workspace in a folder does"
            )
        entry = Entry(at_us=self._clock.now_us(), actor=actor_text(actor), reason=reason)
        durable = self._parts.durable
        await take_in(self._parts.path, arrival, pieces, entry, durable=durable)
        self._committed()

    async def backup(self, target: Path) -> None:
        """Copy the whole store into a new file while it is in use."""
        if self._closed:
            raise StoreClosedError(f"the store {self._name!r} was closed")
        if self._parts.path is not None:
            await back_up(self._parts.path, target)
        else:
            with driver_errors(str(target)):
                await back_up_memory(self._parts.read_db, target)
