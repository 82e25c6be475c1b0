"""Opening connections: pragmas, the authorizer, the schema and its migrations."""

import sqlite3

import aiosqlite

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import (
    StoreForeignError,
    StoreTooNewError,
    StoreUnsupportedError,
)
from quarterdeck_kernel.store.chain_check import chain_link
from quarterdeck_kernel.store.sqlite.queries import sql_text
from quarterdeck_kernel.vocabulary.ids import new_id

APPLICATION_ID = 0x51444543
SCHEMA_VERSION = 1
BUSY_MS = 10_000
READ_CACHE_KIB = 16 * 1_024
"""What a reading connection may keep of the file: the rows of some 15,000 runs."""
_MIGRATIONS = {1: "schema"}
"""The script that leads to each schema version from the one before."""
_NEEDED = (3, 37, 0)
_SEALED = frozenset({"events", "blobs", "runs", "acts", "workspace"})


def check_version() -> None:
    """Refuse a SQLite that lacks what the append path is made of."""
    if sqlite3.sqlite_version_info < _NEEDED:
        needed = ".".join(map(str, _NEEDED))
        message = (
            f"this Python is linked with SQLite {sqlite3.sqlite_version}; Quarterdeck needs "
            f"{needed} or newer: install a newer Python"
        )
        raise StoreUnsupportedError(message)


def _authorize(
    action: int, table: str | None, _column: str | None, schema: str | None, source: str | None
) -> int:
    """Say whether a statement may be prepared on a writing connection.

    The sealed tables change only from inside the triggers of `append.sql`; leases are the one
    exception. Nothing is dropped or altered. REPLACE does not come by here: a trigger stops it.
    """
    match action:
        case sqlite3.SQLITE_ALTER_TABLE | sqlite3.SQLITE_ATTACH | sqlite3.SQLITE_DETACH:
            return sqlite3.SQLITE_DENY
        case sqlite3.SQLITE_PRAGMA if table == "writable_schema":
            return sqlite3.SQLITE_DENY
        case _ if schema != "main":
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_DELETE if table in _SEALED:
            whole = table in {"runs", "blobs"} and source == "delete_run"
            return sqlite3.SQLITE_OK if whole else sqlite3.SQLITE_DENY
        case sqlite3.SQLITE_INSERT if table in {"events", "runs", "acts", "workspace"}:
            return sqlite3.SQLITE_OK if source is not None else sqlite3.SQLITE_DENY
        case sqlite3.SQLITE_UPDATE if table in _SEALED:
            lease = table == "runs" and _column in {"epoch", "holder"}
            return sqlite3.SQLITE_OK if lease or source is not None else sqlite3.SQLITE_DENY
        case (
            sqlite3.SQLITE_DROP_TABLE
            | sqlite3.SQLITE_DROP_TRIGGER
            | sqlite3.SQLITE_DROP_INDEX
            | sqlite3.SQLITE_DROP_VIEW
        ):
            return sqlite3.SQLITE_DENY
        case _:
            return sqlite3.SQLITE_OK


_FOR_ALL = """
PRAGMA busy_timeout = {busy_ms};
PRAGMA wal_autocheckpoint = 0;
PRAGMA temp_store = MEMORY;
PRAGMA recursive_triggers = ON;
PRAGMA foreign_keys = OFF;
"""


async def connect(target: str, *, uri: bool = False) -> aiosqlite.Connection:
    """Open a connection in autocommit, with what every connection needs."""
    db = await aiosqlite.connect(target, isolation_level=None, uri=uri, cached_statements=256)
    try:
        await db.executescript(_FOR_ALL.format(busy_ms=BUSY_MS))
        await db.create_function("chain_link", 3, chain_link, deterministic=True)
        await db.create_function("casefold", 1, str.casefold, deterministic=True)
    except BaseException:
        await db.close()
        raise
    return db


async def _known_version(db: aiosqlite.Connection, path: str) -> int:
    """Return the schema version of a file of ours, or say why it cannot be used."""
    version, application, tables = [
        next(iter(await db.execute_fetchall(sql)))[0]
        for sql in (
            "PRAGMA user_version",
            "PRAGMA application_id",
            "SELECT count(*) FROM sqlite_schema",
        )
    ]
    if tables and application != APPLICATION_ID:
        message = f"{path!r} is a database of another program; choose another file"
        raise StoreForeignError(message)
    if version > SCHEMA_VERSION:
        message = (
            f"{path!r} was written by a newer Quarterdeck (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); update this installation"
        )
        raise StoreTooNewError(message)
    return int(version)


async def _migrate(db: aiosqlite.Connection, version: int) -> None:
    """Bring the file to today's schema.

    The caller holds the setup lock, so that two processes do not migrate at once.
    """
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = sql_text(_MIGRATIONS[number])
        if number == 1:
            script += f"INSERT INTO workspace VALUES (1, '{new_id()}');"  # noqa: S608 - an id of our own
        crash_point("store.migration.before")
        await db.executescript(
            f"BEGIN IMMEDIATE; {script}\nPRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {number}; COMMIT;"
        )
        crash_point("store.migration.after")


async def prepare_writer(db: aiosqlite.Connection, path: str, *, durable: bool) -> None:
    """Make a connection the writing one: durability, schema, append path, authorizer."""
    # Before the file has its first page: events of one to two kilobytes leave a fifth of a page of
    # 4 KB empty, and next to nothing of one of 16 KB.
    await db.execute_fetchall("PRAGMA page_size = 16384")
    # First of all: a file of another program is not to be touched.
    version = await _known_version(db, path)
    mode = next(iter(await db.execute_fetchall("PRAGMA journal_mode = WAL")))[0]
    if durable and mode != "wal":
        message = f"{path!r} cannot use a write-ahead log (got {mode!r}); choose a local disk"
        raise StoreUnsupportedError(message)
    await make_durable(db, durable=durable)
    await _migrate(db, version)
    await db.executescript(sql_text("append"))
    await db.set_authorizer(_authorize)


async def make_durable(db: aiosqlite.Connection, *, durable: bool) -> None:
    """Let commits wait until they are on the disk, and overwrite what is taken out."""
    word = "FULL" if durable else "OFF"
    await db.executescript(f"PRAGMA synchronous = {word}; PRAGMA secure_delete = ON;")


async def prepare_reader(db: aiosqlite.Connection) -> None:
    """Make a connection one that cannot write."""
    # The rows of a page of the fleet lie scattered over the file: with the default of 2 MB, which
    # is 120 of our pages, every look at it reads them all again.
    await db.executescript(f"PRAGMA cache_size = -{READ_CACHE_KIB}; PRAGMA query_only = ON;")
