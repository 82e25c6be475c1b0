"""A clock that a test sets: time passes only when told to."""

import heapq
from collections.abc import Callable
from itertools import count

_START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
_UPTIME_US = 3_600_000_000


class Alarm:
    """A callback that waits for its time; ordered by it, then by when it was set."""

    def __init__(self, due_us: int, number: int, callback: Callable[[], None]) -> None:
        self.due_us = due_us
        self.number = number
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Let it not ring."""
        self.cancelled = True

    def __lt__(self, other: "Alarm") -> bool:
        return (self.due_us, self.number) < (other.due_us, other.number)


class FakeClock:
    """Implements `clock.Clock`. Its three clocks part as a machine's do: see each method."""

    def __init__(self, *, now_us: int = _START_US) -> None:
        """Begin at `now_us`, an hour after the first boot."""
        self._now_us = now_us
        self._monotonic_us = _UPTIME_US
        self._boot_us = _UPTIME_US
        self._boots = count(1)
        self._boot_id = f"boot-{next(self._boots)}"
        self._alarms: list[Alarm] = []
        self._numbers = count()

    def now_us(self) -> int:
        """Return the wall clock."""
        return self._now_us

    def monotonic_us(self) -> int:
        """Return the clock for durations."""
        return self._monotonic_us

    def boot_us(self) -> int:
        """Return the clock for leases."""
        return self._boot_us

    def boot_id(self) -> str:
        """Return the identity of this boot."""
        return self._boot_id

    def call_later(self, us: int, callback: Callable[[], None]) -> Alarm:
        """Ring during `advance`, in the order of time; due at once is still not before that."""
        alarm = Alarm(self._monotonic_us + max(us, 0), next(self._numbers), callback)
        heapq.heappush(self._alarms, alarm)
        return alarm

    @property
    def next_alarm_us(self) -> int | None:
        """Return in how much waking time the next alarm rings, or None if none is set."""
        while self._alarms and self._alarms[0].cancelled:
            heapq.heappop(self._alarms)
        return max(self._alarms[0].due_us - self._monotonic_us, 0) if self._alarms else None

    def advance(self, us: int) -> None:
        """Let time pass, on all three clocks, and ring what falls due on the way."""
        end_us = self._monotonic_us + us
        while (
            wait_us := self.next_alarm_us
        ) is not None and self._monotonic_us + wait_us <= end_us:
            alarm = heapq.heappop(self._alarms)
            self._pass(wait_us, awake=True)
            alarm.callback()
        self._pass(end_us - self._monotonic_us, awake=True)

    def suspend(self, us: int) -> None:
        """Let time pass with the lid closed: the clock for durations stands."""
        self._pass(us, awake=False)

    def jump_wall(self, us: int) -> None:
        """Set the wall clock forwards or back by `us`, as an administrator or NTP does."""
        self._now_us += us

    def reboot(self, *, down_us: int = 30_000_000) -> None:
        """Restart the machine: another boot id, and the clocks of this boot begin anew."""
        self._pass(down_us, awake=False)
        self._boot_id = f"boot-{next(self._boots)}"
        self._monotonic_us = 0
        self._boot_us = 0

    def _pass(self, us: int, *, awake: bool) -> None:
        assert us >= 0, f"time does not go back, but {us} µs were asked for; use jump_wall"
        self._now_us += us
        self._boot_us += us
        if awake:
            self._monotonic_us += us
