"""Opening a database: the folder, the connections, the schema, and what the sidecar remembers."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosqlite

from quarterdeck_kernel.errors import (
    StoreBusyError,
    StoreMissingError,
    StoreRewoundError,
    StoreUnwritableError,
)
from quarterdeck_kernel.store.sqlite import connection
from quarterdeck_kernel.store.sqlite.connection import (
    check_version,
    connect,
    prepare_reader,
    prepare_writer,
)
from quarterdeck_kernel.store.sqlite.folder import LockFile, Sidecar, prepare
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.standing import Standing
from quarterdeck_kernel.store.sqlite.translate import driver_errors, os_error

MEMORY: Literal[":memory:"] = ":memory:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The open connections of a store and the files beside its database.

    In memory there is one connection for everything, and no file.
    """

    name: str
    write_db: aiosqlite.Connection
    read_db: aiosqlite.Connection
    path: Path | None = None
    locks: Path | None = None
    durable: bool = True
    sidecar: Sidecar | None = None
    standing: Standing | None = None

    async def close(self) -> None:
        """Close the connections that reads and writes go through."""
        try:
            if self.read_db is not self.write_db:
                await self.read_db.close()
        finally:
            await self.write_db.close()


async def open_parts(
    path: Path | Literal[":memory:"], *, create: bool, durable: bool = True
) -> Parts:
    """Open the connections; make the database if there is none and `create` allows it.

    One that is not `durable` is not waited for to be on the disk: it goes with its process.
    """
    check_version()
    if path == MEMORY:
        db = await connect(MEMORY)
        try:
            await prepare_writer(db, MEMORY, durable=False)
        except BaseException:
            await db.close()
            raise
        return Parts(name=MEMORY, write_db=db, read_db=db)
    database = Path(path)
    await asyncio.to_thread(_look_at, database, create=create)
    locks = database.parent / "locks"
    setup = LockFile(locks / "setup.lock")
    if not await setup.acquire_within(connection.BUSY_MS):
        raise StoreBusyError(
            f"another process keeps {str(database)!r} locked while it opens it; end that process "
            "and try again"
        )
    opened: list[aiosqlite.Connection] = []
    try:
        with driver_errors(str(database)):
            for _ in range(2):
                opened.append(await connect(str(database)))  # noqa: PERF401 - closed one by one if a later one fails
            await prepare_writer(opened[0], str(database), durable=durable)
            await prepare_reader(opened[1])
    except BaseException:
        for db in opened:
            await db.close()
        raise
    finally:
        setup.release()
    return Parts(
        name=str(database),
        write_db=opened[0],
        read_db=opened[1],
        path=database,
        locks=locks,
        durable=durable,
        sidecar=Sidecar(database.with_name(database.name + ".head")),
        standing=Standing(database),
    )


async def check_sidecar(parts: Parts, reader: Reader, *, accept_rewound: bool) -> None:
    """Refuse a database that is older than what its sidecar remembers of it."""
    if parts.sidecar is None:
        return
    newest = await reader.checkpoint()
    try:
        noted = await asyncio.to_thread(parts.sidecar.read)
    except StoreRewoundError:
        if not accept_rewound:
            raise
        await asyncio.to_thread(parts.sidecar.write, newest)
        return
    if noted is None or await reader.stands(noted):
        return
    if not accept_rewound:
        raise StoreRewoundError(
            f"{parts.name!r} ends at position {newest.position} and is not the database that "
            f"reached {noted.position}: an older copy, or one made without its -wal file. What ran "
            "since then might run again. Put the newer file back, or accept this one on purpose"
        )
    await asyncio.to_thread(parts.sidecar.write, newest)


def _look_at(database: Path, *, create: bool) -> None:
    """Check the folder and the file before SQLite touches them."""
    prepare(database.parent, create=create)
    if database.is_dir():
        raise StoreUnwritableError(f"{str(database)!r} is a folder; name a file")
    if not database.exists():
        if not create:
            raise StoreMissingError(
                f"there is no database {str(database)!r}: nothing was begun here yet; begin a run, "
                "or name another workspace"
            )
        # SQLite gives its further files the permissions of this one.
        try:
            os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise os_error(error, str(database)) from error
    elif not os.access(database, os.W_OK):
        raise StoreUnwritableError(
            f"{str(database)!r} cannot be written; give yourself write permission"
        )
