"""The port: what the kernel asks of a store, and what every adapter promises.

An adapter keeps records and hands them back byte for byte; it never looks into a payload. The
contract suite in `quarterdeck_kernel.testing` is the other half of this description: an adapter
that passes it may be used.

Promises of every method: it may be cancelled at any await without leaving the store half-written;
what it raises is from `quarterdeck_kernel.errors`; it may be called from many tasks at once.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.act import Act
from quarterdeck_kernel.store.arrival import Arrival, Pieces, SealedBlob
from quarterdeck_kernel.store.batch import Batch, Head
from quarterdeck_kernel.store.bookmark import Bookmark
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
from quarterdeck_kernel.store.verdict import Follow, Progress, Verdict
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow


class EventStore(Protocol):
    """A workspace's events and what follows from them."""

    # -- writing the log

    async def append(self, batch: Batch) -> None:
        """Store a batch durably, whole or not at all; it is on disk when this returns.

        Raises the `ConflictError` that names what the batch lost to. If the caller is cancelled
        while it waits, the batch is still stored or refused as if it had not been.
        """

    async def put_blob(self, tenant: str, content: bytes) -> str:
        """Store content durably and return its reference; a tenant's equal content is kept once."""
        ...

    async def find_blob(self, tenant: str, sha256: str) -> str | None:
        """Return the reference of content that a tenant has kept, by its SHA-256, if it has."""
        ...

    # -- reading the log

    async def run(self, run_id: str) -> RunInfo:
        """Return whose run it is, where its log ends, and what it was forked from."""
        ...

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
        """Return events with after < seq <= until, shared ones of a fork's parents included.

        `backwards` begins at `until` (or the head) and goes down. Without `payloads` salt and
        payload are left out, as if erased: for folds, which need facts only.
        """
        ...

    async def read_workspace(
        self, *, after: int = 0, limit: int = PAGE_ROWS
    ) -> list[tuple[int, Record]]:
        """Return events of all runs behind a position, in the order they were committed."""
        ...

    async def blob(self, ref: str) -> bytes:
        """Return the content of a blob."""
        ...

    async def sealed_blob(self, ref: str) -> SealedBlob:
        """Return a blob with the salt that its name commits to."""
        ...

    async def heads(self, *, after: str = "", limit: int = PAGE_ROWS) -> list[Head]:
        """Return the heads of runs, by id, behind the run id `after`."""
        ...

    async def checkpoint(self) -> Checkpoint:
        """Return the newest link of the chain over all runs: a line that stands for every head."""
        ...

    async def wait(
        self, *, after: int, run_id: str | None = None, timeout_s: float | None = None
    ) -> int | None:
        """Wait until there is an event behind `after`, written by any process; return how far.

        For a run the numbers are seqs, for the workspace (no `run_id`) positions. None: nothing
        came within the time.
        """

    # -- projections

    async def fleet(
        self, where: FleetFilter | None = None, *, after: str | None = None, limit: int = 200
    ) -> FleetPage:
        """Return runs in the order asked for; `after` is the cursor of the page before."""
        ...

    async def projections(self, run_id: str) -> ProjectionRows:
        """Return the stored rows of one run: its fleet row, and all its open items as opened."""
        ...

    async def inbox(
        self, *, tenant: str | None = None, after: str | None = None, limit: int = 200
    ) -> InboxPage:
        """Return what waits for a person: nearest deadline first, then the oldest."""
        ...

    async def context(
        self, run_id: str, thread: int, *, before: int | None = None, limit: int = PAGE_ROWS
    ) -> list[ContextRow]:
        """Return the last `limit` places of a conversation thread before `before`, in order."""
        ...

    async def step(self, run_id: str, step_key: str, *, until: int | None = None) -> StepRow | None:
        """Return where a step was last asked for, as of event `until` or of the newest."""
        ...

    async def rebuild(self, run_id: str, rows: ProjectionRows, expected: Head) -> None:
        """Replace a run's projection rows, if its head is still `expected`; drop its snapshots."""
        ...

    async def ledger(self, where: LedgerFilter) -> list[LedgerLine]:
        """Return sums of the ledger: one line for each value of what they are parted by."""
        ...

    # -- leases

    async def claim(self, run_id: str) -> Lease:
        """Take the lease of a run that no live holder drives, under a new epoch."""
        ...

    async def renew(self) -> int:
        """Push back the deadline of all leases of this store; return it (`Clock.boot_us`)."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it was lost."""
        ...

    async def lease(self, run_id: str) -> LeaseStatus:
        """Return who drives a run, and whether that holder lives."""
        ...

    # -- accounts

    async def account(self, account: str) -> Account:
        """Return an account; one never used is empty, with version 0."""
        ...

    async def accounts(self, names: Collection[str]) -> dict[str, Account]:
        """Return accounts by name, empty ones for those never used."""
        ...

    async def set_limit(
        self,
        account: str,
        limit: int | None,
        *,
        version: int,
        spent: int = 0,
        by: str | None = None,
    ) -> Account:
        """Change a limit if the account is still at `version`, and keep `by` whom it was.

        At version 0 the account begins with what was `spent` before it was kept.
        """
        ...

    # -- snapshots

    async def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; one for an event that does not stand is not kept."""
        ...

    async def snapshot(
        self, run_id: str, *, fold_version: int, until: int | None = None
    ) -> Snapshot | None:
        """Return the newest usable snapshot at or before `until`, those of a fork's parents too."""
        ...

    # -- bookmarks

    async def put_bookmark(self, bookmark: Bookmark) -> None:
        """Keep a note about an event that stands; one kept under its id before stays as it is."""
        ...

    async def drop_bookmark(self, bookmark_id: str) -> None:
        """Take a bookmark away."""
        ...

    async def bookmarks(self, run_id: str) -> list[Bookmark]:
        """Return a run's bookmarks by event, those of the events it shares with others too."""
        ...

    # -- care

    async def verify(
        self,
        run_id: str | None = None,
        *,
        against: Sequence[Checkpoint] = (),
        progress: Callable[[Progress], None] | None = None,
        follow: Follow | None = None,
    ) -> Verdict:
        """Check a run or the workspace against its hashes; name the first thing that is wrong.

        `follow` is handed the events that were checked, so that who folds them too need not read
        them again. Nothing behind a fault is handed on.
        """
        ...

    async def erase(self, run_id: str, seq: int, *, actor: Actor, reason: str) -> None:
        """Remove the content of an event for ever; the chain still verifies.

        With it go the blobs that it names, but those that other events name, too.
        """
        ...

    async def delete(self, lease: Lease, head: Head, *, actor: Actor, reason: str) -> None:
        """Delete a run whole, if it still ends at `head` and `lease` is the newest of it.

        What stays is the act on record, and what the chain over all runs is made of. A run whose
        events a fork shares is refused.
        """
        ...

    async def acts(self, *, after: int = 0, limit: int = PAGE_ROWS) -> list[Act]:
        """Return what was done to the workspace itself, in order, behind the act numbered so."""
        ...

    async def take_in(self, arrival: Arrival, pieces: Pieces, *, actor: Actor, reason: str) -> None:
        """Store a run from elsewhere, whole or not at all, and the act with it.

        The pieces are believed: who hands them in has checked them. A run that is here, a key of
        its tenant that is used and a parent that is missing are refused.
        """
        ...

    async def backup(self, target: Path) -> None:
        """Copy the whole store, consistently, into a new file while it is in use."""
        ...

    async def close(self) -> None:
        """Finish what is under way, give back all leases, and close."""
        ...
