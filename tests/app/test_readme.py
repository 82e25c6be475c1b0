"""The README's script does what the README says, and its types are right."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (text,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    path = tmp_path / "barrels.py"
    path.write_text(text, encoding="utf-8")
    return path


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_script_runs(script: Path) -> None:
    done = run(script.name, cwd=script.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("succeeded after 5 events\nverified: True at ")


def test_the_script_is_typed(script: Path) -> None:
    done = run("-m", "mypy", "--strict", "--config-file", "", str(script), cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_the_picture_is_as_wide_as_a_terminal() -> None:
    picture = README.split("```")[1].strip("\n")
    assert max(map(len, picture.splitlines())) <= 80


def test_whatever_tells_people_to_run_a_command_names_one_there_is() -> None:
    sources = (path for root in ("app", "kernel") for path in (ROOT / root).rglob("*.py"))
    named = {
        (name, path.name)
        for path in (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *sources)
        for name in re.findall(r"[`/]quarterdeck ([a-z]+)", path.read_text("utf-8"))
    }
    assert ("demo", "README.md") in named
    assert {found for found in named if found[0] not in main.commands} == set()
