"""A stage and its clock, for tests of workflows."""

from pathlib import Path

import pytest

from quarterdeck_kernel.testing.fake_clock import FakeClock
from tests.kernel.kernel.flow_stage import Stage


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stage(tmp_path: Path, clock: FakeClock) -> Stage:
    return Stage(tmp_path / "ship", clock)
