"""The public names are fetched when they are asked for; checkers and programs see the same ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import quarterdeck_kernel


def _told_to_checkers() -> dict[str, str]:
    assert quarterdeck_kernel.__file__ is not None
    tree = ast.parse(Path(quarterdeck_kernel.__file__).read_text(encoding="utf-8"))
    return {
        alias.name: node.module or ""
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_each_public_name_comes_from_where_checkers_are_told() -> None:
    told = _told_to_checkers()
    assert sorted(told) == sorted(quarterdeck_kernel.__all__)
    fetched = {
        name: f"quarterdeck_kernel.{module}" for name, module in quarterdeck_kernel._MODULES.items()
    }
    assert fetched == told
    for name, module in told.items():
        assert getattr(quarterdeck_kernel, name) is getattr(sys.modules[module], name)


def test_a_name_there_is_not_is_told_as_python_tells_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Kernal'"):
        _ = quarterdeck_kernel.Kernal  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'Kernal'"):
        exec("from quarterdeck_kernel import Kernal")  # noqa: S102 - as a program would
    assert set(quarterdeck_kernel.__all__) <= set(dir(quarterdeck_kernel))


def test_who_reads_a_store_loads_no_engine() -> None:
    program = (
        "import sys; from quarterdeck_kernel import Event, RunState; "
        "print(*(name for name in sys.modules if name.startswith('quarterdeck_kernel.engine')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == ""
