"""The folder that a demo is kept in: fit for a workspace, and one demo's at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel.errors import ConflictError


class FolderTakenError(ConflictError):
    """Another demo is being played in the folder."""


async def check(workspace: Workspace) -> None:
    """Make the workspace, or open what is there: what is wrong with it is told before the show."""
    store = await workspace.open()
    await store.close()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second demo out: the two would kill and settle what the other has sent."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderTakenError(
                f"another process plays the demo in {str(folder)!r}; end that one, or name "
                "another folder"
            ) from error
        yield
    finally:
        os.close(handle)
