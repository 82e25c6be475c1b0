"""The floors: the same bytes into one plain table, through the drivers and nothing else."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from quarterdeck_kernel.events.record import Record

_TABLE = "CREATE TABLE plain (n INTEGER PRIMARY KEY, header, salt, payload, hash)"
_ROW = "(?, ?, ?, ?)"
_INSERT = "INSERT INTO plain (header, salt, payload, hash) VALUES "
# No automatic checkpoints: ours happen beside the appends, so the floor gets none at all.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
)


def values(record: Record) -> tuple[str | bytes | None, ...]:
    """Return the bytes of an event."""
    return (record.header, record.salt, record.payload, record.hash)


class BareTable:
    """sqlite3: an INSERT in autocommit, in the calling thread."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for statement in (*_PRAGMAS, _TABLE):
            self._db.execute(statement)

    def insert(self, record: Record) -> None:
        """Insert one row; it is on disk when this returns."""
        self._db.execute(_INSERT + _ROW, values(record))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class BareAsyncTable:
    """aiosqlite: an INSERT in autocommit, one hop to the driver's thread and back."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    @classmethod
    async def open(cls, path: Path) -> "BareAsyncTable":
        """Open a file of its own."""
        db = await aiosqlite.connect(path, isolation_level=None)
        for statement in (*_PRAGMAS, _TABLE):
            await db.execute_fetchall(statement)
        return cls(db)

    async def insert(self, record: Record) -> None:
        """Insert one row; it is on disk when this returns."""
        await self._db.execute_fetchall(_INSERT + _ROW, values(record))

    async def insert_many(self, records: Sequence[Record]) -> None:
        """Insert rows with one statement and one flush."""
        rows = ", ".join([_ROW] * len(records))
        bound = [value for record in records for value in values(record)]
        await self._db.execute_fetchall(_INSERT + rows, bound)

    async def close(self) -> None:
        """Close the file."""
        await self._db.close()
