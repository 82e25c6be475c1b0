"""States of runs at a position, folded beside the screen; the newest wish first, alone."""

import asyncio
from collections import OrderedDict

from quarterdeck_kernel import EventStore, RunState, state_at
from quarterdeck_kernel.engine.log_reader import advanced

_KEPT = 64
_NEAR_EVENTS = 2_000
"""So far a known state is folded on; further the store's snapshots are nearer."""

_Place = tuple[str, int]


class Moments:
    """Remembers the states that were asked for last, and folds what is missing."""

    def __init__(self) -> None:
        """Know none."""
        self._states: OrderedDict[_Place, RunState] = OrderedDict()
        self._wish: _Place | None = None
        self._wished = asyncio.Event()

    def state(self, run_id: str, seq: int) -> RunState | None:
        """Return a state, or wish for it; a newer wish takes the place of an older."""
        place = (run_id, seq)
        found = self._states.get(place)
        if found is not None:
            self._states.move_to_end(place)
        else:
            self._wish = place
            self._wished.set()
        return found

    async def fold_next(self, store: EventStore) -> None:
        """Wait for a wish, and fold it."""
        await self._wished.wait()
        self._wished.clear()
        place, self._wish = self._wish, None
        if place is None or place in self._states:
            return
        run_id, seq = place
        near = self._nearest(run_id, seq)
        if near is not None:
            state = await advanced(store, run_id, near, seq)
        else:
            state = await state_at(store, run_id, seq)
        self._states[place] = state
        while len(self._states) > _KEPT:
            self._states.popitem(last=False)

    def _nearest(self, run_id: str, seq: int) -> RunState | None:
        before = [at for known, at in self._states if known == run_id and seq - _NEAR_EVENTS < at]
        nearest = max((at for at in before if at <= seq), default=None)
        return None if nearest is None else self._states[run_id, nearest]
