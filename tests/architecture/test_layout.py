"""The layout of the repository: three source roots that are no packages, and a short top level."""

import re

import pytest

from tests.architecture.repository import ROOT, SOURCE_ROOTS, project_files

TOP_LEVEL = re.compile(
    r"app|kernel|themes|tests|pyproject\.toml|Makefile|requirements[\w-]*\.\w+|README\.md|"
    r"CHANGELOG\.md|CONTRIBUTING\.md|LICENSE|\.ci|\.gitignore|\.gitattributes"
)


def test_the_top_level_holds_only_what_is_agreed() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in project_files()}
    assert {name for name in names if not TOP_LEVEL.fullmatch(name)} == set()


@pytest.mark.parametrize("folder", SOURCE_ROOTS)
def test_a_source_root_holds_one_typed_package_and_is_none_itself(folder: str) -> None:
    besides = {"README.md", "pictures", "__pycache__"}
    entries = {path.name for path in (ROOT / folder).iterdir()} - besides
    package = {"app": "quarterdeck"}.get(folder, f"quarterdeck_{folder}")
    assert entries == {package}
    assert (ROOT / folder / package / "__init__.py").is_file()
    assert (ROOT / folder / package / "py.typed").is_file()
