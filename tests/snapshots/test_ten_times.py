"""The pictures ten times over, in random order: no flake."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SEEDS = range(10)
PATIENCE_S = 1200


@pytest.mark.crash
@pytest.mark.parametrize("seed", SEEDS)
def test_in_any_order_every_picture_is_the_same(seed: int) -> None:
    shuffled = ("-p", "randomly", "-p", "no:cacheprovider", f"--randomly-seed={seed}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *shuffled, str(FOLDER)],
        cwd=FOLDER.parents[1],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
