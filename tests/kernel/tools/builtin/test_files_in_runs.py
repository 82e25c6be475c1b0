"""File tools in runs: what is recorded, what a person can undo, what a crash leaves behind."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import Kernel, Run, ToolResult, Verdict
from quarterdeck_kernel.engine import reported
from quarterdeck_kernel.engine.erasure import erase
from quarterdeck_kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    RunPausedError,
    StoreFullError,
    ToolFailedError,
)
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.read_file import read_file_tool
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.report import Report, sha256_of
from tests.kernel.engine.deck import ADA, kernel_of, length, story
from tests.kernel.tools.builtin.engine import EVERYTHING, Asks, artifacts

EDIT = {"path": "a.txt", "edits": [{"old": "one", "new": "two"}]}


def deck(folder: Path, **wiring: Any) -> Any:  # noqa: ANN401 - what `kernel_of` gives
    files = folder / "files"
    files.mkdir(exist_ok=True)
    root = Root(files, private=[folder])
    may = frozenset({"till"})
    changing = (replace(tool, secrets=may) for tool in change_files_tools(root))
    tools = (*changing, read_file_tool(root))
    return kernel_of(*tools, at=folder, tenants=[EVERYTHING], **wiring)


async def stepped(
    kernel: Kernel, run: Run, key: str, tool: str, arguments: dict[str, Any]
) -> ToolResult:
    return await kernel.step_tool(run=run, step_key=key, tool=tool, arguments=arguments)


async def test_what_was_changed_stands_beside_the_outcome(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        text = {"path": "./sub/a.txt", "text": "one\n"}
        result = await stepped(kernel, run, "w", "write_file", text)
        assert await story(kernel, run) == ["intent 1", "success", "artifact_written"]
        ((event, change),) = await artifacts(kernel, run)
        assert (event.seq, change.intent_seq) == (result.seq + 1, result.intent_seq)
        assert (change.path, change.operation, change.size) == ("sub/a.txt", "written", 4)
        assert (change.before, change.before_sha256) == (None, None)
        value: Any = result.value
        assert change.after_sha256 == value["sha256"] == sha256_of(b"one\n")
        assert await kernel.store.blob(change.after) == b"one\n"
        records = await kernel.store.read(run.run_id)
        assert records[-1].at_us == records[-2].at_us


async def test_a_replay_changes_and_appends_nothing(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        first = await stepped(kernel, run, "w", "write_file", {"path": "a.txt", "text": "one"})
        (tmp_path / "files" / "a.txt").write_text("a person's")
        before = await length(kernel, run)
        again = await stepped(kernel, run, "w", "write_file", {"path": "a.txt", "text": "one"})
        assert (again.value, again.replayed) == (first.value, True)
        assert await length(kernel, run) == before
        assert (tmp_path / "files" / "a.txt").read_text() == "a person's"


async def test_changes_are_undone_one_after_the_other_and_undoing_can_be_undone(
    tmp_path: Path,
) -> None:
    file = tmp_path / "files" / "a.txt"
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        await stepped(kernel, run, "w", "write_file", {"path": "a.txt", "text": "one"})
        await stepped(kernel, run, "e", "edit_file", EDIT)
        await stepped(kernel, run, "d", "delete_file", {"path": "a.txt"})
        made, edited, deleted = [event.seq for event, _ in await artifacts(kernel, run)]
        await kernel.finish_run(run)
        with pytest.raises(ConflictError, match="changed since"):
            await kernel.restore(run, edited, files=tmp_path / "files", actor=ADA)
        restored = await kernel.restore(run, deleted, files=tmp_path / "files", actor=ADA)
        assert file.read_text() == "two"
        assert restored is not None
        assert (restored.actor, restored.payload.operation) == (ADA, "restored")
        assert await kernel.restore(run, deleted, files=tmp_path / "files") is None
        await kernel.restore(run, edited, files=tmp_path / "files")
        assert file.read_text() == "one"
        await kernel.restore(run, made, files=tmp_path / "files")
        assert not file.exists()
        (event, _) = (await artifacts(kernel, run))[-1]
        await kernel.restore(run, event.seq, files=tmp_path / "files")
        assert file.read_text() == "one"
        file.write_text("a person's")
        await kernel.restore(run, made, files=tmp_path / "files", anyway=True)
        assert not file.exists()
        with pytest.raises(InvalidError, match="changed no file"):
            await kernel.restore(run, 1, files=tmp_path / "files")
        await kernel.let_go(run)
        await erase(kernel.store, run.run_id, made, actor=ADA, reason="asked to")
        with pytest.raises(NotFoundError, match="was erased"):
            await kernel.restore(run, made, files=tmp_path / "files")


async def test_an_approval_covers_the_file_as_it_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "files" / "a.txt"
    async with deck(tmp_path, guards=[Asks("write_files")]) as kernel:
        file.write_text("one")
        run = await kernel.start_run(agent="clerk")
        with pytest.raises(RunPausedError) as first:
            await stepped(kernel, run, "e", "edit_file", EDIT)
        await kernel.resume(run, first.value.pause_id, decision="approved")
        file.write_text("one more")
        with pytest.raises(RunPausedError) as second:
            await stepped(kernel, run, "e", "edit_file", EDIT)
        assert second.value.pause_id != first.value.pause_id
        assert file.read_text() == "one more"
        await kernel.resume(run, second.value.pause_id, decision="approved")
        await stepped(kernel, run, "e", "edit_file", EDIT)
        assert file.read_text() == "two more"


class Meddles:
    """A guard behind which the file changes: after what was shown, before the call."""

    name = "meddles"
    kind = Asks.kind

    def __init__(self, file: Path) -> None:
        self._file = file

    async def judge(self, _call: object) -> Verdict:
        self._file.write_text("one, meddled with")
        return await Asks().judge(_call)  # type: ignore[arg-type]


async def test_a_file_that_changed_between_the_look_and_the_call_is_left_alone(
    tmp_path: Path,
) -> None:
    file = tmp_path / "files" / "a.txt"
    async with deck(tmp_path, guards=[Meddles(file)]) as kernel:
        file.write_text("one")
        run = await kernel.start_run(agent="clerk")
        with pytest.raises(ToolFailedError, match="has changed since this call was judged"):
            await stepped(kernel, run, "e", "edit_file", EDIT)
        assert file.read_text() == "one, meddled with"
        assert await artifacts(kernel, run) == []


async def test_what_cannot_be_done_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        with pytest.raises(DeniedError, match=r"there is no 'a.txt'; list_files"):
            await stepped(kernel, run, "e", "edit_file", EDIT)
        assert await story(kernel, run) == ["guard_denied"]


async def test_what_a_file_held_is_kept_before_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is full: then the file stays as it is."""

    async def full(_self: object, _tenant: str, _content: bytes) -> str:
        raise StoreFullError("the disk is full")

    file = tmp_path / "files" / "a.txt"
    async with deck(tmp_path) as kernel:
        file.write_text("one")
        run = await kernel.start_run(agent="clerk")
        monkeypatch.setattr(SqliteStore, "put_blob", full)
        retry = change_files_tools(Root(tmp_path / "files"))[1].retry.model_copy(
            update={"tries": 1}
        )
        with pytest.raises(ToolFailedError, match="disk is full"):
            await kernel.step_tool(
                run=run, step_key="e", tool="edit_file", arguments=EDIT, retry=retry
            )
        assert file.read_text() == "one"


