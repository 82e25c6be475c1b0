"""`quarterdeck run` and `quarterdeck worker` in real processes: exit codes, signals, hand-over."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.app.talking import Talking

COMMAND = (sys.executable, "-c", "from quarterdeck.cli import main; main()")
SETTINGS = """
model = "script"
modules = ["./mine.py"]
[models.script]
script = "script.json"
[agents.sailor]
prompt = "Sail."
[agents.captain]
prompt = "Command."
sub_agents = ["sailor"]
[agents.scribe]
tools = ["read_file", "write_file", "list_files", "shell", "flood"]
[[rules]]
name = "no-rum"
verdict = "deny"
agents = ["drunkard"]
models = ["*"]
[agents.drunkard]
"""
MODULE = """
from quarterdeck_kernel import tool_of

def flood() -> str:
    \"\"\"Say too much.\"\"\"
    for _ in range(2_000):
        print("y" * 1_000)
    return "x" * 2_000_000

flooding = tool_of(flood, effect="read", version="1")
"""
ASKS = {"answer": {"calls": [{"tool": "ask", "arguments": {"question": "go?"}}]}}


def calling(said: str, tool: str, arguments: object = None, **when: object) -> dict[str, object]:
    call = {"tool": tool, "arguments": arguments or {}}
    return {"when": {"said": said, **when}, "answer": {"calls": [call]}, "times": None}


RULES = [
    calling("babble", "finish", "{{{"),
    calling("look", "list_files", results=0),
    calling("write", "write_file", {"path": "a", "text": "hm"}, results=0),
    calling("flood", "flood", results=0),
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
    (folder / "mine.py").write_text(MODULE)
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
        (("sailor", "sail", "--model", "openai/x"), 2, "needs a key and OPENAI_API_KEY is not set"),
        (("sailor", "babble"), 1, "did not finish within 20 turns; look at what it tried, and"),
        (("drunkard", "drink"), 5, "rule 'no-rum'"),
        (
            ("scribe", "write"),
            7,
            "approve write_file: asked first, for no rule in quarterdeck.toml",
        ),
        (("scribe", "look"), 0, ""),
        (("scribe", "flood"), 0, ""),
    ],
)
def test_the_exit_code_says_how_it_ended(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = quarterdeck(folder, "run", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert ("\nnext: `quarterdeck " in done.stderr) == (code == 7)
    begun = "\nrun " in f"\n{done.stderr}"
    assert (folder / "quarterdeck.db").exists() == begun, "what was not begun makes no database"


def test_who_asks_below_another_is_in_the_inbox_with_its_path(folder: Path) -> None:
    delegates = quarterdeck(folder, "run", "captain", "delegate it")
    assert "next: `quarterdeck inbox`; then a worker" in delegates.stderr
    (item,) = json.loads(quarterdeck(folder, "inbox", "--json").stdout)["items"]
    assert item["path"] == ["captain", "sailor"]
    assert "  captain > sailor · run " in quarterdeck(folder, "inbox").stdout


def test_what_is_no_run_of_an_agent_has_its_codes_too(folder: Path) -> None:
    queued = quarterdeck(folder, "run", "sailor", "sail", "--detach")
    run_id = queued.stdout.strip()
    conflict = quarterdeck(folder, "release", run_id)
    assert (conflict.returncode, conflict.stderr.count("\n")) == (6, 1)
    with closing(sqlite3.connect(folder / "quarterdeck.db")) as log, log:
        triggers = log.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            log.execute(f"DROP TRIGGER {name}")
        log.execute("UPDATE events SET hash = x'00' WHERE seq = 1")
    forged = quarterdeck(folder, "verify")
    assert forged.returncode == 4, forged.stdout


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
