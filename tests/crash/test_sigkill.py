"""SIGKILL while it appends: no acknowledged event is lost, and nothing is stored by halves."""

from pathlib import Path

import pytest

from tests.crash.killer import kill_and_check


@pytest.mark.parametrize("seed", range(2))
def test_twenty_kills(tmp_path: Path, seed: int) -> None:
    kill_and_check(tmp_path, seed=seed, kills=10)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(1_000, 1_040))
def test_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    kill_and_check(tmp_path, seed=seed, kills=25)
