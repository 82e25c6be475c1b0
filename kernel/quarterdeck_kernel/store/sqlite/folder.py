"""The folder of a workspace: who may read it, what it lies on, who lives in it.

Owns everything beside the database file: permissions, the refusal of network file systems, the
lock files that tell at once that a process died, and the sidecar that remembers the newest link.
"""

import asyncio
import fcntl
import itertools
import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import IO

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import (
    StoreMissingError,
    StoreRewoundError,
    StoreUnsupportedError,
    StoreUnwritableError,
)
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.sqlite.translate import os_error

DATABASE = "quarterdeck.db"
_OURS = ("quarterdeck.", "locks", "files")
_OTHERS = 0o077
LOOK_EVERY_MS = 20
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
"""How a mount table writes blanks, line breaks and backslashes."""
_NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs", "afs", "ceph", "fuse.ceph",
        "glusterfs", "fuse.glusterfs", "lustre", "gfs2", "ocfs2", "davfs", "fuse.davfs",
        "fuse.s3fs", "fuse.rclone", "beegfs", "gpfs", "ncpfs", "coda",
    }
)  # fmt: skip


def file_system_of(path: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds `path`, by a mount table of Linux."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        left, parted, right = line.partition(" - ")
        fields = left.split()
        if not parted or len(fields) < 5:  # noqa: PLR2004 - the fifth field is the mount point
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
        inside = point == "/" or path == Path(point) or Path(point) in path.parents
        if inside and (best is None or len(point) >= best[0]):
            best = (len(point), right.split()[0])
    return best[1] if best else None


def refuse_network(folder: Path, mounts: str | None = None) -> None:
    """Refuse a folder whose file system does not keep SQLite's locks between machines."""
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    kind = file_system_of(folder.resolve(), mounts)
    if kind in _NETWORK:
        message = (
            f"{str(folder)!r} lies on a network file system ({kind}), where SQLite's locks do not "
            "hold; choose a folder on a local disk"
        )
        raise StoreUnsupportedError(message)


def prepare(folder: Path, *, create: bool) -> None:
    """Make or check the folder: it must exist, be writable, local, and closed to others."""
    try:
        if create:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.is_dir():
            message = f"there is no folder {str(folder)!r}; create it, or name another workspace"
            raise StoreMissingError(message)
        refuse_network(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            message = f"the folder {str(folder)!r} cannot be written; change its permissions"
            raise StoreUnwritableError(message)
        if folder.stat().st_mode & _OTHERS:
            _close_to_others(folder)
        (folder / "locks").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise os_error(error, str(error.filename or folder)) from error


def _close_to_others(folder: Path) -> None:
    # Never on a folder that has a life of its own: a home, or /tmp.
    if all(entry.name.startswith(_OURS) for entry in folder.iterdir()):
        folder.chmod(0o700)
        return
    message = (
        f"the folder {str(folder)!r} is open to other users and holds more than a workspace; "
        f"close it with `chmod 700 {shlex.quote(str(folder.absolute()))}`, or name an empty folder"
    )
    raise StoreUnwritableError(message)


class LockFile:
    """A lock that the operating system takes back when its process ends, however it ends.

    `flock` and not `lockf`: it belongs to the open file, so that two stores of one process see
    each other. A child made by fork shares it; then only the lease's deadline tells.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take the lock; tell whether it is held now."""
        if self._file is not None:
            return True
        try:
            file = self._path.open("ab")
        except OSError as error:
            raise os_error(error, str(self._path)) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    async def acquire_within(self, limit_ms: int) -> bool:
        """Take the lock, waiting for it if need be; tell whether it is held now."""
        for _ in range(1 + limit_ms // LOOK_EVERY_MS):
            if self.acquire():
                return True
            # The operating system would wait in a thread that nobody can call back.
            await asyncio.sleep(LOOK_EVERY_MS / 1000)
        return False

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back."""
        if self._file is not None:
            if remove:
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def holder_died(path: Path) -> bool:
    """Tell whether nobody holds the lock file any more: its process has ended."""
    try:
        with path.open("rb") as file:
            # Shared, so that two who look at once do not take each other for the holder.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


class Sidecar:
    """The newest link of the chain, in a file beside the database.

    It survives what happens to the database file: a copy without its WAL or an older backup put
    in its place ends before what the sidecar remembers.
    """

    _drafts = itertools.count()

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Checkpoint | None:
        """Return what was remembered, if anything."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise os_error(error, str(self._path)) from error
        noted = Checkpoint.parse(text)
        if noted is None:
            raise StoreRewoundError(
                f"{str(self._path)!r}, which remembers how far the database came, is damaged: "
                "nobody can tell whether an older copy stands beside it. Compare with heads kept "
                "elsewhere, or accept this database on purpose"
            )
        return noted

    def write(self, checkpoint: Checkpoint) -> None:
        """Remember a link, atomically. A full disk costs the memory, never the commit."""
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}-{next(self._drafts)}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(f"{checkpoint}\n")
                file.flush()
                os.fsync(file.fileno())
            crash_point("store.sidecar.before")
            draft.replace(self._path)
            crash_point("store.sidecar.after")
        except OSError:
            with suppress(OSError):
                draft.unlink()
