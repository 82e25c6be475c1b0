"""The file that is written as a user would write it runs, and takes public names only."""

import ast
import inspect
from pathlib import Path

import pytest

import quarterdeck_kernel
from quarterdeck_kernel import Kernel, tool_of
from quarterdeck_kernel.kernel.wiring import Privacy, Wiring
from quarterdeck_kernel.tools.declared import Declared
from tests.user import voyage


async def test_a_users_script_asks_a_person_and_ends_when_it_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        await voyage.main(tmp_path / "workspace")
    asked, *answers = capsys.readouterr().out.splitlines()
    assert asked.startswith("asked: run")
    assert "Sail the Gull?" in asked
    assert answers == ["bought tar and rope, aye in 12 hours"] * 2


def test_a_users_script_takes_public_names_only() -> None:
    tree = ast.parse(Path(voyage.__file__).read_text(encoding="utf-8"))
    taken = {
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quarterdeck")
        for name in node.names
    }
    public = {("quarterdeck_kernel", name) for name in quarterdeck_kernel.__all__}
    assert {t for t in taken - public if t[0] != "quarterdeck_kernel.errors"} == set()


def test_keywords_that_are_handed_on_are_those_that_are_taken() -> None:
    def keywords(function: object) -> set[str]:
        assert callable(function)
        parameters = inspect.signature(function).parameters.values()
        return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}

    assert set(Declared.__annotations__) == keywords(tool_of)
    # The keywords of privacy go on as they are, to whoever looks through what comes in.
    assert set(Wiring.__annotations__) - set(Privacy.__annotations__) == keywords(Kernel)
