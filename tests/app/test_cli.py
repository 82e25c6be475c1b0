"""The command line as a person or a script meets it: output, exit codes, no tracebacks."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from quarterdeck.cli.ending import ExitCode, one_sentence
from quarterdeck.demo.folder import alone_in
from quarterdeck_kernel import errors
from tests.app.talking import Talking

COMMAND = (sys.executable, "-c", "from quarterdeck.cli import main; main()")


def quarterdeck(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        encoding=encoding,
        check=False,
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_the_version() -> None:
    done = quarterdeck("--version")
    assert done.returncode == 0
    assert done.stdout.split()[-1].count(".") == 2


def test_without_a_terminal_the_screen_is_refused_with_advice() -> None:
    done = quarterdeck("demo")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--headless" in done.stderr


def test_the_screen_is_refused_without_a_terminal_and_makes_no_workspace(tmp_path: Path) -> None:
    done = quarterdeck("--workspace", str(tmp_path), "--readonly")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_is_not_there_is_not_made_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quarterdeck.cli import screen

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(click.exceptions.Exit) as ended:
        screen.open_screen(tmp_path / "nowhere", theme=None, readonly=False)
    assert ended.value.exit_code == 3
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_used_isone_sentence(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").mkdir()
    done = quarterdeck("demo", "--headless", "--keep", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_refused_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x", encoding="utf-8")
    tmp_path.chmod(0o755)
    done = quarterdeck("demo", "--headless", "--keep", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "name an empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_files_that_are_not_the_demos_are_refused_and_kept(tmp_path: Path) -> None:
    files = tmp_path / "w" / "files"
    files.mkdir(parents=True)
    (files / "mine").write_text("x", encoding="utf-8")
    done = quarterdeck("demo", "--headless", "--keep", str(tmp_path / "w"))
    assert done.returncode == 1
    assert "name an empty folder" in done.stderr
    assert [path.name for path in files.iterdir()] == ["mine"]


def test_a_folder_that_another_demo_plays_in_is_exit_code_6(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        done = quarterdeck("demo", "--headless", "--keep", str(tmp_path))
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "another process plays the demo" in done.stderr


def test_told_to_end_it_leaves_no_folder_behind(tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path)}
    with Talking(*COMMAND, "demo", "--headless", environment=environment) as demo:
        assert demo.out.next().startswith("Workspace ")
        assert len(list(tmp_path.iterdir())) == 1
        demo.process.send_signal(signal.SIGTERM)
        assert (demo.ended(), list(demo.err)) == (1, ["Aborted!\n"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command", [("demo", "--headless"), ("completion", "bash"), ("--help",), ("--version",)]
)
def test_output_that_cannot_be_written_is_one_sentence(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, *command],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "quarterdeck: No space left on device\n"


def test_a_reader_that_left_early_hears_no_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "demo", "--headless"],
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "workspace"
    done = quarterdeck("demo", "--headless", "--keep", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_headless_demo_tells_what_happened_and_proves_it(played: tuple[Path, str]) -> None:
    folder, said = played
    for words in (
        "SIGKILL",
        "Adrift: payments",
        "its outcome is unknown",
        "the probe says done",
        "`shell` approved",
        "its question answered",
        "budget held it; raised from 0.20 to 0.60 USD",
        "2 calls refused by a guard (loop)",
        "5 lines in payments.csv for 5 invoices, each exactly once; 15 of 15 old",
        "Verified: 10 runs",
    ):
        assert words in " ".join(said.split()), words
    lines = (folder / "files" / "payments.csv").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split(",")[1] for line in lines) == ["8841", "8842", "8843", "8844", "8845"]
    assert "quay 2: Halcyon" in (folder / "files" / "berths" / "thursday.md").read_text("utf-8")
    rows = [line.split() for line in said.splitlines() if line[2:8] in {" done ", " faile"}]
    ended = {row[2]: row[1] for row in rows}
    assert ended.pop("importer") == "failed"
    assert set(ended.values()) == {"done"}
    assert len(ended) == 7


def test_played_again_it_goes_on_and_repeats_nothing(played: tuple[Path, str]) -> None:
    folder, first = played
    # Where the glyphs cannot be written, question marks stand for them.
    done = quarterdeck("demo", "--headless", "--keep", str(folder), encoding="latin-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SIGKILL" not in done.stdout
    assert first.splitlines()[-1] == done.stdout.splitlines()[-1]
    assert " ? done      payments" in done.stdout


def test_a_changed_event_is_exit_code_4(played: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = played
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    with sqlite3.connect(folder / "quarterdeck.db") as source:
        with sqlite3.connect(copy / "quarterdeck.db") as target:
            source.backup(target)
            target.execute("DROP TRIGGER events_are_not_updated")
            target.execute(
                "UPDATE events SET header = replace(header, 'harbour', 'harbor') WHERE pos = 40"
            )
        target.close()
    source.close()
    for name in ("files", "bank.py", "quarterdeck.toml"):
        (copy / name).symlink_to(folder / name)
    done = quarterdeck("demo", "--headless", "--keep", str(copy))
    assert done.returncode == 4
    assert "NOT VERIFIED" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RunNotFoundError("no run"), ExitCode.NOT_FOUND),
        (errors.StoreMissingError("no folder"), ExitCode.NOT_FOUND),
        (errors.LeaseHeldError("driven"), ExitCode.CONFLICT),
        (errors.StoreRewoundError("older"), ExitCode.NOT_VERIFIED),
        (errors.StoreFullError("full"), ExitCode.FAILED),
        (PermissionError(13, "Permission denied", "a/b"), ExitCode.FAILED),
    ],
)
def test_each_error_has_a_code_and_a_sentence(
    error: Exception, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, one_sentence():
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr().err.startswith("quarterdeck: ")
