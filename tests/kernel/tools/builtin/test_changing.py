"""Writing, editing and deleting files: all or nothing, once, upon what was shown."""

import asyncio
import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck_kernel import NOT_DONE, Done, Tool
from quarterdeck_kernel.errors import PermanentToolError, ToolAbortedError, TransientToolError
from quarterdeck_kernel.tools.builtin import place
from quarterdeck_kernel.tools.builtin.bounds import FILE_BYTES
from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.diff import diff_of
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL
from quarterdeck_kernel.tools.report import FileChange, Report, sha256_of
from tests.kernel.tools.builtin.hands import call, context, refusal, rooted, shown_call, tree


def tools(folder: Path, **files: str) -> tuple[Tool, ...]:
    return change_files_tools(rooted(folder, **files))


async def test_a_new_file_is_written_with_the_folders_on_its_way(tmp_path: Path) -> None:
    write, *_ = tools(tmp_path)
    data = write.parse({"path": "a/b/c.txt", "text": "größer\n"})
    preview = await write.preview(data)
    assert preview == {
        "path": "a/b/c.txt",
        "base": None,
        "after": sha256_of("größer\n".encode()),
        "size": 9,
        "diff": "@@ -1,0 +1,1 @@\n+größer\n",
    }
    assert tree(tmp_path) == {}, "a preview changes nothing"
    assert await shown_call(write, preview, data) == {
        "path": "a/b/c.txt",
        "before_sha256": None,
        "sha256": sha256_of("größer\n".encode()),
        "size": 9,
    }
    assert tree(tmp_path) == {"a/b/c.txt": "größer\n".encode()}


async def test_an_edit_replaces_exactly_and_keeps_everything_else(tmp_path: Path) -> None:
    _, edit, _ = tools(tmp_path)
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\none\r\n")
    (tmp_path / "a").chmod(0o750)
    edits = [{"old": "two\r\n", "new": "2\n"}, {"old": "one", "new": "1", "all": True}]
    result = await call(edit, path="a", edits=edits)
    assert (tmp_path / "a").read_bytes() == b"\xef\xbb\xbf1\r\n2\n1\r\n"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750
    assert result["sha256"] == sha256_of((tmp_path / "a").read_bytes())


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([{"old": "one\n", "new": "x"}, {"old": "nine", "new": "y"}], "edit 2 of 2"),
        ([{"old": "o", "new": "x"}], "is there 3 times"),
        ([{"old": "one  two", "new": "x"}], "only its blanks"),
        ([], "no edit"),
        ([{"old": "three\nfour", "new": "x"}], "CR LF"),
    ],
)
async def test_edits_are_made_all_or_not_at_all(
    tmp_path: Path, edits: list[object], said: str
) -> None:
    _, edit, _ = tools(tmp_path)
    (tmp_path / "a").write_bytes(b"one\ntwo\nthree\r\nfour")
    before = tree(tmp_path)
    assert said in await refusal(edit, path="a", edits=edits)
    assert tree(tmp_path) == before


async def test_a_base_that_is_another_by_now_is_refused(tmp_path: Path) -> None:
    write, edit, delete = tools(tmp_path, a="one")
    wrong = sha256_of(b"zero")
    for tool, more in (
        (write, {"text": "x"}),
        (edit, {"edits": [{"old": "one", "new": "x"}]}),
        (delete, {}),
    ):
        said = await refusal(tool, path="a", base_sha256=wrong, **more)
        assert sha256_of(b"one") in said
    assert tree(tmp_path) == {"a": b"one"}
    await call(delete, path="a", base_sha256=sha256_of(b"one"))
    assert tree(tmp_path) == {}


async def test_what_was_shown_is_a_precondition(tmp_path: Path) -> None:
    """Approved upon one content, the file holds another when the call is made."""
    write, edit, delete = tools(tmp_path, a="one")
    for tool, more in (
        (write, {"text": "x"}),
        (edit, {"edits": [{"old": "one", "new": "x"}]}),
        (delete, {}),
    ):
        (tmp_path / "a").write_text("one")
        data = tool.parse({"path": "a", **more})
        preview = await tool.preview(data)
        (tmp_path / "a").write_text("one more")
        with pytest.raises(PermanentToolError, match="has changed since"):
            await shown_call(tool, preview, data)
        assert tree(tmp_path) == {"a": b"one more"}
        assert await tool.probe(context(preview=preview), data) == CANNOT_TELL


async def test_a_further_try_finds_its_work_done_and_reports_it(tmp_path: Path) -> None:
    write, edit, delete = tools(tmp_path, a="one")
    for tool, more in (
        (write, {"text": "two"}),
        (edit, {"edits": [{"old": "two", "new": "three"}]}),
        (delete, {}),
    ):
        data = tool.parse({"path": "a", **more})
        preview = await tool.preview(data)
        assert await tool.probe(context(preview=preview), data) == NOT_DONE
        first = await shown_call(tool, preview, data)
        held = tree(tmp_path)
        report = Report()
        assert await shown_call(tool, preview, data, attempt=2, report=report) == first
        assert tree(tmp_path) == held
        (change,) = report.changes
        assert (change.before, change.after) == (first["before_sha256"], first["sha256"])
        assert await tool.probe(context(preview=preview), data) == Done(first)


async def test_what_is_so_already_is_no_change(tmp_path: Path) -> None:
    write, *_ = tools(tmp_path, a="one")
    report = Report()
    data = write.parse({"path": "a", "text": "one"})
    before = (tmp_path / "a").stat()
    await shown_call(write, await write.preview(data), data, report=report)
    assert report.changes == []
    assert (tmp_path / "a").stat().st_ino == before.st_ino


