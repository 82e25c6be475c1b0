"""Time, injected: nothing else in the kernel asks the operating system what time it is.

Three clocks, because three questions differ: what a person's calendar says (it jumps), how long
something took (it does not count a suspended laptop), and whether a lease has run out (it does).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class Timer(Protocol):
    """Something that is to happen at a time."""

    def cancel(self) -> None:
        """Let it not happen; nothing if it has."""
        ...


class Clock(Protocol):
    """What the kernel may know about time; all values are whole microseconds."""

    def now_us(self) -> int:
        """Return the time since 1970 in UTC. Never used to order events or to measure."""
        ...

    def monotonic_us(self) -> int:
        """Return a time for durations: it never goes back, and stands while suspended."""
        ...

    def boot_us(self) -> int:
        """Return a time for leases: it never goes back, and counts time spent suspended."""
        ...

    def boot_id(self) -> str:
        """Name the boot that `boot_us` counts from: values of two boots cannot be compared."""
        ...

    def call_later(self, us: int, callback: Callable[[], None]) -> Timer:
        """Have something done in the running loop once so much waking time has passed."""
        ...


async def sleep(clock: Clock, us: int) -> None:
    """Wait until so much waking time has passed on a clock."""
    over = asyncio.get_running_loop().create_future()
    timer = clock.call_later(us, lambda: None if over.done() else over.set_result(None))
    try:
        await over
    finally:
        timer.cancel()


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        """Choose the clock that counts suspended time where the platform has one."""
        self._boot_clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._boot_id = _read_boot_id()

    def now_us(self) -> int:
        """Return the wall clock in UTC."""
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        """Return the clock for durations."""
        return time.monotonic_ns() // 1000

    def boot_us(self) -> int:
        """Return the clock for leases, shared by all processes of this boot."""
        return time.clock_gettime_ns(self._boot_clock) // 1000

    def boot_id(self) -> str:
        """Return the identity of this boot."""
        return self._boot_id

    def call_later(self, us: int, callback: Callable[[], None]) -> Timer:
        """Ask the running loop."""
        return asyncio.get_running_loop().call_later(us / 1_000_000, callback)


def _read_boot_id() -> str:
    try:
        return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        # Any guess from the wall clock differs between processes when that jumps, and a live lease
        # of this boot would look like one of an earlier. Lock files tell that its holder is gone.
        return f"{sys.platform}-boot"
