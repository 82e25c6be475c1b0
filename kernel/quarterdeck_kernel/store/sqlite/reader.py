"""Reading: the log with its shared prefixes, projections, accounts, snapshots.

Every read is one statement whose rows are fetched whole, so that no transaction stays open.
"""

import asyncio
import json
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast

import aiosqlite

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import BlobNotFoundError, RunNotFoundError, StoreCorruptError
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.store.arrival import SealedBlob
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.listing import LedgerFilter, LedgerLine
from quarterdeck_kernel.store.run_info import NO_LINK, Checkpoint, RunInfo
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.sqlite.accounts import account_of
from quarterdeck_kernel.store.sqlite.queries import named_queries
from quarterdeck_kernel.store.sqlite.standing import Standing
from quarterdeck_kernel.store.sqlite.stored_rows import Row, rows_of
from quarterdeck_kernel.store.sqlite.translate import driver_errors, rebuildable
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS, RUN_EVENTS
from quarterdeck_kernel.vocabulary.rows import (
    ContextRow,
    FleetRow,
    InboxRow,
    LedgerRow,
    ProjectionRows,
    StepRow,
)

Rows = list[tuple[Any, ...]]

_FLEET_PLACES = ("rank", "sort_us", "cost_micros", "head_seq")
_INBOX_PLACES = ("item_id", "tenant", "since_us", "deadline_us")


class Stretch(NamedTuple):
    """A part of a run's log that stands under one run number: after < seq <= until."""

    run_no: int
    run_id: str
    after: int
    until: int


