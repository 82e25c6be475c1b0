"""Desks: one to decide at for each test, one to look from for all of them."""

import shutil
from pathlib import Path

import pytest

from tests.app.cli.desk import Desk, filled


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that nobody changes: it is made once."""
    return filled(tmp_path_factory.mktemp("template") / "workspace")


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Desk:
    """A workspace of the test's own."""
    shutil.copytree(template, tmp_path / "workspace")
    return Desk(tmp_path / "workspace")