DIES = """
import asyncio, sys
from pathlib import Path
from quarterdeck_kernel import Kernel, tool_of
from quarterdeck_kernel.testing.crash import CrashAt
from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.root import Root
from tests.kernel.tools.builtin.engine import EVERYTHING
from tests.kernel.tools.builtin.test_files_in_runs import CALLS

async def main(folder, tool, point):
    tools = change_files_tools(Root(folder / "files", private=[folder]))
    async with await Kernel.open(folder, tools=tools, tenants=[EVERYTHING]) as kernel:
        run = await kernel.start_run(agent="clerk", run_id="voyage")
        with CrashAt(point):
            await kernel.step_tool(run=run, step_key="s", tool=tool, arguments=CALLS[tool])

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""

CALLS: dict[str, dict[str, Any]] = {
    "write_file": {"path": "a.txt", "text": "two"},
    "edit_file": EDIT,
    "delete_file": {"path": "a.txt"},
}
AFTER = {"write_file": "two", "edit_file": "two", "delete_file": None}


@pytest.mark.parametrize("tool", list(CALLS))
@pytest.mark.parametrize(
    "point", ["tools.file.before", "tools.file.after", "engine.outcome.before"]
)
async def test_a_crash_round_the_change_loses_and_doubles_nothing(
    tmp_path: Path, tool: str, point: str
) -> None:
    files = tmp_path / "ws" / "files"
    files.mkdir(parents=True)
    tmp_path.joinpath("ws").chmod(0o700)
    (files / "a.txt").write_text("one")
    arguments = [str(tmp_path / "ws"), tool, point]
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", DIES, *arguments], check=False
    )
    assert process.returncode == -signal.SIGKILL
    changed = point != "tools.file.before"
    assert (files / "a.txt").exists() is not (changed and tool == "delete_file")
    root = Root(files, private=[files.parent])
    async with Kernel(
        await open_store(files.parent), tools=change_files_tools(root), tenants=[EVERYTHING]
    ) as kernel:
        run = await kernel.load_run("voyage")
        result = await stepped(kernel, run, "s", tool, CALLS[tool])
        assert result.attempt == 2
        value: Any = result.value
        ((event, change),) = await artifacts(kernel, run)
        assert (change.before_sha256, change.after_sha256) == (
            sha256_of(b"one"),
            value["sha256"],
        )
        text = (files / "a.txt").read_text() if (files / "a.txt").exists() else None
        assert text == AFTER[tool]
        assert not list(files.glob(".quarterdeck-*"))
        # What the file held was kept by the process that died.
        await kernel.restore(run, event.seq, files=root)
        assert (files / "a.txt").read_text() == "one"


async def test_without_keeping_before_replacing_the_old_content_would_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: content is kept only where the file was not replaced yet."""
    monkeypatch.setattr(Report, "keep", lambda _self, content: sha256_of(content))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("one")
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        await stepped(kernel, run, "e", "edit_file", EDIT)
        ((event, change),) = await artifacts(kernel, run)
        assert change.before is None
        with pytest.raises(NotFoundError, match="was not kept"):
            await kernel.restore(run, event.seq, files=tmp_path / "files")


