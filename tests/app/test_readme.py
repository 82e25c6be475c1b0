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


def test_the_script_runs_twice_and_orders_once(script: Path) -> None:
    for _ in range(2):
        done = run(script.name, cwd=script.parent)
        assert (done.returncode, done.stderr) == (0, "")
        said = "Forty should do. 40 are on their way.\nverified: True at "
        assert done.stdout.startswith(said)
    assert (script.parent / "orders.txt").read_text(encoding="utf-8") == "40 barrels\n"


def test_the_script_says_so_when_it_was_killed_behind_the_order(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    dying = text.replace(
        '            return f"{barrels} are',
        '            __import__("os")._exit(9)\n            return f"{barrels} are',
    )
    script.write_text(dying, encoding="utf-8")
    assert run(script.name, cwd=script.parent).returncode == 9
    script.write_text(text, encoding="utf-8")
    done = run(script.name, cwd=script.parent)
    assert "order was dispatched as event #5 and its outcome is unknown" in done.stderr
    assert (script.parent / "orders.txt").read_text(encoding="utf-8") == "40 barrels\n"


def test_the_script_is_typed(script: Path) -> None:
    done = run("-m", "mypy", "--strict", "--config-file", "", str(script), cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_whatever_tells_people_to_run_a_command_names_one_there_is() -> None:
    sources = (path for root in ("app", "kernel") for path in (ROOT / root).rglob("*.py"))
    named = {
        (name, path.name)
        for path in (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *sources)
        for name in re.findall(r"[`/]quarterdeck ([a-z]+)", path.read_text("utf-8"))
    }
    assert ("demo", "README.md") in named
    assert {found for found in named if found[0] not in main.commands} == set()
