"""Two real processes: one drives a run, the other decides about it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck_kernel.settings.files import FILE_NAME
from tests.app.cli.desk import SETTINGS, Desk
from tests.app.talking import PATIENCE_S, Talking

FIRST = Path(__file__).with_name("first_terminal.py")
SECOND = "from quarterdeck.cli import main; main()"


class Terminals:
    """A process that drives run `r`, and commands of another."""

    def __init__(self, workspace: Path, first: str) -> None:
        self.workspace = workspace
        self.desk = Desk(workspace)
        self.process = Talking(
            *(sys.executable, str(FIRST), str(workspace), first),
            environment={"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def hears(self) -> str:
        """Return what the first terminal says next, or else its last words."""
        return self.process.out.next().strip() or "".join(self.process.err)

    def does(self, *arguments: str, code: int = 0) -> str:
        """Do it in this process, which is another than the first terminal's."""
        done = self.desk.does(*arguments)
        assert done.exit_code == code, done.output
        return done.stdout or done.stderr

    def item(self) -> str:
        (item,) = json.loads(self.does("inbox", "--json"))["items"]
        return str(item["id"])

    @property
    def paid(self) -> list[str]:
        book = self.workspace / "paid.txt"
        return book.read_text(encoding="utf-8").split() if book.exists() else []


@pytest.fixture
def terminals(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminals]:
    """The first terminal begins with what the test is marked with, and is ended with it."""
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    (folder / FILE_NAME).write_text(SETTINGS, encoding="utf-8")
    both = Terminals(folder, request.param)
    with both.process:
        yield both


def begins(first: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("terminals", [first], indirect=True)


@begins("pay")
def test_a_run_elsewhere_is_approved_and_pays_once(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    shown = json.loads(terminals.does("show", "r", "--json"))
    assert shown["driver"]["live"] is True
    assert shown["driver"]["pid"] == terminals.process.pid
    item = terminals.item()
    command = [sys.executable, "-c", SECOND, "--workspace", str(terminals.workspace)]
    subprocess.run([*command, "approve", item], check=True, timeout=PATIENCE_S)
    assert terminals.hears() == "succeeded: done"
    assert "approved by operator:" in terminals.does("approve", item, code=6)
    assert terminals.paid == ["7"]
    terminals.does("verify")


@begins("pay")
def test_a_run_elsewhere_is_rejected_and_pays_nothing(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    terminals.does("reject", terminals.item(), "--reason", "too dear")
    assert terminals.hears() == "succeeded: done"
    assert terminals.paid == []


@begins("ask")
def test_a_question_from_elsewhere_is_answered(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    terminals.does("answer", terminals.item(), "rope")
    assert terminals.hears() == "succeeded: took rope"


@begins("send")
def test_an_outcome_unknown_elsewhere_is_settled_and_nothing_is_sent_again(
    terminals: Terminals,
) -> None:
    assert terminals.hears() == "ReconciliationRequiredError"
    item = terminals.item()
    said = terminals.does("reconcile", item, "--probe", code=6)
    assert f"driven by process {terminals.process.pid}" in said
    terminals.does("reconcile", item, "--done", "it is in the book")
    assert terminals.hears() == "succeeded: done"
    assert terminals.paid == ["sent"]


@begins("pay")
def test_a_run_elsewhere_is_held_told_something_and_released(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    terminals.does("say", "r", "mind the reef")
    assert terminals.hears() == "RunPausedError"
    terminals.does("hold", "r", "--reason", "fog")
    assert terminals.hears() == "RunPausedError"
    terminals.does("approve", terminals.item())
    assert terminals.hears() == "RunHeldError"
    terminals.does("release", "r")
    assert terminals.hears() == "succeeded: heard of the reef"


@begins("pay")
def test_a_run_elsewhere_is_cancelled(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    terminals.does("cancel", "r", "--now", "--reason", "fire")
    assert terminals.hears() == "cancelled: None"
    assert json.loads(terminals.does("show", "r", "--json"))["status"] == "cancelled"
    assert terminals.paid == []


@begins("pay")
def test_a_log_is_followed_to_the_end_of_its_run(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    assert "driven by process" in terminals.does("take", "r", code=6)
    arguments = ["--workspace", str(terminals.workspace), "events", "r", "--follow", "--json"]
    with Talking(sys.executable, "-c", SECOND, *arguments) as follower:
        seen: list[str] = []
        while not seen or seen[-1] != "pause_requested":
            seen.append(json.loads(follower.out.next())["kind"])
        terminals.does("approve", terminals.item())
        rest = [json.loads(line)["kind"] for line in follower.out]
        assert follower.ended() == 0
    assert (rest[0], rest[-1]) == ("pause_resolved", "run_succeeded")


@begins("pay")
def test_a_run_whose_driver_was_killed_is_decided_about_all_the_same(terminals: Terminals) -> None:
    assert terminals.hears() == "RunPausedError"
    terminals.process.kill()
    shown = json.loads(terminals.does("show", "r", "--json"))
    assert (shown["driver"]["live"], shown["need"]) == (False, "waiting")
    terminals.does("approve", terminals.item())
    assert json.loads(terminals.does("show", "r", "--json"))["need"] == "adrift"
    (row,) = json.loads(terminals.does("runs", "--need", "adrift", "--json"))["runs"]
    assert row["run_id"] == "r"
    terminals.does("take", "r")
    assert terminals.paid == []
