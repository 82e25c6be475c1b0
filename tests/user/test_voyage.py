"""Files that are written as users would write them take public names only; one of them runs."""

import ast
import inspect
from pathlib import Path

import pytest

import quarterdeck_kernel
from quarterdeck_kernel import Kernel, tool_of
from quarterdeck_kernel.kernel.wiring import Privacy, Wiring
from quarterdeck_kernel.tools.declared import Declared
from tests.user import voyage

EXAMPLES = Path(__file__).parent / "examples"
WRITTEN = [Path(voyage.__file__), *sorted(EXAMPLES.glob("*.py"))]
EXAMPLE_LINES = 80


async def test_a_users_script_asks_a_person_and_ends_when_it_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        await voyage.main(tmp_path / "workspace")
    asked, *answers = capsys.readouterr().out.splitlines()
    assert asked.startswith("asked: run")
    assert "Sail the Gull?" in asked
    assert answers == ["bought tar and rope, aye in 12 hours"] * 2


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_a_users_script_takes_public_names_only(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    taken = {
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quarterdeck")
        for name in node.names
    }
    public = {("quarterdeck_kernel", name) for name in quarterdeck_kernel.__all__}
    assert {t for t in taken - public if t[0] != "quarterdeck_kernel.errors"} == set()


def test_every_example_is_short_and_stands_in_the_list_of_them() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for file in WRITTEN[1:]:
        assert f"`{file.name}`" in listed
        assert len(file.read_text(encoding="utf-8").splitlines()) <= EXAMPLE_LINES, file.name


def test_keywords_that_are_handed_on_are_those_that_are_taken() -> None:
    def keywords(function: object) -> set[str]:
        assert callable(function)
        parameters = inspect.signature(function).parameters.values()
        return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}

    assert set(Declared.__annotations__) == keywords(tool_of)
    # The keywords of privacy go on as they are, to whoever looks through what comes in.
    assert set(Wiring.__annotations__) - set(Privacy.__annotations__) == keywords(Kernel)
