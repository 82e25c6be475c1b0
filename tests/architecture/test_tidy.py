"""Files stay under 400 lines and functions under 70 (QUALITY, Code 1)."""

import ast
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, python_files

FILE_LINES = 400
FUNCTION_LINES = 70


def untidy(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = []
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        found.append(f"{path}: {lines} lines, at most {FILE_LINES}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                place = f"{path}:{node.lineno}"
                found.append(f"{place}: {node.name}: {length} lines, at most {FUNCTION_LINES}")
    return found


def test_every_file_and_function_is_short() -> None:
    paths = list(python_files())
    assert ROOT / "tests" / "conftest.py" in paths
    assert [line for path in paths for line in untidy(path)] == []


@pytest.mark.parametrize(
    ("source", "complaints"),
    [
        ("x = 1\n" * FILE_LINES, 0),
        ("x = 1\n" * (FILE_LINES + 1), 1),
        ("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1), 0),
        ("def f():\n" + "    x = 1\n" * FUNCTION_LINES, 1),
        ("class C:\n    async def f(self):\n" + "        x = 1\n" * FUNCTION_LINES, 1),
    ],
)
def test_the_rule_bites(tmp_path: Path, source: str, complaints: int) -> None:
    path = tmp_path / "mutant.py"
    path.write_text(source, encoding="utf-8")
    assert len(untidy(path)) == complaints
