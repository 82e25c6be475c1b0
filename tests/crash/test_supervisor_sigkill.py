"""SIGKILL of a supervisor with twenty agents at work: all come home, each payment is made once."""

from pathlib import Path

import pytest

from tests.crash.supervisor_killer import kill_and_bring_home


def test_twenty_agents_survive_ten_kills_of_their_supervisor(tmp_path: Path) -> None:
    at_work = kill_and_bring_home(tmp_path, seed=1, kills=10)
    assert at_work >= 5, "the supervisor hardly came to begin anything"


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(1_000, 1_100))
def test_twenty_agents_survive_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    kill_and_bring_home(tmp_path, seed=seed, kills=10)
