"""A SQLite file inside the root, opened for somebody who may only do what they say they do.

What a statement may do is decided by SQLite's own authorizer, not by looking at its text: reading
alone, or changing as well; in neither case another file, an extension, or a setting of the file.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from quarterdeck_kernel.errors import PermanentToolError, TransientToolError
from quarterdeck_kernel.tools.builtin.bounds import SQL_BUSY_S, SQL_S, SQL_VALUE_BYTES
from quarterdeck_kernel.tools.builtin.root import Root, identity_of
from quarterdeck_kernel.tools.plain import shown

_STEPS = 10_000
_BESIDE = ("-journal", "-wal", "-shm")
_MAGIC = b"SQLite format 3\0"

_READS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    }
)
_CHANGES = _READS | {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_TRIGGER,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_ALTER_TABLE,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_ANALYZE,
}
_ASKED = frozenset(
    {
        "data_version",
        "foreign_key_list",
        "index_info",
        "index_list",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
"""Pragmas that only tell."""
_NEVER = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})


@contextmanager
def database(
    root: Root, path: str, *, writing: bool, limit_s: float = SQL_S
) -> Iterator[sqlite3.Connection]:
    """Open a database that exists; translate what SQLite raises into what a tool does."""
    folders, name = root.file_parts(path)
    with root.folder(folders) as folder_fd, root.file_in(folder_fd, name, path) as file:
        _check_beside(root, folder_fd, name)
        head = os.pread(file.fd, len(_MAGIC), 0)
        if head and head != _MAGIC:
            raise PermanentToolError(f"{shown(path)} is no SQLite database")
        real = root.path.joinpath(*folders, name)
        with closing(_connected(real, writing=writing)) as connection:
            # SQLite opens by name: what it has opened must be what was looked at.
            with root.file_in(folder_fd, name, path) as again, root.file(path) as named:
                seen = {identity_of(one.status) for one in (file, again, named)}
            if len(seen) > 1:
                raise PermanentToolError(f"{shown(path)} was replaced while it was opened")
            try:
                _restrict(connection, _CHANGES if writing else _READS, limit_s)
                yield connection
            except sqlite3.Error as error:
                raise told(error, path, limit_s) from error


def told(error: sqlite3.Error, path: str, limit_s: float) -> Exception:
    """Return what a tool raises for an error of SQLite, when nothing was committed."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return TransientToolError(f"somebody else is writing to {shown(path)}; try again")
        case sqlite3.SQLITE_INTERRUPT:
            return PermanentToolError(
                f"the statement took more than {limit_s:g} s and was stopped; ask for less"
            )
        case sqlite3.SQLITE_AUTH:
            return PermanentToolError(
                f"this is not allowed here ({error}): query_sql only reads, change_sql changes "
                "tables and rows; neither touches other files, extensions or settings"
            )
        case sqlite3.SQLITE_READONLY:
            return PermanentToolError(f"{shown(path)} can only be read here; use change_sql")
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
            return TransientToolError(f"SQLite cannot go on with {shown(path)} now: {error}")
        case _:
            return PermanentToolError(f"SQLite says of {shown(path)}: {error}")


def _connected(path: Path, *, writing: bool) -> sqlite3.Connection:
    mode = "rw" if writing else "ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=SQL_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, SQL_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def _restrict(connection: sqlite3.Connection, allowed: frozenset[int], limit_s: float) -> None:
    if not allowed > _READS:
        connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")

    def authorize(action: int, first: str | None, second: str | None, *_more: object) -> int:
        if action == sqlite3.SQLITE_PRAGMA:
            allow = (first or "").lower() in _ASKED
        elif action == sqlite3.SQLITE_FUNCTION:
            allow = (second or "").lower() not in _NEVER
        else:
            allow = action in allowed
        return sqlite3.SQLITE_OK if allow else sqlite3.SQLITE_DENY

    if allowed > _READS:
        connection.execute("BEGIN IMMEDIATE")
    until = time.monotonic() + limit_s
    connection.set_authorizer(authorize)
    connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)


def commit(connection: sqlite3.Connection) -> None:
    """End the transaction of whoever was writing, as a statement of our own."""
    connection.set_authorizer(None)
    connection.set_progress_handler(None, 0)
    try:
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if connection.in_transaction:
            raise  # nothing was committed
        raise RuntimeError(f"whether this was committed is not known: {error}") from error


def _check_beside(root: Root, folder_fd: int, name: str) -> None:
    """Refuse links where SQLite keeps its journal: it would follow them."""
    for ending in _BESIDE:
        try:
            status = os.stat(f"{name}{ending}", dir_fd=folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        root.check_kind(status, f"{name}{ending}")
