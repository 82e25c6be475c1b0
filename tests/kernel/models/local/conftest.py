"""A stand-in for the package that serves models, and files that it takes for models."""

from collections.abc import Callable
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parent / "stand_in"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server's process find the stand-in."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))


@pytest.fixture
def gguf(tmp_path: Path) -> Callable[[str], Path]:
    def made(mode: str = "") -> Path:
        file = tmp_path / f"{mode or 'good'}.gguf"
        file.write_text(f"GGUF{mode}")
        return file

    return made