async def test_a_call_that_nobody_waits_for_changes_nothing_any_more(tmp_path: Path) -> None:
    write, *_ = tools(tmp_path, a="one")
    report = Report()
    report.close()
    data = write.parse({"path": "a", "text": "two"})
    with pytest.raises(ToolAbortedError):
        await shown_call(write, await write.preview(data), data, report=report)
    assert tree(tmp_path) == {"a": b"one"}


async def test_a_rival_that_wrote_in_the_last_moment_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, *_ = tools(tmp_path, a="one")

    def rival(self: Report, change: FileChange, act: Any) -> None:  # noqa: ANN401
        (tmp_path / "a").write_text("rival")
        real(self, change, act)

    real = Report.change
    monkeypatch.setattr(Report, "change", rival)
    assert "somebody else" in await refusal(write, path="a", text="two")
    assert tree(tmp_path) == {"a": b"rival"}


async def test_a_disk_that_is_full_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, *_ = tools(tmp_path, a="one")

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransientToolError, match="No space left"):
        await call(write, path="a", text="two")
    assert tree(tmp_path) == {"a": b"one"}


async def test_what_could_not_be_kept_is_not_changed(tmp_path: Path) -> None:
    write, edit, delete = tools(tmp_path, fixed="x", grows="a" * 2**20)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(FILE_BYTES + 1)
    assert "could not be kept" in await refusal(write, path="huge", text="x")
    assert "could not be kept" in await refusal(delete, path="huge")
    (tmp_path / "fixed").chmod(0o444)
    assert "read-only" in await refusal(write, path="fixed", text="y")
    edits = [{"old": "a", "new": "a" * 20, "all": True}]
    assert "at most" in await refusal(edit, path="grows", edits=edits)


async def test_a_folder_that_somebody_keeps_locked_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LOCK_S", 0.05)
    write, *_ = tools(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with pytest.raises(TransientToolError, match="locked"):
            await call(write, path="a", text="x")
    finally:
        os.close(fd)
    await call(write, path="a", text="x")


async def test_of_edits_at_once_none_is_lost(tmp_path: Path) -> None:
    _, edit, _ = tools(tmp_path, a="".join(f"<{n}>" for n in range(20)))

    async def one(number: int) -> None:
        data = edit.parse({"path": "a", "edits": [{"old": f"<{number}>", "new": f"[{number}]"}]})
        while f"[{number}]" not in (tmp_path / "a").read_text():
            # What another has changed since this was shown is a refusal: show it again.
            with suppress(PermanentToolError):
                await shown_call(edit, await edit.preview(data), data)

    await asyncio.gather(*[one(number) for number in range(20)])
    assert (tmp_path / "a").read_text() == "".join(f"[{n}]" for n in range(20))


async def test_binary_is_not_edited_but_may_be_overwritten(tmp_path: Path) -> None:
    write, edit, _ = tools(tmp_path)
    (tmp_path / "a").write_bytes(b"\0\1")
    assert "binary" in await refusal(edit, path="a", edits=[{"old": "x", "new": "y"}])
    preview = await write.preview(write.parse({"path": "a", "text": "text"}))
    assert isinstance(preview, dict)
    assert (
        preview["diff"]
        == "@@ -1,1 +1,1 @@\n-(2 bytes that are no text)\n+text\n\\ No newline at the end\n"
    )
    await call(write, path="a", text="ä", encoding="latin-1")
    assert (tmp_path / "a").read_bytes() == b"\xe4"
    assert "cannot be written in latin-1" in await refusal(
        write, path="a", text="…", encoding="latin-1"
    )


def patched(before: str, diff: str) -> str:
    """Return what a diff makes of a text: the test's own reading of unified diffs."""
    old = before.split("\n")
    ends = old.pop() if old[-1] == "" else None
    new, at = list[str](), 0
    newline = ends is not None
    lines = diff.split("\n")
    for number, line in enumerate(lines[:-1]):
        if line.startswith("@@"):
            start, count = map(int, line.split()[1].removeprefix("-").split(","))
            start -= 1
            new += old[at:start]
            at = start
            newline = newline if start + count < len(old) else True
        elif line.startswith("\\"):
            newline = not lines[number - 1].startswith(("+", " ")) and newline
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            at += 1
            if line.startswith(" "):
                new.append(line[1:])
    new += old[at:]
    return "\n".join(new) + ("\n" if newline and new else "")


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "\x0c"]), max_size=30)


@settings(max_examples=300)
@given(before=LINES, after=LINES)
def test_a_diff_says_what_changes(before: list[str], after: list[str]) -> None:
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (before, after))
    assert patched(old, diff_of(old, new)) == new


def test_a_diff_of_anything_is_made_in_bounded_time_and_size() -> None:
    texts = ["\n" * 50_000, "x\n" * 1_900, "".join(f"{n % 7}\n" for n in range(1_900)), "y" * 10**6]
    for old in texts:
        for new in texts:
            assert len(diff_of(old, new)) < 150_000


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(["a", "b", "ab"]), st.text("abc", max_size=3)), max_size=4
    )
)
async def test_edits_are_replacements_in_a_row(
    pairs: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("edit")
    _, edit, _ = change_files_tools(Root(folder))
    text = "abcabc"
    (folder / "a").write_text(text)
    expected: str | None = text if pairs else None
    for old, new in pairs:
        expected = expected.replace(old, new) if expected and old in expected else None
    edits = [{"old": old, "new": new, "all": True} for old, new in pairs]
    if expected is None:
        await refusal(edit, path="a", edits=edits)
    else:
        await call(edit, path="a", edits=edits)
    assert (folder / "a").read_text() == (text if expected is None else expected)
