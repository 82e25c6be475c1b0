"""The one task of a process that writes: a queue, and a group commit.

Every write of this adapter is a single statement in autocommit, executed by this task. So no
transaction is ever open between two awaits, a cancelled caller cannot leave one behind, and all
appends that gathered while the disk was busy share the next flush.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiosqlite

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import (
    HeadMovedError,
    InvalidError,
    QuarterdeckError,
    StoreClosedError,
    StoreUnwritableError,
)
from quarterdeck_kernel.store.batch import Batch, Creation, Unleased
from quarterdeck_kernel.store.sqlite.bound import COLUMNS, bound_rows, moves_text
from quarterdeck_kernel.store.sqlite.outcome import Outcome
from quarterdeck_kernel.store.sqlite.queries import named_queries
from quarterdeck_kernel.store.sqlite.reader import Rows
from quarterdeck_kernel.store.sqlite.refusal import refusal_of
from quarterdeck_kernel.store.sqlite.standing import Standing
from quarterdeck_kernel.store.sqlite.translate import translated
from quarterdeck_kernel.vocabulary.limits import GROUP_BYTES, GROUP_EVENTS

_BLOB_ERASED = "the blob was erased"
"""What `append.sql` says of an event whose content was erased while it was on its way."""
_ONE_ROW = f"({', '.join('?' * COLUMNS)})"


@dataclass(slots=True)
class _Append:
    batch: Batch
    rows: Sequence[Sequence[object]]
    bytes: int
    outcome: Outcome[None] = field(default_factory=Outcome)


@dataclass(slots=True)
class _Statement:
    name: str
    values: Mapping[str, object]
    outcome: Outcome[Rows] = field(default_factory=Outcome)


class Writer:
    """Executes writes in the order they were handed in; appends next to each other as one."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        path: str,
        on_commit: Callable[[], None],
        *,
        readonly: bool = False,
        standing: Standing | None = None,
    ) -> None:
        self._db = db
        self._standing = standing
        self._readonly = readonly
        self._path = path
        self._on_commit = on_commit
        self._queue: deque[_Append | _Statement] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._under_way: list[_Append | _Statement] = []
        self._closed = False
        self._task = asyncio.create_task(self._work(), name="quarterdeck-writer")

    async def append(self, batch: Batch) -> None:
        """Store a batch, or raise what it lost to."""
        size = sum(len(r.header) + len(r.payload or "") for r in batch.records)
        job = _Append(batch, bound_rows(batch), size)
        self._hand_in(job)
        await job.outcome.wait()

    async def execute(self, name: str, **values: object) -> Rows:
        """Execute one named statement and return its rows."""
        job = _Statement(name, values)
        self._hand_in(job)
        return await job.outcome.wait()

    def check(self) -> None:
        """Raise why nothing can be written, if nothing can."""
        if self._closed:
            raise StoreClosedError(f"the store {self._path!r} was closed")
        if self._readonly:
            raise StoreUnwritableError(
                f"{self._path!r} was opened only to be looked at, so nothing was changed; open it "
                "to be written, and do that again"
            )
        if self._standing is not None:
            self._standing.check()

    def _hand_in(self, job: _Append | _Statement) -> None:
        self.check()
        self._queue.append(job)
        self._wake()

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def close(self) -> None:
        """Finish what was handed in, then stop."""
        self._closed = True
        self._wake()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()

    async def _work(self) -> None:
        try:
            while await self._anything():
                job = self._queue.popleft()
                if isinstance(job, _Statement):
                    self._under_way = [job]
                    await self._execute(job)
                else:
                    group = self._gathered(job)
                    self._under_way = [*group]
                    await self._commit(group)
        except BaseException as error:
            self._abandon(error)
            raise

    def _abandon(self, error: BaseException) -> None:
        """Leave nobody waiting when the task itself is ended: with its loop, or by a test."""
        self._closed = True
        jobs = [*self._under_way, *self._queue]
        self._queue.clear()
        if isinstance(error, asyncio.CancelledError):
            error = StoreClosedError(
                f"{self._path!r} was given up with its event loop; read the run to see what of the "
                "last append was stored"
            )
        for job in jobs:
            if not job.outcome.known:
                job.outcome.fail(error)

    async def _anything(self) -> bool:
        """Wait for a job; False once there is none and none will come."""
        while not self._queue and not self._closed:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        return bool(self._queue)

    def _gathered(self, first: _Append) -> list[_Append]:
        """Return the appends that wait right behind the first, as far as one flush may carry."""
        group, events, size = [first], len(first.rows), first.bytes
        while self._queue:
            job = self._queue[0]
            if not isinstance(job, _Append):
                break
            events += len(job.rows)
            size += job.bytes
            if events > GROUP_EVENTS or size > GROUP_BYTES:
                break
            group.append(job)
            self._queue.popleft()
        return group

    async def _execute(self, job: _Statement) -> None:
        crash_point(f"store.{job.name}.before")
        try:
            rows = await self._fetch(named_queries()[job.name], job.values)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits; the task must go on
            job.outcome.fail(self._told(error))
            return
        crash_point(f"store.{job.name}.after")
        job.outcome.succeed(rows)

    async def _commit(self, group: list[_Append]) -> None:
        crash_point("store.commit.before")
        try:
            accepted = await self._insert(group)
        except Exception as error:  # noqa: BLE001 - handed to those who wait; the task must go on
            await self._failed(group, error)
            return
        crash_point("store.commit.after")
        stored = False
        for number, job in enumerate(group):
            if accepted[number] == len(job.rows):
                job.outcome.succeed(None)
                stored = True
            else:
                job.outcome.fail(await self._refusal(job.batch))
        if stored:
            self._on_commit()

    async def _insert(self, group: list[_Append]) -> list[int]:
        """Insert any number of batches at once; return how many rows of each got in.

        The number of rows is rounded up to a power of two with empty ones, which the trigger
        passes over, so that few statement texts exist and all stay prepared.
        """
        count = sum(len(job.rows) for job in group)
        places = 1 << (count - 1).bit_length()
        values: list[object] = []
        for number, job in enumerate(group):
            for row in job.rows:
                values.append(number)
                values += row
        values += [None] * (COLUMNS * (places - count))
        places_text = ", ".join([_ONE_ROW] * places)
        sql = f"{named_queries()['append_columns']} {places_text} RETURNING ord"
        accepted = [0] * len(group)
        for (number,) in await self._fetch(sql, values):
            if number is not None:
                accepted[number] += 1
        return accepted

    async def _failed(self, group: list[_Append], error: Exception) -> None:
        """Tell everyone, unless one batch of several may be to blame: then try them alone."""
        if not isinstance(error, QuarterdeckError) and len(group) > 1:
            for job in group:
                await self._commit([job])
            return
        for job in group:
            job.outcome.fail(self._told(error))

    def _told(self, error: Exception) -> Exception:
        """Return the kernel's error for what the driver would not take."""
        if isinstance(error, sqlite3.IntegrityError) and str(error) == _BLOB_ERASED:
            return HeadMovedError(
                "what an event keeps as a blob was erased before the event was stored; decide "
                "again, and it is kept anew"
            )
        if isinstance(error, sqlite3.Error | OverflowError | UnicodeError):
            return InvalidError(f"{self._path!r} cannot keep this ({error}): nothing was changed")
        if isinstance(error, ValueError):
            return StoreClosedError(f"the store {self._path!r} was closed")
        return error

    async def _refusal(self, batch: Batch) -> Exception:
        creation = batch.authority if isinstance(batch.authority, Creation) else None
        values = {
            "run_id": batch.run_id,
            "tenant": creation and creation.tenant,
            "key": creation and creation.idempotency_key,
            "stands": batch.authority.stands if isinstance(batch.authority, Unleased) else None,
            "moves": moves_text(batch),
        }
        try:
            return refusal_of(batch, (await self._fetch(named_queries()["why_refused"], values))[0])
        except QuarterdeckError as error:
            return error

    async def _fetch(self, sql: str, values: Mapping[str, object] | Sequence[object]) -> Rows:
        try:
            rows = await self._db.execute_fetchall(sql, values)
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError):
            raise
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        return [tuple(row) for row in rows]