class Reader:
    """Reads through one connection that cannot write."""

    def __init__(
        self, db: aiosqlite.Connection, path: str, standing: Standing | None = None
    ) -> None:
        self._db = db
        self._standing = standing
        self._path = path
        self._shared: dict[str, tuple[Stretch, ...]] = {}

    async def fetch(self, name: str, **values: object) -> Rows:
        """Return the rows of a named query."""
        return await self.fetch_text(named_queries()[name], values)

    async def fetch_text(self, sql: str, values: dict[str, object]) -> Rows:
        """Return the rows of a query."""
        # Shielded: a statement given up half-way would still run in the driver's thread.
        with driver_errors(self._path):
            # A list of tuples: there is no row factory that would make them anything else.
            return cast("Rows", await asyncio.shield(self._db.execute_fetchall(sql, values)))

    async def run(self, run_id: str) -> RunInfo:
        """Return a run's owner, head and parent."""
        rows = await self.fetch("run_info", run_id=run_id)
        if not rows:
            raise RunNotFoundError(
                f"there is no run {run_id!r} in this workspace; the fleet lists them"
            )
        found_id, tenant, seq, head_hash, parent_id, parent_seq = rows[0]
        parent = None
        if parent_id is not None:
            # The event may be one that the parent itself shares with an older run.
            shared = await self.read(run_id, after=parent_seq - 1, until=parent_seq)
            if shared:
                parent = Head(run_id=parent_id, seq=parent_seq, hash=shared[0].hash)
        head = Head(run_id=found_id, seq=seq, hash=head_hash)
        return RunInfo(run_id=found_id, tenant=tenant, head=head, parent=parent)

    def forget(self, run_id: str) -> None:
        """Forget what was kept of a run that is gone."""
        self._shared.pop(run_id, None)

    async def lineage(self, run_id: str) -> tuple[Stretch, ...]:
        """Return the stretches a run's log consists of, the run's own first.

        The own stretch is open at its end; what is shared never changes and is kept.
        """
        known = self._shared.get(run_id)
        if known is None:
            rows = await self.fetch("lineage", run_id=run_id)
            if not rows:
                raise RunNotFoundError(
                    f"there is no run {run_id!r} in this workspace; the fleet lists them"
                )
            known = tuple(
                Stretch(no, name, after, RUN_EVENTS if depth == 0 else until)
                for depth, (no, name, after, until) in enumerate(rows)
                if depth == 0 or until > after
            )
            if len(self._shared) > PAGE_ROWS:
                self._shared.clear()
            self._shared[run_id] = known
        return known

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = PAGE_ROWS,
        backwards: bool = False,
        kinds: Collection[str] | None = None,
        payloads: bool = False,
    ) -> list[Record]:
        """Return a page of a run's log."""
        stretches = await self.lineage(run_id)
        name = f"{'events' if payloads else 'facts'}_{'down' if backwards else 'up'}"
        wanted = encode(sorted(kinds)) if kinds is not None else None
        last = RUN_EVENTS if until is None else until
        records: list[Record] = []
        for stretch in stretches if backwards else reversed(stretches):
            low, high = max(after, stretch.after), min(last, stretch.until)
            if low >= high or len(records) >= limit:
                continue
            rows = await self.fetch(
                name,
                run_no=stretch.run_no,
                after=low,
                until=high,
                limit=limit - len(records),
                kinds=wanted,
            )
            records.extend(Record(stretch.run_id, *row) for row in rows)
        return records

    async def read_workspace(self, *, after: int, limit: int) -> list[tuple[int, Record]]:
        """Return events of all runs behind a position."""
        rows = await self.fetch("workspace_events", after=after, limit=limit)
        return [(pos, Record(*record)) for pos, *record in rows]

    async def blob(self, ref: str) -> bytes:
        """Return a blob's content."""
        rows = await self.fetch("blob", ref=ref)
        if not rows or rows[0][0] is None:
            state = "was erased" if rows else "is not in this workspace"
            raise BlobNotFoundError(f"the blob {ref!r} {state}")
        content: bytes = rows[0][0]
        return content

    async def sealed_blob(self, ref: str) -> SealedBlob:
        """Return a blob with its salt."""
        content = await self.blob(ref)
        rows = await self.fetch("sealed_blob", ref=ref)
        return SealedBlob(ref, rows[0][0], content)

    async def heads(self, *, after: str, limit: int) -> list[Head]:
        """Return heads by run id."""
        rows = await self.fetch("heads", after=after, limit=limit)
        return [Head(run_id=run_id, seq=seq, hash=digest) for run_id, seq, digest in rows]

    async def checkpoint(self) -> Checkpoint:
        """Return the newest link; before the first event it is all zeros."""
        if self._standing is not None:
            self._standing.check()
        rows = await self.fetch("checkpoint")
        if not rows:
            message = f"{self._path!r} has lost the id of its workspace: restore a backup"
            raise StoreCorruptError(message)
        workspace_id, position, link = rows[0]
        text = link.hex() if link is not None else NO_LINK
        name = workspace_id.decode(errors="replace")
        return Checkpoint(workspace_id=name, position=position, link=text)

    async def stands(self, noted: Checkpoint) -> bool:
        """Tell whether what a checkpoint was taken of still stands as it stood."""
        workspace_id = (await self.checkpoint()).workspace_id
        rows = await self.fetch("link_at", pos=noted.position)
        link = rows[0][0].hex() if rows else NO_LINK if noted.position == 0 else None
        return (noted.workspace_id, noted.link) == (workspace_id, link)

    async def projections(self, run_id: str) -> ProjectionRows:
        """Return all stored rows of a run."""
        rows = await self.fetch("projections", run_id=run_id)
        if not rows:
            raise RunNotFoundError(f"there is no run {run_id!r} in this workspace")
        run_no, fleet, *places = rows[0]
        inbox, context, steps, ledger = [
            await self.fetch(name, run_no=run_no)
            for name in ("inbox_of_run", "context_of_run", "steps_of_run", "ledger_of_run")
        ]
        with rebuildable(self._path):
            return ProjectionRows(
                fleet=_at_its_place(FleetRow, fleet, _FLEET_PLACES, places),
                inbox_opened=tuple(
                    _at_its_place(InboxRow, item, _INBOX_PLACES, found) for item, *found in inbox
                ),
                context=tuple(map(ContextRow._make, context)),
                steps=tuple(map(StepRow._make, steps)),
                ledger=tuple(map(LedgerRow._make, ledger)),
            )

    def rebuildable(self) -> AbstractContextManager[None]:
        """Say of stored rows that cannot be read how they are made anew."""
        return rebuildable(self._path)

    async def context(
        self, run_id: str, thread: int, *, before: int | None, limit: int
    ) -> list[ContextRow]:
        """Return a page of a conversation; a thread begun in a shared prefix stands there."""
        owner = next((s for s in await self.lineage(run_id) if s.after < thread <= s.until), None)
        if owner is None:
            return []
        rows = await self.fetch(
            "context",
            run_no=owner.run_no,
            thread=thread,
            before=RUN_EVENTS if before is None else before,
            limit=limit,
        )
        return list(map(ContextRow._make, reversed(rows)))

    async def step(self, run_id: str, step_key: str, *, until: int | None = None) -> StepRow | None:
        """Return a step of a run, or of the prefix it shares."""
        for stretch in await self.lineage(run_id):
            last = stretch.until if until is None else min(stretch.until, until)
            rows = await self.fetch("step", run_no=stretch.run_no, step_key=step_key, until=last)
            if rows:
                step = StepRow._make(rows[0])
                ended_later = step.completed_seq is not None and step.completed_seq > last
                return step._replace(completed_seq=None) if ended_later else step
        return None

    async def accounts(self, names: Collection[str]) -> dict[str, Account]:
        """Return accounts by name, empty ones for those that were never used."""
        rows = await self.fetch("accounts", names=encode(sorted(names)))
        found = {name: Account(account=name) for name in names}
        found |= {row[0]: account_of(row) for row in rows}
        return found

    async def ledger(self, where: LedgerFilter) -> list[LedgerLine]:
        """Return sums of the ledger, one line for each value of what they are parted by."""
        by = where.by
        rows = await self.fetch(
            "ledger",
            by_run="run" in by,
            by_time="day" if "day" in by else "month" if "month" in by else None,
            by_name="name" in by,
            by_tenant="tenant" in by,
            by_person="person" in by,
            by_agent="agent" in by,
            run_id=where.run_id,
            since=where.since,
            until=where.until,
            tenant=where.tenant,
            person=where.person,
            agent=where.agent,
            kind=where.kind,
            called=where.name,
        )
        return [LedgerLine(run_id, LedgerRow._make(row)) for run_id, *row in rows]

    async def snapshot(
        self, run_id: str, *, fold_version: int, until: int | None
    ) -> Snapshot | None:
        """Return the newest snapshot of a run, or of the prefix it shares."""
        last = RUN_EVENTS if until is None else until
        for stretch in await self.lineage(run_id):
            rows = await self.fetch(
                "snapshot",
                run_no=stretch.run_no,
                until=min(last, stretch.until),
                fold_version=fold_version,
            )
            if rows:
                seq, digest, version, state = rows[0]
                return Snapshot(
                    run_id=stretch.run_id,
                    seq=seq,
                    hash=digest,
                    fold_version=version,
                    state=state,
                )
        return None


def _at_its_place(
    kind: type[Row], text: str, names: Sequence[str], places: Sequence[object]
) -> Row:
    """Return a stored row, if it says the same as the columns that it is found by."""
    (row,) = rows_of(kind, [text])
    for name, place in zip(names, places, strict=True):
        if getattr(row, name) != place:
            message = f"its {name} is {getattr(row, name)!r}; it stands at {place!r}"
            raise ValueError(message)
    return row


def page_cursor(*parts: object) -> str:
    """Return a cursor for the caller to hand back; its content is nobody else's business."""
    return json.dumps(parts)
