"""`quarterdeck run` and `quarterdeck worker` in real processes: exit codes, signals, hand-over."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.talking import Talking

COMMAND = (sys.executable, "-c", "from quarterdeck.cli import main; main()")
SETTINGS = """
model = "script"
[models.script]
script = "script.json"
[agents.sailor]
prompt = "Sail."
[agents.captain]
prompt = "Command."
sub_agents = ["sailor"]
"""
ASKS = {"answer": {"calls": [{"tool": "ask", "arguments": {"question": "go?"}}]}}
RULES = [
    {"when": {"said": "break"}, "failure": {"kind": "permanent"}, "times": None},
    {"when": {"said": "ask me"}, **ASKS, "times": None},
    {
        "when": {"said": "delegate"},
        "answer": {"calls": [{"tool": "sailor", "arguments": {"task": "ask me"}}]},
        "times": None,
    },
    {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "aye"}}]}, "times": None},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    (folder / "quarterdeck.toml").write_text(SETTINGS)
    (folder / "script.json").write_text(json.dumps({"rules": RULES}))
    return folder


def quarterdeck(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--workspace", str(folder), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_a_run_that_is_done_prints_its_answer(folder: Path) -> None:
    done = quarterdeck(folder, "run", "sailor", "sail", "--budget", "1.50", "--deadline", "10m")
    assert (done.returncode, done.stdout) == (0, "aye\n")
    assert done.stderr.startswith("run ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sailor", "break it"), 1, "failed"),
        (("sailr", "sail"), 3, "did you mean 'sailor'"),
        (("sailor", "ask me"), 7, "waits for a person: go?"),
        (("captain", "delegate it"), 7, "a sub-agent waits for a person"),
        (("sailor", "sail", "--budget", "lots"), 2, "no amount in dollars"),
        (("sailor", "sail", "--deadline", "soon"), 2, "no time"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = quarterdeck(folder, "run", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_agent_without_a_model_is_refused_with_advice(folder: Path) -> None:
    (folder / "quarterdeck.toml").write_text("[agents.sailor]")
    done = quarterdeck(folder, "run", "sailor", "sail")
    assert done.returncode == 2
    assert "--model" in done.stderr


def test_wrong_settings_are_told_a_line_each(folder: Path) -> None:
    (folder / "quarterdeck.toml").write_text('[agents.sailor]\ntools = ["raed_file"]')
    done = quarterdeck(folder, "run", "sailor", "sail")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "did you mean 'read_file'" in done.stderr


def test_a_worker_drives_what_was_queued_and_stops_when_told(folder: Path) -> None:
    queued = quarterdeck(folder, "run", "sailor", "sail", "--detach", "--json")
    assert queued.returncode == 0
    run_id = json.loads(queued.stdout)["run_id"]
    with Talking(*COMMAND, "--workspace", str(folder), "worker", "--concurrency", "2") as worker:
        told = []
        for line in worker.err:
            told.append(line)
            if "ended: succeeded" in line:
                break
        worker.process.send_signal(signal.SIGINT)
        rest = list(worker.err)
        assert worker.ended() == 0, rest
    assert told[-1].startswith(run_id)
    assert rest == []
