"""A clock that a test sets: time passes only when told to."""

from itertools import count

_START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
_UPTIME_US = 3_600_000_000


class FakeClock:
    """Implements `clock.Clock`. Its three clocks part as a machine's do: see each method."""

    def __init__(self, *, now_us: int = _START_US) -> None:
        """Begin at `now_us`, an hour after the first boot."""
        self._now_us = now_us
        self._monotonic_us = _UPTIME_US
        self._boot_us = _UPTIME_US
        self._boots = count(1)
        self._boot_id = f"boot-{next(self._boots)}"

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

    def advance(self, us: int) -> None:
        """Let time pass, on all three clocks."""
        self._pass(us, awake=True)

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
