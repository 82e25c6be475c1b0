"""Invariant 1: only the journal writes events. Everything else asks it."""

import ast
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

ALLOWED = ("engine/journal.py", "store/", "testing/")


def writers(root: Path) -> list[str]:
    """Return the files that make a batch or seal a record, and so could write events."""
    found = []
    for path in sorted(root.rglob("*.py")):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        place = path.relative_to(root).as_posix()
        if names & {"Batch", "seal"} and not place.startswith(ALLOWED):
            found.append(place)
    return found


@pytest.mark.parametrize("root", ["kernel/quarterdeck_kernel", "app/quarterdeck"])
def test_only_the_journal_can_write_events(root: str) -> None:
    assert writers(ROOT / root) == []


def test_another_writer_would_be_found(tmp_path: Path) -> None:
    rogue = tmp_path / "runs" / "start.py"
    rogue.parent.mkdir()
    rogue.write_text("from quarterdeck_kernel.store.batch import Batch\n", encoding="utf-8")
    assert writers(tmp_path) == ["runs/start.py"]
