"""The benchmarks run: every figure comes out. How large it is, only `make bench` judges."""

import asyncio
import json
from pathlib import Path

from tests.benchmarks.figure import table
from tests.benchmarks.sizes import QUICK
from tests.benchmarks.suite import MEASURES, kept, measured


def test_every_measure_gives_positive_figures(tmp_path: Path) -> None:
    figures = asyncio.run(measured(QUICK, tmp_path))
    assert list(figures) == list(MEASURES)
    for name, group in figures.items():
        assert group, name
        for figure in group:
            assert figure.measured > 0, figure
            assert figure.floor is None or figure.floor > 0, figure
    text = table([figure for group in figures.values() for figure in group])
    assert all(figure.what in text for group in figures.values() for figure in group)
    assert set(json.loads(kept(figures, QUICK))["figures"]) == set(MEASURES)
