"""`export`, `import`, `--recording`, `erase` and `delete`: out, in, looked at, and gone."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from quarterdeck.cli import recordings, removal, screen
from quarterdeck.cli.ending import ExitCode
from quarterdeck.cli.progress import progress_line
from quarterdeck_kernel.store.verdict import Progress
from tests.app.cli.desk import Desk


def tape_of(desk: Desk, run: str = "fails", *options: str) -> Path:
    tape = desk.workspace.parent / f"{run}.tape"
    desk.says("export", run, str(tape), *options)
    return tape


def test_a_run_goes_out_and_comes_into_another_workspace(desk: Desk, tmp_path: Path) -> None:
    tape = tape_of(desk, "asks")
    other = Desk(tmp_path / "other")
    other.workspace.mkdir(mode=0o700)
    desk.says("backup", str(other.workspace / "quarterdeck.db"))
    assert other.says("import", str(tape)) == "here already: run asks\n"
    assert other.json("verify")["ok"]
    gone = other.json("delete", "fails", "--reason", "old", "--yes")
    assert gone == {"deleted": ["fails"], "kept": [], "reason": "old"}
    found = other.json("import", str(tape_of(desk)))
    assert (found["imported"], found["held"], found["present"]) == (["fails"], [], [])
    assert other.json("show", "fails")["end"] == desk.json("show", "fails")["end"]
    assert other.json("verify")["ok"]


def test_a_recording_begins_a_workspace_and_junk_begins_none(desk: Desk, tmp_path: Path) -> None:
    new = Desk(tmp_path / "new")
    new.workspace.mkdir(mode=0o700)
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk")
    assert "no recording" in new.refused(ExitCode.NOT_VERIFIED, "import", str(junk))
    assert [*new.workspace.iterdir()] == []
    assert new.json("import", str(tape_of(desk)))["imported"] == ["fails"]
    assert new.json("verify")["ok"]


def test_an_export_into_no_file_is_refused(desk: Desk) -> None:
    assert "'.' names no file" in desk.refused(ExitCode.USAGE, "export", "fails", "")


def test_a_command_that_is_stopped_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("quarterdeck.cli.naming.find_run", interrupted)
    for command in (("compare", "a", "b"), ("fork", "a", "--at", "1"), ("state", "a")):
        assert (
            desk.refused(ExitCode.FAILED, *command) == "quarterdeck: stopped before it was done\n"
        )


def test_what_looks_at_a_workspace_looks_at_a_recording(desk: Desk, tmp_path: Path) -> None:
    tape = tape_of(desk, "asks")
    looking = ("--recording", str(tape))
    nowhere = Desk(tmp_path / "nowhere")
    shown = nowhere.does(*looking, "show", "asks", "--json")
    assert '"run_id": "asks"' in shown.output
    assert nowhere.does(*looking, "verify").output.startswith("verified: 1 runs")
    assert nowhere.does(*looking, "events", "asks").exit_code == 0
    assert not nowhere.workspace.exists()
    for command in (
        ("hold", "asks"),
        ("erase", "asks", "--at", "1", "--reason", "r", "--yes"),
        ("import", str(tape)),
        ("run", "purser", "do it"),
        ("doctor", "--rebuild"),
    ):
        refused = nowhere.does(*looking, *command)
        assert refused.exit_code == ExitCode.USAGE, command
        assert "a recording is only looked at" in refused.output


def test_a_file_that_is_no_recording_is_told_of_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"\x1b[2Jjunk")
    for command in (("import", str(junk)), ("--recording", str(junk), "runs")):
        refused = desk.does(*command)
        assert refused.exit_code == ExitCode.NOT_VERIFIED
        assert refused.output.startswith("quarterdeck: this is no recording, or a damaged one")
    ghost = desk.does("import", str(tmp_path / "ghost"))
    assert ghost.exit_code == ExitCode.NOT_FOUND


def test_an_event_is_erased_when_somebody_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase = ("erase", "fails", "--at", "1", "--reason", "asked for")
    unasked = desk.does(*erase)
    assert unasked.exit_code == ExitCode.USAGE
    assert "nobody is here to be asked; say --yes" in unasked.output
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(removal, "_somebody_is_here", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    assert desk.does(*erase).exit_code == ExitCode.REFUSED
    assert asked == ["erase the content of event #1 of run fails for ever?"]
    assert desk.json("verify")["erased"] == []
    assert desk.says(*erase, "--yes") == "erased: the content of event #1 of run fails\n"
    assert desk.json("verify")["erased"] == [{"run_id": "fails", "seq": 1}]
    assert desk.json("show", "fails")["objective"] == ""


def test_runs_are_deleted_by_name_or_when_they_are_overdue(desk: Desk) -> None:
    for wrong in ((), ("fails", "--overdue"), ("fails", "--days", "3")):
        assert desk.does("delete", *wrong, "--reason", "r").exit_code == ExitCode.USAGE
    nothing = desk.does("delete", "--overdue", "--reason", "r", "--yes")
    assert nothing.exit_code == ExitCode.USAGE
    assert "[retention] finished_days" in nothing.output
    assert (
        desk.says("delete", "--overdue", "--days", "3", "--reason", "r") == "nothing is overdue\n"
    )
    working = desk.does("delete", "asks", "--reason", "r", "--yes")
    assert working.exit_code == ExitCode.CONFLICT
    assert "only a run that is over" in working.output
    assert desk.says("delete", "fails", "--reason", "r", "--yes") == "deleted: run fails\n"
    assert desk.does("show", "fails").exit_code == ExitCode.NOT_FOUND


def test_an_export_says_what_it_left_out(desk: Desk, tmp_path: Path) -> None:
    made = desk.json("export", "fails", str(tmp_path / "facts"), "--redact", "all")
    assert made["redacted"] == made["events"] > 0
    assert [run["run_id"] for run in made["runs"]] == ["fails"]
    again = desk.does("export", "fails", str(tmp_path / "facts"))
    assert "exists; name a file that does not" in again.output


@contextmanager
def told_to_end(_doing: str) -> Iterator[Callable[[Progress], None]]:
    """In place of the line that tells of progress: somebody presses Ctrl+C at the first of it."""
    yield lambda _far: os.kill(os.getpid(), signal.SIGINT)


def test_an_export_that_is_stopped_leaves_no_file_nor_half_of_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(recordings, "progress_line", told_to_end)
        stopped = desk.refused(ExitCode.FAILED, "export", "fails", str(folder / "tape"))
    assert stopped == "quarterdeck: stopped: there is no such file, nor half of it\n"
    assert list(folder.iterdir()) == []
    desk.says("export", "fails", str(folder / "tape"))


def test_an_import_that_is_stopped_leaves_the_workspace_as_it_was(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tape_of(desk, "fails")
    other = Desk(tmp_path / "other")
    other.workspace.mkdir(mode=0o700)
    desk.says("backup", str(other.workspace / "quarterdeck.db"))
    other.says("delete", "fails", "--reason", "old", "--yes")
    before = other.says("heads")
    with monkeypatch.context() as patched:
        patched.setattr(recordings, "progress_line", told_to_end)
        assert "stopped: " in other.refused(ExitCode.FAILED, "import", str(tape))
    assert other.says("heads") == before
    assert other.json("import", str(tape))["imported"] == ["fails"]


def test_opening_a_recording_tells_how_far_it_is_and_is_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tape, shown = tape_of(desk, "fails"), []
    monkeypatch.setattr(screen, "_show", lambda *_: shown.append(1))
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True, raising=False)
    monkeypatch.setattr("quarterdeck.cli.progress.progress_line", told_to_end)
    with pytest.raises(click.exceptions.Exit) as ended:
        screen.open_screen(desk.workspace, theme=None, readonly=False, recording=tape)
    assert ended.value.exit_code == ExitCode.FAILED
    assert "stopped: nothing was opened" in capsys.readouterr().err
    assert shown == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_of_the_terminal_that_goes_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        with progress_line("exporting") as tell:
            assert tell is not None
            for done in (256, 512):
                tell(Progress(events=done, of=100_000))
    # The second came too soon to be read.
    shown = "\rexporting · 256 of 100,000 · Ctrl+C stops it\x1b[K\r\x1b[K"
    assert terminal.getvalue() == shown


def test_where_nobody_looks_no_progress_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_line("exporting") as tell:
        assert tell is None
    assert capsys.readouterr().err == ""
