"""Work that an operator started: shown once it takes long, and always to be stopped."""

from collections.abc import Callable
from dataclasses import dataclass

SHOWN_AFTER_S = 0.3

Tell = Callable[[int, int], None]
"""Hears how much is done, and of how much."""


@dataclass(eq=False)
class Work:
    """One piece of work. Whoever does it tells how far it is, if that can be known."""

    label: str
    since_s: float
    stop: Callable[[], object]
    done: int = 0
    total: int | None = None
    stopping: bool = False

    def tell(self, done: int, total: int | None = None) -> None:
        """Tell how much is done."""
        self.done, self.total = done, total


def work_line(works: list[Work], now_s: float, stop_key: str) -> str | None:
    """Return the line about what takes long; None: nothing does."""
    slow = [work for work in works if now_s - work.since_s >= SHOWN_AFTER_S]
    if not slow:
        return None
    work = slow[-1]
    far = f" · {work.done:,} of {work.total:,}" if work.total is not None else ""
    others = f" · and {len(slow) - 1} more" if len(slow) > 1 else ""
    end = "stopping…" if work.stopping else f"{stop_key} stops it"
    return f"{work.label}{far} · {now_s - work.since_s:.0f} s{others} · {end}"
