"""Whether the database that is open is still the one that has its name.

A file that was removed or replaced stays open, and takes what nobody will ever read again: an
intent in it is durable nowhere, and a decision decides nothing.
"""

from pathlib import Path

from quarterdeck_kernel.errors import StoreMissingError


class Standing:
    """Knows a file as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        """Look at a file that is there."""
        self._path = path
        self._known = _identity(path)

    def check(self) -> None:
        """Raise if another file has its name, or none. Two microseconds on a local disk."""
        if _identity(self._path) != self._known:
            raise StoreMissingError(
                f"{str(self._path)!r} was removed or replaced while it was open: nothing is "
                "written any more; put it back, and open it again"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
