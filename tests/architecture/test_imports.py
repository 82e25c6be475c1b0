"""What an import loads, seen in a fresh interpreter (import-linter sees only what is written)."""

import subprocess
import sys

import pytest

SCREEN = {"textual", "rich"}
NETWORK = {"litellm", "httpx"}


def loaded_by(statement: str, among: set[str]) -> set[str]:
    script = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True
    )
    return among & set(answer.stdout.split())


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("quarterdeck_kernel", SCREEN | NETWORK),
        ("quarterdeck", {"litellm"}),
        ("quarterdeck.cli", {"litellm"}),
        ("quarterdeck_themes", SCREEN | NETWORK | {"quarterdeck", "quarterdeck_kernel"}),
    ],
)
def test_an_import_loads_nothing_heavy(module: str, forbidden: set[str]) -> None:
    assert loaded_by(f"import {module}", forbidden) == set()


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_by("import httpx", NETWORK) == {"httpx"}
