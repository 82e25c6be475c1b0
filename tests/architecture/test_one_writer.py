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


def unseen(root: Path) -> list[str]:
    """Return where a journal is made that looks through nothing that is written to it."""
    return [
        f"{place}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        if not (place := path.relative_to(root).as_posix()).startswith(ALLOWED)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"Journal.begin", "Journal.fork", "Journal.load"}
        and "ingress" not in {keyword.arg for keyword in node.keywords}
    ]


def test_what_the_kernel_writes_is_looked_through() -> None:
    assert unseen(ROOT / "kernel/quarterdeck_kernel") == []


def test_a_journal_that_looks_through_nothing_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "rogue.py").write_text("Journal.load(store, 'r')\n", encoding="utf-8")
    assert unseen(tmp_path) == ["rogue.py:1"]


@pytest.mark.parametrize("root", ["kernel/quarterdeck_kernel", "app/quarterdeck"])
def test_only_the_journal_can_write_events(root: str) -> None:
    assert writers(ROOT / root) == []


def test_another_writer_would_be_found(tmp_path: Path) -> None:
    rogue = tmp_path / "runs" / "start.py"
    rogue.parent.mkdir()
    rogue.write_text("from quarterdeck_kernel.store.batch import Batch\n", encoding="utf-8")
    assert writers(tmp_path) == ["runs/start.py"]
