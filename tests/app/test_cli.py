"""The command line as a person or a script meets it: output, exit codes, no tracebacks."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from quarterdeck.cli import ExitCode, _one_sentence
from quarterdeck_kernel import errors


def quarterdeck(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from quarterdeck.cli import main; main()", *arguments],
        check=False,
        capture_output=True,
        text=True,
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


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").mkdir()
    done = quarterdeck("demo", "--headless", "--keep", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


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
        "adrift",
        "unknown outcome",
        "settles intent",
        "5 lines for 5 invoices, each exactly once",
        "Verified: 7 runs",
    ):
        assert words in said
    lines = (folder / "files" / "payments.csv").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split(",")[1] for line in lines) == ["8841", "8842", "8843", "8844", "8845"]
    assert {line.split()[0] for line in said.splitlines() if " cleaner " in line} == {"◆"}


def test_played_again_it_goes_on_and_repeats_nothing(played: tuple[Path, str]) -> None:
    folder, first = played
    done = quarterdeck("demo", "--headless", "--keep", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert "SIGKILL" not in done.stdout
    assert first.splitlines()[-1] == done.stdout.splitlines()[-1]


def test_a_changed_event_is_exit_code_4(played: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = played
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    with sqlite3.connect(folder / "quarterdeck.db") as source:
        with sqlite3.connect(copy / "quarterdeck.db") as target:
            source.backup(target)
            target.execute("DROP TRIGGER events_are_not_updated")
            target.execute(
                "UPDATE events SET payload = replace(payload, 'success', 'failure'), "
                "header = replace(header, 'pay', 'bay') WHERE pos = 40"
            )
            target.execute("UPDATE events SET header = header || ' ' WHERE pos = 40")
        target.close()
    source.close()
    (folder / "files").rename(copy / "files")
    try:
        done = quarterdeck("demo", "--headless", "--keep", str(copy))
    finally:
        (copy / "files").rename(folder / "files")
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
    with pytest.raises(click.exceptions.Exit) as ended, _one_sentence():
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr().err.startswith("quarterdeck: ")
