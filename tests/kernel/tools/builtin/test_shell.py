"""The shell: bounded in time and output, alone in its group, approved before it runs."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel.errors import (
    DeniedError,
    MissingCapabilityError,
    ReconciliationRequiredError,
    RunPausedError,
)
from quarterdeck_kernel.tools.builtin.bounds import OUTPUT_CHARS
from quarterdeck_kernel.tools.builtin.process import Command
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.shell import shell_tool
from tests.kernel.engine.deck import ADA, events, kernel_of, length, story
from tests.kernel.tools.builtin.engine import EVERYTHING, Asks
from tests.kernel.tools.builtin.hands import call, context, refusal, until


async def test_a_command_runs_in_the_root_with_little_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "not-a-real-secret")
    (tmp_path / "sub").mkdir()
    tool = shell_tool(Root(tmp_path), environment={"GIVEN": "yes"})
    told = await call(tool, command="pwd; env | sort; echo oops >&2; exit 3", folder="sub")
    lines = told["stdout"].splitlines()
    assert lines[0] == str(tmp_path / "sub")
    names = {line.partition("=")[0] for line in lines[1:]} - {"PWD", "OLDPWD", "SHLVL", "_"}
    assert names == {"PATH", "HOME", "LANG", "TERM", "PAGER", "GIVEN"}
    assert (told["exit_code"], told["stderr"]) == (3, "oops\n")
    told = await call(tool, command="cat; kill -9 $$")
    assert (told["exit_code"], told["stdout"]) == (-9, "")


async def test_where_it_runs_is_inside(tmp_path: Path) -> None:
    tool = shell_tool(Root(tmp_path))
    (tmp_path / "out").symlink_to("/")
    assert "symbolic link" in await refusal(tool, command="true", folder="out")
    assert "upwards" in await refusal(tool, command="true", folder="..")
    assert "NUL" in await refusal(tool, command="a\0b")


async def test_a_flood_of_output_is_kept_in_part(tmp_path: Path) -> None:
    tool = shell_tool(Root(tmp_path))
    told = await call(tool, command="echo first; yes | head -c 50000000; printf last")
    assert told["stdout"].startswith("first\n")
    assert told["stdout"].endswith("last")
    assert "bytes left out" in told["stdout"]
    assert len(told["stdout"]) < OUTPUT_CHARS + 100
    told = await call(tool, command=r"printf '\377\033[2J'")
    assert told["stdout"] == "\ufffd\x1b[2J", "what a terminal would obey is data"


async def test_what_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    tool = shell_tool(Root(tmp_path))
    began = time.monotonic()
    told = await call(
        tool, command="(sleep 600 & echo $!; sleep 600) & echo out; wait", timeout_s=0.5
    )
    assert time.monotonic() - began < 20
    assert told["exit_code"] is None
    assert "more than 0.5 s" in told["killed"]
    await gone(*[int(word) for word in told["stdout"].split() if word.isdigit()])


async def test_what_a_command_leaves_behind_in_its_group_is_killed(tmp_path: Path) -> None:
    told = await call(shell_tool(Root(tmp_path)), command="sleep 600 >/dev/null 2>&1 & echo $!")
    assert told["exit_code"] == 0
    await gone(int(told["stdout"]))


async def gone(*pids: int) -> None:
    """Wait until processes have ended: whoever is their parent now may be slow to reap them."""
    assert pids
    await until(lambda: not any(_alive(pid) for pid in pids))


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_cancelled_command_is_killed(tmp_path: Path) -> None:
    tool = shell_tool(Root(tmp_path))
    data = tool.parse({"command": "echo $$ > pid; sleep 600"})
    task = asyncio.create_task(tool.call(context(), data))
    await until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    task.cancel()
    with pytest.raises(BaseException):  # noqa: B017, PT011 - of whatever kind
        await task
    await gone(int((tmp_path / "pid").read_text()))


async def test_without_killing_the_group_its_children_would_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant."""
    monkeypatch.setattr(Command, "kill", lambda self: self._process.kill())
    told = await call(shell_tool(Root(tmp_path)), command="sleep 600 >/dev/null 2>&1 & echo $!")
    pid = int(told["stdout"])
    assert _alive(pid)
    os.kill(pid, 9)


async def test_a_person_sees_and_approves_the_line_and_it_runs_once(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    tool = shell_tool(Root(files, private=[tmp_path]))
    asked = {"command": "echo x >> log", "folder": "."}
    wiring: dict[str, Any] = {"tenants": [EVERYTHING], "guards": [Asks("shell")]}
    async with kernel_of(tool, at=tmp_path, **wiring) as kernel:
        run = await kernel.start_run(agent="cleaner")
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(run=run, step_key="s", tool="shell", arguments=asked)
        assert not (files / "log").exists()
        question: Any = (await events(kernel, run))[-1].payload
        assert question.risk == "high"
        assert question.effect == "once"
        assert question.details["preview"] == {
            "command": "echo x >> log",
            "cwd": "files",
            "timeout_s": 60.0,
            "environment": [],
        }
        await kernel.resume(run, paused.value.pause_id, decision="approved", actor=ADA)
        for _ in range(2):
            await kernel.step_tool(run=run, step_key="s", tool="shell", arguments=asked)
        assert (files / "log").read_text() == "x\n"
        before = await length(kernel, run)
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(run=run, step_key="t", tool="shell", arguments=asked)
        await kernel.resume(run, paused.value.pause_id, decision="rejected", reason="no")
        with pytest.raises(DeniedError):
            await kernel.step_tool(run=run, step_key="t", tool="shell", arguments=asked)
        assert (files / "log").read_text() == "x\n"
        assert await length(kernel, run) == before + 2


async def test_without_the_capability_there_is_no_shell(tmp_path: Path) -> None:
    async with kernel_of(shell_tool(Root(tmp_path))) as kernel:
        run = await kernel.start_run(agent="cleaner")
        with pytest.raises(MissingCapabilityError):
            await kernel.step_tool(
                run=run, step_key="s", tool="shell", arguments={"command": "true"}
            )


async def test_a_command_that_is_broken_off_is_unknown(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    asked = {"command": "echo $$ > pid; sleep 600"}
    async with kernel_of(shell_tool(Root(files)), at=tmp_path, tenants=[EVERYTHING]) as kernel:
        run = await kernel.start_run(agent="cleaner")
        step = kernel.step_tool(run=run, step_key="s", tool="shell", arguments=asked)
        task = asyncio.create_task(step)
        await until(lambda: (files / "pid").exists() and bool((files / "pid").read_text()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
        await gone(int((files / "pid").read_text()))
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="s", tool="shell", arguments=asked)
