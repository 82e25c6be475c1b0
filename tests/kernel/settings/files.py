"""Settings files for tests, and what reading them says."""

from pathlib import Path

import pytest

from quarterdeck_kernel.errors import SettingsError
from quarterdeck_kernel.settings.files import FILE_NAME
from quarterdeck_kernel.settings.loading import load_settings
from quarterdeck_kernel.settings.settings import Settings


def read(folder: Path, workspace: str = "", user: str = "") -> Settings:
    """Write both files, and read them."""
    for name, text in (("workspace", workspace), ("user", user)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / FILE_NAME).write_text(text, encoding="utf-8")
    return load_settings(folder / "workspace", user=folder / "user").settings


def problems(folder: Path, workspace: str, user: str = "") -> list[str]:
    """Return what is wrong with them, a line each, without the folders."""
    with pytest.raises(SettingsError) as wrong:
        read(folder, workspace, user)
    assert str(wrong.value).split("\n") == list(wrong.value.problems)
    return [line.removeprefix(f"{folder}/") for line in wrong.value.problems]
