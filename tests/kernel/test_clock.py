"""The machine's clocks, and the one that tests set."""

import time

import pytest

from quarterdeck_kernel import clock as clock_module
from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.testing.fake_clock import FakeClock


def readings(clock: Clock) -> tuple[int, int, int]:
    return clock.now_us(), clock.monotonic_us(), clock.boot_us()


def passed(clock: FakeClock, before: tuple[int, int, int]) -> list[int]:
    return [now - then for now, then in zip(readings(clock), before, strict=True)]


def test_the_machines_clocks_count_microseconds() -> None:
    clock = SystemClock()
    # 2020 to 2200: milliseconds or nanoseconds would both fall outside.
    assert 1_577_836_800_000_000 < clock.now_us() < 7_258_118_400_000_000
    for read in (clock.monotonic_us, clock.boot_us):
        values = [read() for _ in range(100)]
        assert values == sorted(values)
    assert clock.boot_us() >= clock.monotonic_us() - 1_000_000


def test_a_boot_has_one_name() -> None:
    assert SystemClock().boot_id() == SystemClock().boot_id() != ""


def test_a_boot_has_a_name_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = clock_module._BOOT_ID_FILE / "missing"
    monkeypatch.setattr(clock_module, "_BOOT_ID_FILE", missing)
    name = SystemClock().boot_id()
    assert "-" in name
    monkeypatch.setattr(time, "time", lambda: 7.0)
    assert SystemClock().boot_id() == name, "the wall clock jumps; the boot is the same"


def test_time_stands_until_it_is_told_to_pass() -> None:
    clock = FakeClock()
    before = readings(clock)
    assert readings(clock) == before
    clock.advance(1_500)
    assert passed(clock, before) == [1_500, 1_500, 1_500]


def test_a_suspended_machine_counts_no_durations() -> None:
    clock = FakeClock()
    before = readings(clock)
    clock.suspend(7)
    assert passed(clock, before) == [7, 0, 7]


def test_the_wall_clock_jumps_alone() -> None:
    clock = FakeClock(now_us=100)
    before = readings(clock)
    clock.jump_wall(-90)
    assert passed(clock, before) == [-90, 0, 0]


def test_a_reboot_begins_anew() -> None:
    clock = FakeClock()
    names, wall = {clock.boot_id()}, clock.now_us()
    for _ in range(3):
        clock.reboot(down_us=5)
        names.add(clock.boot_id())
        assert (clock.monotonic_us(), clock.boot_us()) == (0, 0)
    assert len(names) == 4
    assert clock.now_us() == wall + 15
