"""States of runs at a position, folded beside the screen; the newest wish first, alone."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, Moments, RunState

_EVERY_S = 0.08
"""A key that is held passes moments that nobody looks at: no more of them are folded than this."""


class WishedMoments:
    """Hands out the states that are known, and folds what is wished for."""

    def __init__(self) -> None:
        """Know none."""
        self._moments: Moments | None = None
        self._wish: tuple[str, int] | None = None
        self._wished = asyncio.Event()
        self._next_s = 0.0

    def state(self, run_id: str, seq: int) -> "RunState | None":
        """Return a state, or wish for it; a newer wish takes the place of an older."""
        found = self._moments.known(run_id, seq) if self._moments is not None else None
        if found is None:
            self._wish = (run_id, seq)
            self._wished.set()
        return found

    async def fold_next(self, store: "EventStore") -> None:
        """Wait for a wish, and fold it: the first at once, the newest of those that follow."""
        await self._wished.wait()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_s - loop.time()))
        self._next_s = loop.time() + _EVERY_S
        self._wished.clear()
        place, self._wish = self._wish, None
        from quarterdeck_kernel.engine.moments import Moments

        self._moments = self._moments or Moments(store)
        if place is not None:
            await self._moments.state(*place)
