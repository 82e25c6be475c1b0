"""A copy of the whole database, made while it is in use."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite

from quarterdeck_kernel.errors import StoreMissingError, StoreUnwritableError
from quarterdeck_kernel.store.sqlite import connection
from quarterdeck_kernel.store.sqlite.translate import driver_errors, os_error


async def back_up(source: Path, target: Path) -> None:
    """Copy a database into a new file, which is there whole or not at all.

    In a thread and through a connection of its own: other reads do not wait, and a caller that is
    cancelled leaves no half of a copy. In one step: a copy made in several begins anew with every
    commit in between, and may never end.
    """
    await asyncio.to_thread(_back_up, source, target)


def _back_up(source: Path, target: Path) -> None:
    _make(target)
    try:
        with (
            driver_errors(str(target)),
            closing(sqlite3.connect(source, isolation_level=None)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            origin.execute(f"PRAGMA busy_timeout = {connection.BUSY_MS}")
            origin.execute("PRAGMA wal_autocheckpoint = 0")
            origin.backup(copy, pages=-1)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


async def back_up_memory(db: aiosqlite.Connection, target: Path) -> None:
    """Copy a database that only its connection can see."""
    await asyncio.to_thread(_make, target)
    # The driver's thread fills it, and must have finished with it before it is closed.
    with closing(sqlite3.connect(target, check_same_thread=False)) as copy:
        try:
            await db.backup(copy, pages=-1)
        finally:
            await db.execute_fetchall("SELECT 1")


def _make(target: Path) -> None:
    """Make the file: nobody else's, and nothing that was there before."""
    if not target.parent.is_dir():
        raise StoreMissingError(f"there is no folder {str(target.parent)!r}; create it first")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        message = f"{str(target)!r} exists; name a file that does not"
        raise StoreUnwritableError(message) from error
    except OSError as error:
        raise os_error(error, str(target)) from error
