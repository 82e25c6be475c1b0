"""SIGKILL of a process that drives a fleet: every run comes home as if nothing had been."""

from pathlib import Path

import pytest

from tests.crash.cases import Sound
from tests.crash.fleet_killer import kill_and_bring_home
from tests.crash.scenarios.playbill import SCENARIOS


def test_a_fleet_survives_eight_kills(tmp_path: Path, sounds: dict[str, Sound]) -> None:
    runs = kill_and_bring_home(tmp_path, sounds, seed=1, kills=8)
    assert runs >= len(SCENARIOS), "the processes hardly came to begin anything"


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(1_000, 1_015))
def test_fleets_survive_three_hundred_kills(
    tmp_path: Path, sounds: dict[str, Sound], seed: int
) -> None:
    kill_and_bring_home(tmp_path, sounds, seed=seed, kills=20)
