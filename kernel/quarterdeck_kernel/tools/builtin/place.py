"""Changing one file: all of it or nothing, once, and so that it can be undone.

While a place is open no other tool changes a file in its folder. The new content is written beside
the old, flushed, and takes its name; what was there before is kept by then.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.errors import PermanentToolError, TransientToolError
from quarterdeck_kernel.tools.builtin.bounds import FILE_BYTES, LOCK_S
from quarterdeck_kernel.tools.builtin.refusals import refused
from quarterdeck_kernel.tools.builtin.root import OURS, Root
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.report import FileChange, Operation, Report, sha256_of

_LOOK_EVERY_S = 0.02
_NEW_MODE = 0o666
_WRITABLE = 0o222

_Stamp = tuple[int, int, int, int]


class Place:
    """One name in an open folder, which is locked, and what stands there now."""

    def __init__(self, root: Root, folder_fd: int, name: str, path: str) -> None:
        self._root = root
        self._folder_fd = folder_fd
        self._name = name
        self.path = path
        self._mode: int | None = None
        self._stamp = self._look()
        self.content = self._read()

    @property
    def sha256(self) -> str | None:
        """Return the hash of what stands there, or None where nothing does."""
        return None if self.content is None else sha256_of(self.content)

    def replace(self, content: bytes | None, report: Report, *, draft: str) -> None:
        """Put content there, or with None take the file away; `draft` names what is unfinished."""
        change = FileChange(
            path=self.path,
            operation="written" if content is not None else "deleted",
            before=self.sha256,
            after=None if content is None else sha256_of(content),
            size=len(content or b""),
        )
        for kept in (self.content, content):
            if kept is not None:
                report.keep(kept)
        try:
            if content is None:
                report.change(change, self._remove)
            else:
                self._write(content, f"{OURS}{draft}.tmp", change, report)
            os.fsync(self._folder_fd)
        except OSError as error:
            raise refused(error, self.path) from error

    def made_before(self, before: str | None, report: Report) -> None:
        """Report what an earlier try of the same call has made of this place."""
        operation: Operation = "written" if self.content is not None else "deleted"
        size = len(self.content or b"")
        change = FileChange(
            path=self.path, operation=operation, before=before, after=self.sha256, size=size
        )
        report.found(change)

    def _write(self, content: bytes, draft: str, change: FileChange, report: Report) -> None:
        # Left by a try that was killed: it holds nothing that is not written anew.
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=self._folder_fd)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(draft, flags, _NEW_MODE, dir_fd=self._folder_fd)
        try:
            with os.fdopen(fd, "wb") as file:
                if self._mode is not None:
                    os.fchmod(fd, self._mode)
                file.write(content)
                file.flush()
                os.fsync(fd)
            report.change(change, lambda: self._rename(draft))
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=self._folder_fd)
            raise

    def _rename(self, draft: str) -> None:
        self._check_still()
        crash_point("tools.file.before")
        os.replace(draft, self._name, src_dir_fd=self._folder_fd, dst_dir_fd=self._folder_fd)
        crash_point("tools.file.after")

    def _remove(self) -> None:
        self._check_still()
        crash_point("tools.file.before")
        os.unlink(self._name, dir_fd=self._folder_fd)
        crash_point("tools.file.after")

    def _check_still(self) -> None:
        if self._look() != self._stamp:
            raise PermanentToolError(
                f"{shown(self.path)} was changed by somebody else meanwhile; read it again"
            )

    def _look(self) -> _Stamp | None:
        try:
            status = os.stat(self._name, dir_fd=self._folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused(error, self.path) from error
        self._root.check_kind(status, self.path)
        self._mode = stat.S_IMODE(status.st_mode) & 0o777
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _read(self) -> bytes | None:
        if self._stamp is None or self._mode is None:
            return None
        if not self._mode & _WRITABLE:
            raise PermanentToolError(f"{shown(self.path)} is read-only; leave it as it is")
        with self._root.file_in(self._folder_fd, self._name, self.path) as file:
            if file.status.st_size > FILE_BYTES:
                raise PermanentToolError(
                    f"{shown(self.path)} has {file.status.st_size:,} bytes; files of more than "
                    f"{FILE_BYTES:,} are not changed, because what they held could not be kept"
                )
            with os.fdopen(os.dup(file.fd), "rb") as opened:
                return opened.read(FILE_BYTES + 1)


@contextmanager
def place(root: Root, path: str, *, create: bool = False) -> Iterator[Place]:
    """Open a place; with `create` the folders on the way to it are made."""
    folders, name = root.file_parts(path)
    with root.folder(folders, create=create) as folder_fd:
        _lock(folder_fd, path)  # given back when the folder is closed
        yield Place(root, folder_fd, name, "/".join((*folders, name)))


def _lock(folder_fd: int, path: str) -> None:
    give_up_at = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(folder_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < give_up_at:
                time.sleep(_LOOK_EVERY_S)
                continue
            message = f"somebody else has locked the folder of {shown(path)} for {LOCK_S:g} s"
            raise TransientToolError(message) from None
        except OSError as error:
            raise refused(error, path) from error
        return
