"""The folder that file tools see, and the only way from a name in it to an open file.

A path is walked from the root's own descriptor, one name at a time, and no link is followed: so
nothing that is swapped between a look and its use leads outside. Nothing else opens files for
tools. What is private (a workspace's database, settings and keys) is known by its identity, so
that no other name leads to it either.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from quarterdeck_kernel.errors import InvalidError, PermanentToolError
from quarterdeck_kernel.tools.builtin.refusals import refused
from quarterdeck_kernel.tools.plain import shown

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

OURS = ".quarterdeck-"
"""How the names of our own unfinished files begin; no tool lists or touches them."""

Identity = tuple[int, int]


class OpenFile(NamedTuple):
    """A regular file, open for reading."""

    fd: int
    status: os.stat_result


def identity_of(status: os.stat_result) -> Identity:
    """Return what tells one file from all others, whatever it is called."""
    return status.st_dev, status.st_ino


class Root:
    """A folder that tools may use, and what in it they may not."""

    def __init__(self, folder: Path | str, *, private: Iterable[Path | str] = ()) -> None:
        """Use a folder that exists. `private` folders are never entered, however they are reached.

        Of a private folder itself, `files/` alone may be the root, or a folder below that.
        """
        try:
            self.path = Path(folder).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            message = f"the folder {str(folder)!r} cannot be used for files: {error}"
            raise InvalidError(message) from error
        if not self.path.is_dir():
            raise InvalidError(f"{str(folder)!r} is no folder; name the folder for files")
        self._private = tuple(Path(one).resolve() for one in private)
        for one in self._private:
            within = self.path == one or one in self.path.parents
            files = one / "files"
            if within and self.path != files and files not in self.path.parents:
                raise InvalidError(
                    f"{str(self.path)!r} is, or lies in, {str(one)!r}, which is private; use "
                    f"{str(files)!r}, or a folder elsewhere"
                )

    # -- names

    def parts(self, path: str) -> tuple[str, ...]:
        """Return the names in a path below the root, or refuse it. None: the root itself."""
        if "\0" in path:
            raise PermanentToolError(f"the path {shown(path)} holds a NUL; leave it out")
        if path.startswith("/"):
            raise PermanentToolError(
                f"the path {shown(path)} is absolute; name files from the root on, as list_files "
                "shows them"
            )
        names = tuple(name for name in path.split("/") if name not in {"", "."})
        for name in names:
            if name == "..":
                raise PermanentToolError(
                    f"the path {shown(path)} leads upwards; files outside the root are not to be "
                    "had, and inside it name them from the root on"
                )
            if name.startswith(OURS):
                raise PermanentToolError(f"{shown(path)} is not for tools; choose another name")
        return names

    def file_parts(self, path: str) -> tuple[tuple[str, ...], str]:
        """Return the folders of a path and the last name in it, or refuse it."""
        names = self.parts(path)
        if not names or path.endswith(("/", "/.")):
            raise PermanentToolError(f"{shown(path)} names a folder; name a file")
        return names[:-1], names[-1]

    # -- opening

    @contextmanager
    def folder(self, names: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
        """Open a folder, made where it is missing if so asked; yield its descriptor."""
        fd = self._open_folder(names, create=create)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def file(self, path: str) -> Iterator[OpenFile]:
        """Open a regular file for reading."""
        folders, name = self.file_parts(path)
        with self.folder(folders) as folder_fd, self.file_in(folder_fd, name, path) as found:
            yield found

    @contextmanager
    def file_in(self, folder_fd: int, name: str, path: str) -> Iterator[OpenFile]:
        """Open a regular file of an open folder for reading; `path` is for messages."""
        try:
            # Looked at first: to open a device may already do something.
            self.check_kind(os.stat(name, dir_fd=folder_fd, follow_symlinks=False), path)
            fd = os.open(name, _FILE, dir_fd=folder_fd)
        except OSError as error:
            raise refused(error, path) from error
        try:
            status = os.fstat(fd)
            self.check_kind(status, path)
            yield OpenFile(fd, status)
        finally:
            os.close(fd)

    def check_kind(self, status: os.stat_result, path: str) -> None:
        """Refuse everything but a regular file that is not private."""
        kind = kind_of(status.st_mode)
        if kind == "folder":
            raise PermanentToolError(f"{shown(path)} is a folder; list_files shows what is in it")
        if kind == "link":
            raise PermanentToolError(
                f"{shown(path)} is a symbolic link, which is not followed; name the file itself"
            )
        if kind != "file":
            raise PermanentToolError(f"{shown(path)} is a {kind}, not a file; leave it alone")
        if status.st_nlink > 1 and identity_of(status) in self._private_files():
            raise PermanentToolError(f"{shown(path)} is private to the workspace; leave it alone")

    def enter(self, name: str, folder_fd: int, path: str) -> int:
        """Open a folder inside an open one. Whoever calls closes what is returned."""
        try:
            fd = os.open(name, _FOLDER, dir_fd=folder_fd)
        except OSError as error:
            raise self._no_folder(error, name, folder_fd, path) from error
        if identity_of(os.fstat(fd)) in self._private_folders():
            os.close(fd)
            raise PermanentToolError(f"{shown(path)} is private to the workspace; leave it alone")
        return fd

    def _open_folder(self, names: tuple[str, ...], *, create: bool) -> int:
        try:
            fd = os.open(self.path, _FOLDER)
        except OSError as error:
            raise refused(error, ".") from error
        for depth, name in enumerate(names):
            path = "/".join(names[: depth + 1])
            try:
                inner = self._made(name, fd, path) if create else self.enter(name, fd, path)
            finally:
                os.close(fd)
            fd = inner
        return fd

    def _made(self, name: str, folder_fd: int, path: str) -> int:
        with suppress(FileExistsError):
            try:
                os.mkdir(name, 0o755, dir_fd=folder_fd)
            except FileExistsError:
                raise
            except OSError as error:
                raise refused(error, path) from error
        return self.enter(name, folder_fd, path)

    @staticmethod
    def _no_folder(
        error: OSError, name: str, folder_fd: int, path: str
    ) -> PermanentToolError | Exception:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            with suppress(OSError):
                status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    return PermanentToolError(
                        f"{shown(path)} is a symbolic link, which is not followed; name the folder "
                        "itself"
                    )
                if not stat.S_ISDIR(status.st_mode):
                    kind = kind_of(status.st_mode)
                    return PermanentToolError(f"{shown(path)} is a {kind}, not a folder")
        return refused(error, path)

    # -- what is private

    def _private_folders(self) -> set[Identity]:
        found = set()
        for one in self._private:
            with suppress(OSError):
                found.add(identity_of(one.stat()))
        return found

    def _private_files(self) -> set[Identity]:
        """Return what lies in the private folders themselves: a hard link may lead there."""
        found = set()
        for one in self._private:
            with suppress(OSError), os.scandir(one) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.add(identity_of(entry.stat(follow_symlinks=False)))
        return found


def kind_of(mode: int) -> str:
    """Return in one word what a mode says a thing is."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISFIFO(mode):
        return "pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"
