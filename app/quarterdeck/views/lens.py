"""Which part of a run its line shows: all of it, or a window that goes with the position.

While somebody looks at the past the line stands still, however the run grows: what has come since
is a number at its end. Only the position moves it on.
"""

from dataclasses import dataclass

from quarterdeck.views.timeline import Window

_LEAST_EVENTS = 8


@dataclass(slots=True)
class Lens:
    """`span` is how many events are seen; None: all. `until` is the last event of the line."""

    span: int | None = None
    first: int = 1
    until: int = 0

    def look(self, head: int, position: int, *, live: bool) -> Window:
        """Return what is seen with the position there; it is always within."""
        if live or position > self.until or not self.until:
            self.until = head
        span = self.span
        if span is None or span >= self.until:
            return Window(1, self.until)
        if live:
            self.first = self.until - span + 1
        elif not self.first <= position < self.first + span:
            self.first = position - span // 2
        self.first = max(1, min(self.first, self.until - span + 1))
        return Window(self.first, self.first + span - 1)

    def zoom(self, step: int, position: int) -> None:
        """Show half as much round the position, or (-1) twice as much."""
        now = min(self.span or self.until, self.until)
        if step > 0:
            self.span = min(now, max(_LEAST_EVENTS, now // 2))
        else:
            self.span = now * 2
        if self.span >= self.until:
            self.span = None
        else:
            self.first = position - self.span // 2

    def said(self, head: int, *, live: bool, over: bool) -> str:
        """Return what stands at the end of the line: that it is live, or what came since."""
        if live:
            return "" if over else "live"
        came = head - self.until
        return f"+{came:,} live" if came > 0 else ""

    def note(self, speed: int) -> str:
        """Return what stands below that: how fast it plays, and what part is seen, if not usual."""
        fast = f"{speed}×" if speed > 1 else ""  # noqa: RUF001 - times
        part = f"{self.span / self.until:.0%}" if self.span is not None and self.until else ""
        return " ".join(filter(None, (fast, part)))


def tail_cells(width: int, *, said: bool) -> int:
    """Return the cells kept free at the end of a line: always as many, so that nothing jumps."""
    return _TAIL_CELLS if said and width >= _ROOMY_CELLS else 0


_TAIL_CELLS = 11
_ROOMY_CELLS = 50