async def test_the_outcome_and_the_change_are_written_together_or_owed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        real, refuse = run.driver.append, True

        async def append(decide: Any, **more: Any) -> Any:  # noqa: ANN401
            nonlocal refuse
            if refuse and run.driver.state.tool_intents:
                refuse = False
                raise StoreFullError("the disk is full")
            return await real(decide, **more)

        monkeypatch.setattr(run.driver, "append", append)
        with pytest.raises(StoreFullError):
            await stepped(kernel, run, "w", "write_file", {"path": "a", "text": "x"})
        assert await story(kernel, run) == ["intent 1"]
        await stepped(kernel, run, "w", "write_file", {"path": "a", "text": "x"})
        assert await story(kernel, run) == ["intent 1", "success", "artifact_written"]


async def test_a_store_that_finds_nothing_still_lets_the_change_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_given: object) -> str | None:
        raise StoreFullError("not now")

    async with deck(tmp_path) as kernel:
        run = await kernel.start_run(agent="clerk")
        monkeypatch.setattr(SqliteStore, "find_blob", broken)
        assert await reported._kept(run.driver, Report(), "0" * 64) is None


async def test_no_secret_is_kept_with_what_a_file_held(tmp_path: Path) -> None:
    secret = "not-a-real-secret"  # noqa: S105 - as it says
    async with deck(tmp_path, secrets={"till": secret}) as kernel:
        run = await kernel.start_run(agent="clerk")
        named = {"path": "a.txt", "text": "key={{secret:till}}"}
        await stepped(kernel, run, "w", "write_file", named)
        assert (tmp_path / "files" / "a.txt").read_text() == f"key={secret}"
        await stepped(kernel, run, "d", "delete_file", {"path": "a.txt"})
        written, deleted = await artifacts(kernel, run)
        assert (written[1].after, deleted[1].before) == (None, None)
        with pytest.raises(NotFoundError, match="was not kept"):
            await kernel.restore(run, deleted[0].seq, files=tmp_path / "files")
        found = await kernel.store.find_blob("local", sha256_of(f"key={secret}".encode()))
        assert found is None
