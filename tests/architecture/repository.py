"""Where the project's files are, for the tests that look at the project itself."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("kernel", "app", "themes")


def python_files() -> Iterator[Path]:
    for folder in (*SOURCE_ROOTS, "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def project_files() -> list[Path]:
    """Every file that is tracked, or would be with the next `git add`."""
    git = shutil.which("git")
    assert git is not None, "these tests read the list of files from git: install it"
    listing = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted(set(listing.stdout.split("\0")) - {""})
    return [ROOT / name for name in names if (ROOT / name).is_file()]
