"""Walking a folder and what is below it, in order, through open descriptors, without links."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from quarterdeck_kernel.errors import ToolError
from quarterdeck_kernel.tools.builtin.bounds import WALK_DEPTH, WALKED
from quarterdeck_kernel.tools.builtin.refusals import refused
from quarterdeck_kernel.tools.builtin.root import OURS, Root, kind_of

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"}
)
"""Folders that are entered only when they are named: what is in them was made by machines."""


class Entry(NamedTuple):
    """Something in a folder. `folder_fd` is open only until the walk goes on."""

    names: tuple[str, ...]
    status: os.stat_result
    folder_fd: int

    @property
    def path(self) -> str:
        """Return its path from the root on."""
        return "/".join(self.names)

    @property
    def kind(self) -> str:
        """Return what it is, in one word."""
        return kind_of(self.status.st_mode)


class Walk:
    """One walk. `skipped` are the folders left out, `stopped` whether it looked at too much."""

    def __init__(self, root: Root, *, recursive: bool) -> None:
        self._root = root
        self._recursive = recursive
        self._left = WALKED
        self.skipped: list[str] = []
        self.stopped = False

    def entries(self, names: tuple[str, ...]) -> Iterator[Entry]:
        """Yield what is in a folder, sorted by name, each folder before what is in it."""
        with self._root.folder(names) as fd:
            yield from self._below(names, fd, WALK_DEPTH)

    def _below(self, names: tuple[str, ...], fd: int, depth: int) -> Iterator[Entry]:
        try:
            found = sorted(os.listdir(fd))
        except OSError as error:
            raise refused(error, "/".join(names) or ".") from error
        for name in found:
            if name.startswith(OURS):
                continue
            self._left -= 1
            if self._left < 0:
                self.stopped = True
                return
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError:  # gone since
                continue
            entry = Entry((*names, name), status, fd)
            yield entry
            if self._recursive and entry.kind == "folder":
                yield from self._inside(entry, fd, depth)

    def _inside(self, entry: Entry, fd: int, depth: int) -> Iterator[Entry]:
        if entry.names[-1] in LEFT_OUT or depth == 0:
            self.skipped.append(entry.path)
            return
        try:
            inner = self._root.enter(entry.names[-1], fd, entry.path)
        except ToolError:
            self.skipped.append(entry.path)
            return
        try:
            with suppress(ToolError):
                yield from self._below(entry.names, inner, depth - 1)
        finally:
            os.close(inner)
