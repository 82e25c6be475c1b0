"""Noticing new events: our own commits at once, those of other processes by `data_version`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from quarterdeck_kernel.errors import StoreClosedError, StoreError

_LOOK_EVERY_S = 0.05


class News:
    """Wakes whoever waits. While nobody waits, nobody looks."""

    def __init__(self, data_version: Callable[[], Awaitable[int]] | None) -> None:
        self._data_version = data_version
        self._changed = asyncio.Event()
        self._waiting = 0
        self._looker: asyncio.Task[None] | None = None
        self._closed = False

    def tell(self) -> None:
        """Say that something was committed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(
        self, look: Callable[[], Awaitable[int]], *, after: int, timeout_s: float | None
    ) -> int | None:
        """Return what `look` finds as soon as it is beyond `after`; None when time is up."""
        deadline_s = None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s
        self._waiting += 1
        try:
            if self._looker is None and self._data_version is not None:
                self._looker = asyncio.create_task(self._watch(self._data_version))
            while True:
                changed = self._changed
                if (found := await look()) > after:
                    return found
                if self._closed:
                    raise StoreClosedError("the store was closed while news were awaited")
                async with asyncio.timeout_at(deadline_s):
                    await changed.wait()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1

    async def _watch(self, data_version: Callable[[], Awaitable[int]]) -> None:
        """Look whether another process has committed, as long as anybody waits."""
        seen: int | None = None
        while self._waiting and not self._closed:
            version: int | None = None
            # Where this look fails, whoever waits looks for itself and sees the error.
            with suppress(StoreError):
                version = await data_version()
            if version is None or version != seen:
                seen = version
                self.tell()
            # SQLite tells nobody: another process's commit can only be looked for.
            await asyncio.sleep(_LOOK_EVERY_S)
        self._looker = None
        if self._waiting:
            self.tell()

    async def close(self) -> None:
        """Wake everyone a last time."""
        self._closed = True
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait([self._looker])
        self.tell()
