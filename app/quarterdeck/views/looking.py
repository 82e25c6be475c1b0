"""What is new since the person last looked: at the screen, or back at it after a while."""

from collections.abc import Iterable

from quarterdeck_kernel.vocabulary.rows import FleetRow

AWAY_US = 60_000_000
"""Who was away for less has not stopped looking."""


class Looking:
    """Follows when somebody looked last, and what they have opened since."""

    def __init__(self, since_us: int | None = None) -> None:
        """Begin where they left off; None: they were never here, and nothing is new to them."""
        self.since_us = since_us
        self._seen: dict[str, int] = {}
        self._left_us: int | None = None

    def saw(self, run_id: str, seq: int) -> None:
        """Note that a run was looked at as far as an event."""
        self._seen[run_id] = seq

    def leave(self, now_us: int) -> None:
        """Note that the terminal lost the focus."""
        self._left_us = now_us

    def come_back(self, now_us: int) -> None:
        """Note that it has the focus again; after a while away all until then was seen."""
        left_us, self._left_us = self._left_us, None
        if left_us is not None and now_us - left_us >= AWAY_US:
            self.since_us = left_us
            self._seen.clear()

    def new(self, rows: Iterable[FleetRow]) -> frozenset[str]:
        """Return which runs have changed since."""
        since_us = self.since_us
        if since_us is None:
            return frozenset()
        return frozenset(
            row.run_id
            for row in rows
            if row.changed_us > since_us and row.head_seq > self._seen.get(row.run_id, 0)
        )
