"""The injector: it dies where it was told to, and nowhere else."""

import signal
import subprocess
import sys

import pytest

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.testing.crash import CrashAt, Crashed, RaiseAt, recorded_points

DIES = """
from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.testing.crash import CrashAt
with CrashAt("here", 2):
    for name in ("here", "elsewhere", "here", "here"):
        print(name, flush=True)
        crash_point(name)
"""


def test_the_process_is_killed_at_the_nth_time() -> None:
    run = subprocess.run([sys.executable, "-c", DIES], capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL
    assert run.stdout.split() == ["here", "elsewhere", "here"]


def test_in_one_process_it_unwinds_past_ordinary_handlers() -> None:
    def stubborn() -> None:
        try:
            crash_point("here")
        except Exception:  # noqa: BLE001 - what must not catch it
            pytest.fail("a crash was handled")

    with RaiseAt("here") as crash, pytest.raises(Crashed):
        stubborn()
    assert crash.reached == 1
    crash_point("here")
    assert crash.reached == 1


def test_points_are_recorded() -> None:
    with recorded_points() as points:
        for name in ("a", "b", "a"):
            crash_point(name)
    crash_point("c")
    assert points == ["a", "b", "a"]


def test_points_are_counted_from_one() -> None:
    with pytest.raises(AssertionError):
        CrashAt("here", 0)
