"""When runs that stand still are to be looked at again: a heap of times on the wall clock."""

import heapq


class Alarms:
    """Times at which runs are due; only the earliest of each run counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._due_us: dict[str, int] = {}

    @property
    def next_us(self) -> int | None:
        """Return the earliest time, if any is set."""
        while self._heap and self._due_us.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def set(self, run_id: str, at_us: int) -> None:
        """Have a run looked at then, unless it is to be earlier."""
        known = self._due_us.get(run_id)
        if known is None or at_us < known:
            self._due_us[run_id] = at_us
            heapq.heappush(self._heap, (at_us, run_id))

    def unset(self, run_id: str) -> None:
        """Forget a run."""
        self._due_us.pop(run_id, None)

    def due(self, now_us: int) -> list[str]:
        """Return the runs whose time has come, and forget them."""
        found = []
        while (at_us := self.next_us) is not None and at_us <= now_us:
            _, run_id = heapq.heappop(self._heap)
            del self._due_us[run_id]
            found.append(run_id)
        return found
