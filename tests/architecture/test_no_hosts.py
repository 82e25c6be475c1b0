"""No file names a package index or a folder of the machine that it was written on."""

import re

import pytest

from tests.architecture.repository import ROOT, project_files

INDEX = re.compile(
    rb"pypi\.(?:org|python)|pythonhosted\.|registry\.npmjs|--(?:extra-)?index-url[ =]\S|"
    rb"--find-links[ =]\S"
)
MACHINE = re.compile(rb"(?<![\w.~-])/(?:home|Users|root|work)/\w")


def offences(content: bytes) -> list[bytes]:
    return [match.group() for rule in (INDEX, MACHINE) for match in rule.finditer(content)]


def test_no_file_names_an_index_or_this_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): offences(path.read_bytes())
        for path in project_files()
        if path.suffix != ".png"
    }
    assert {name: matches for name, matches in found.items() if matches} == {}


@pytest.mark.parametrize(
    "parts",
    [
        (b"https://", b"pypi", b".org/simple"),
        (b"https://files.", b"pythonhosted", b".org/x.whl"),
        (b"--index", b"-url https://example.test/simple"),
        (b"see /", b"home/ada/quarterdeck"),
        (b"'/", b"work/main'"),
    ],
)
def test_the_rule_bites(parts: tuple[bytes, ...]) -> None:
    assert offences(b"".join(parts)) != []


@pytest.mark.parametrize(
    "text", [b"--no-emit-index-url", b"../work/x", b"~/home/x", b"/etc/passwd"]
)
def test_the_rule_spares_the_harmless(text: bytes) -> None:
    assert offences(text) == []
