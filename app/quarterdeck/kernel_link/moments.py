"""States of runs at a position, folded beside the screen; the newest wish first, alone."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, Moments, RunState


class WishedMoments:
    """Hands out the states that are known, and folds what is wished for."""

    def __init__(self) -> None:
        """Know none."""
        self._moments: Moments | None = None
        self._wish: tuple[str, int] | None = None
        self._wished = asyncio.Event()

    def state(self, run_id: str, seq: int) -> "RunState | None":
        """Return a state, or wish for it; a newer wish takes the place of an older."""
        found = self._moments.known(run_id, seq) if self._moments is not None else None
        if found is None:
            self._wish = (run_id, seq)
            self._wished.set()
        return found

    async def fold_next(self, store: "EventStore") -> None:
        """Wait for a wish, and fold it."""
        await self._wished.wait()
        self._wished.clear()
        place, self._wish = self._wish, None
        from quarterdeck_kernel.engine.moments import Moments

        self._moments = self._moments or Moments(store)
        if place is not None:
            await self._moments.state(*place)
