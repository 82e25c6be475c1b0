"""Turning what SQLite says into the kernel's errors, once, at the edge."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from quarterdeck_kernel import errors

_PRIMARY = 0xFF


def translated(error: sqlite3.Error, path: str) -> errors.QuarterdeckError:
    """Return the kernel's error for a driver's, with what a person can do about it."""
    code = getattr(error, "sqlite_errorcode", None)
    match code & _PRIMARY if isinstance(code, int) else None:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return errors.StoreBusyError(
                f"another process keeps {path!r} locked; close what holds it and try again"
            )
        case sqlite3.SQLITE_FULL:
            return errors.StoreFullError(
                f"there is no room left for {path!r}; free some space, then try again: "
                "nothing was written by halves"
            )
        case sqlite3.SQLITE_IOERR:
            return errors.StoreDiskError(
                f"the disk refused to read or write {path!r} ({error}); look at the space left, "
                "at size limits of this process and at the disk: nothing was written by halves"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return errors.StoreUnwritableError(
                f"{path!r} cannot be written; give yourself write permission"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return errors.StoreMissingError(
                f"{path!r} cannot be opened; check that its folder exists and may be written"
            )
        case sqlite3.SQLITE_NOTADB:
            return errors.StoreForeignError(
                f"{path!r} is not a database; choose another file or move this one away"
            )
        case sqlite3.SQLITE_CORRUPT:
            return errors.StoreCorruptError(
                f"{path!r} is damaged ({error}); restore a backup, or recover what can be read "
                "with sqlite3's .recover"
            )
        case _ if "decode to UTF-8" in str(error):
            return errors.StoreCorruptError(
                f"{path!r} is damaged: a text in it is no text any more; `verify` "
                "names the event, a backup has it whole"
            )
        case _ if "closed database" in str(error) or "no active connection" in str(error):
            return errors.StoreClosedError(f"the store {path!r} was closed")
        case _:
            return errors.StoreError(f"SQLite refused ({error}) on {path!r}")


def os_error(error: OSError, path: str) -> errors.StoreError:
    """Return the kernel's error for what the operating system said of a file or folder."""
    reason = error.strerror or str(error)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return errors.StoreFullError(f"there is no room left for {path!r}; free some space")
        case errno.EIO | errno.EFBIG:
            return errors.StoreDiskError(
                f"the disk refused to write {path!r} ({reason}); look at the disk and at size "
                "limits of this process"
            )
        case _:
            return errors.StoreUnwritableError(
                f"{path!r} cannot be used ({reason}); change its permissions or name another"
            )


@contextmanager
def driver_errors(path: str) -> Iterator[None]:
    """Translate whatever the driver raises inside."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except (OverflowError, UnicodeEncodeError) as error:
        # A number of more than 64 bits, a name that is no UTF-8: no row can hold it.
        message = f"{path!r} cannot be asked for this ({error}); nothing in it has such a value"
        raise errors.InvalidError(message) from error
    except ValueError as error:
        # aiosqlite says so, and nothing more specific, when its connection is gone.
        if "no active connection" not in str(error) and "closed" not in str(error):
            raise
        raise errors.StoreClosedError(f"the store {path!r} was closed") from error


@contextmanager
def rebuildable(path: str) -> Iterator[None]:
    """Translate what damaged rows raise that can be made anew from the log."""
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise errors.StoreCorruptError(
            f"a row of {path!r} that follows from the log is damaged; `verify` names "
            "its run, `rebuild` makes it anew"
        ) from error
