"""The benchmarks run: every figure comes out. How large it is, only `make bench` judges."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.benchmarks.figure import table
from tests.benchmarks.sizes import QUICK
from tests.benchmarks.suite import MEASURES, kept, measured

SLOW = ("screen", "scrub")
"""They start a dozen processes with a terminal each."""


@pytest.mark.crash
@pytest.mark.parametrize(
    "names",
    [
        [name for name in MEASURES if name not in SLOW],
        *[pytest.param([name], marks=pytest.mark.timeout(300)) for name in SLOW],
    ],
    ids=["all but the screen", *SLOW],
)
def test_every_measure_gives_positive_figures(tmp_path: Path, names: list[str]) -> None:
    figures = asyncio.run(measured(QUICK, tmp_path, names))
    assert list(figures) == names
    for name, group in figures.items():
        assert group, name
        for figure in group:
            assert figure.measured > 0, figure
            assert figure.floor is None or figure.floor > 0, figure
    text = table([figure for group in figures.values() for figure in group])
    assert all(figure.what in text for group in figures.values() for figure in group)
    assert set(json.loads(kept(figures, QUICK))["figures"]) == set(names)
