"""Starting is quick: a command loads what it needs, and a shell completes all of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.cli import main
from tests.app.cli.desk import Desk

HEAVY = {"textual", "litellm", "httpx", "mcp", "jsonschema"}
KERNEL = {"pydantic", "aiosqlite", "quarterdeck_kernel", "rich"}


def loaded(*commands: tuple[str, ...]) -> set[str]:
    """Return what commands have loaded when they are over."""
    script = (
        "import sys\n"
        "from quarterdeck.cli import main\n"
        f"for arguments in {commands!r}:\n"
        "    try:\n"
        "        main(list(arguments))\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, (arguments, end.code)\n"
        "print('LOADED', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("arguments", [("--help",), ("show", "--help"), ("completion", "bash")])
def test_help_loads_nothing_of_ours_but_the_commands(arguments: tuple[str, ...]) -> None:
    assert loaded(arguments) & (HEAVY | KERNEL) == set()


LIGHT = [
    ("runs",), ("show", "asks"), ("events", "asks"), ("inbox",), ("grants",), ("heads",),
    ("verify",), ("ledger",), ("agents",), ("models",), ("doctor",), ("hold", "rests"),
    ("say", "rests", "x"), ("acknowledge", "fails"), ("budget", "rests", "1"),
]  # fmt: skip


def test_a_command_loads_neither_the_screen_nor_what_asks_models(desk: Desk) -> None:
    """One after the other in one process: what one of them loads stays loaded."""
    assert loaded(*(("--workspace", str(desk.workspace), *each) for each in LIGHT)) & HEAVY == set()


def test_the_probe_sees_what_is_loaded(desk: Desk) -> None:
    answer = ("--workspace", str(desk.workspace), "answer", desk.item("chooses"), "tar")
    assert "jsonschema" in loaded(answer)


def test_every_command_says_what_it_does_in_one_line() -> None:
    for name, command in main.commands.items():
        assert command.short_help, name
        assert command.help, name
        assert len(f"  {name:<12}{command.short_help}") < 80, name


def test_every_reading_command_answers_in_json() -> None:
    # `run` reports how its run ended; the last ones what came of it.
    reading = {
        "run",
        "export", "import", "erase", "delete",
        "bookmarks", "compare", "fork", "merge", "note", "replay", "restore", "state",
        "runs", "show", "events", "inbox", "grants", "verify", "heads", "agents", "tools",
        "models", "ledger", "doctor", "backup",
    }  # fmt: skip
    assert reading == {
        name
        for name, command in main.commands.items()
        if any("--json" in parameter.opts for parameter in command.params)
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete_both_names(tmp_path: Path, shell: str) -> None:
    script = Desk(tmp_path).says("completion", shell)
    assert "_QUARTERDECK_COMPLETE" in script
    assert "_QD_COMPLETE" in script


def test_commands_and_options_are_completed() -> None:
    from click.shell_completion import ShellComplete

    complete = ShellComplete(main, {}, "quarterdeck", "_QUARTERDECK_COMPLETE")
    words = {item.value for item in complete.get_completions(["reconcile"], "--")}
    assert {"--probe", "--done", "--retry", "--failed"} <= words
    assert [item.value for item in complete.get_completions([], "app")] == ["approve"]
