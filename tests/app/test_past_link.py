"""The link reads, notes, forks, merges, restores and exports in a real workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import ForkChanges, Kernel, open_recording, state_at
from quarterdeck_kernel.errors import ConflictError, StoreClosedError
from quarterdeck_kernel.settings.files import FILE_NAME
from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.root import Root
from tests.app.test_kernel_link import linked, until
from tests.kernel.engine.deck import kernel_of
from tests.kernel.recordings.tapes import deck, worked
from tests.kernel.tools.builtin.engine import EVERYTHING

OWED, PAID = "# Book\n\nowed: 7\n", "# Book\n\nowed: 0\n"


@asynccontextmanager
async def booked(folder: Path) -> AsyncIterator[tuple[Kernel, KernelLink, int]]:
    """Lend a run that wrote a file twice; and the event behind which it was written once."""
    files = folder / "files"
    files.mkdir()
    tools = change_files_tools(Root(files, private=[folder]))
    async with kernel_of(*tools, at=folder, tenants=[EVERYTHING]) as kernel:
        run = await kernel.start_run(agent="purser", objective="settle", run_id="r")
        for key, text in (("w1", OWED), ("w2", PAID)):
            await kernel.step_tool(
                run=run,
                step_key=key,
                tool="write_file",
                arguments={"path": "book.md", "text": text},
            )
            if key == "w1":
                once = run.state.head_seq
        async with linked(folder) as link:
            await until(lambda: link.glimpse().row("r"))
            yield kernel, link, once


async def test_a_moment_has_the_files_of_then_and_a_difference_their_content(
    tmp_path: Path,
) -> None:
    async with booked(tmp_path) as (kernel, link, once):
        head = (await kernel.store.run("r")).head.seq
        for seq, text in ((once, OWED), (head, PAID)):
            await until(partial(link.past.page, "r", seq))
            page = link.past.page("r", seq)
            assert page is not None
            assert [(file.path, file.text) for file in page.files] == [("book.md", text)]
        await until(partial(link.past.page, "r", 2))
        page = link.past.page("r", 2)
        assert page is not None
        assert page.files == ()
        between = await link.past.between("r", once, head)
        (changed,) = between.files
        assert changed.diff is not None
        assert "-owed: 7\n+owed: 0\n" in changed.diff
        assert ("spend", "tool_calls") in {(value.panel, value.name) for value in between.values}
        assert (await link.past.between("r", head, head)).empty


async def test_a_file_is_put_back_and_that_is_recorded(tmp_path: Path) -> None:
    async with booked(tmp_path) as (kernel, link, once):
        found = await link.past.restoration("r", once, "book.md")
        assert (found.changed, found.same, found.now, found.then) == (False, False, 16, 16)
        assert "-owed: 0\n+owed: 7\n" in (found.diff or "")
        assert (tmp_path / "files" / "book.md").read_text() == PAID, "only looked at"
        seq = await link.past.restore("r", once, "book.md", anyway=False)
        assert (tmp_path / "files" / "book.md").read_text() == OWED
        assert seq == (await kernel.store.run("r")).head.seq
        assert await link.past.restore("r", once, "book.md", anyway=False) is None
        assert (await link.past.restoration("r", once, "book.md")).same


async def test_a_file_that_somebody_changed_since_is_left_alone_until_they_say_so(
    tmp_path: Path,
) -> None:
    async with booked(tmp_path) as (_, link, once):
        book = tmp_path / "files" / "book.md"
        book.write_text("# Book\n\nowed: 3\n")
        found = await link.past.restoration("r", once, "book.md")
        assert (found.changed, found.same) == (True, False)
        assert "-owed: 3\n+owed: 7\n" in (found.diff or "")
        with pytest.raises(ConflictError, match="changed since"):
            await link.past.restore("r", once, "book.md", anyway=False)
        assert "owed: 3" in book.read_text()
        await link.past.restore("r", once, "book.md", anyway=True)
        assert book.read_text() == OWED
        book.unlink()
        gone = await link.past.restoration("r", once, "book.md")
        assert (gone.changed, gone.now, gone.then) == (True, None, 16)
        book.write_bytes(b"\xff\xfe")
        assert (await link.past.restoration("r", once, "book.md")).why == "it is no text"
        book.chmod(0o444)
        unlookable = await link.past.restoration("r", once, "book.md")
        assert unlookable.changed
        assert "read-only" in unlookable.why


async def test_notes_are_seen_by_all_and_taken_away(tmp_path: Path) -> None:
    async with booked(tmp_path) as (kernel, link, once):
        assert link.past.bookmarks("r") == ()
        await link.past.bookmark("r", once, "owed")
        (mark,) = link.past.bookmarks("r")
        assert (mark.seq, mark.note) == (once, "owed")
        # Another process notes something, too: that is no event, and yet it shows.
        await kernel.bookmark("r", 2, "theirs")
        link.past._marked_us.clear()
        await until(lambda: len(link.past.bookmarks("r")) == 2)
        await link.past.drop_bookmark(mark)
        assert [mark.note for mark in link.past.bookmarks("r")] == ["theirs"]


async def test_a_fork_is_planned_begun_compared_and_merged(tmp_path: Path) -> None:
    async with booked(tmp_path) as (kernel, link, once):
        plan = await link.past.plan("r", once, ForkChanges(message="mind the reef"))
        assert plan.changed == ("message",)
        assert plan.replayed.tool_calls == 1
        assert [effect.name for effect in plan.ahead] == ["write_file"]
        fork_id = await link.past.fork("r", once, ForkChanges(message="mind the reef"))
        await until(lambda: link.glimpse().row(fork_id))
        row = link.glimpse().row(fork_id)
        assert row is not None
        assert (row.fork_of, row.fork_seq) == ("r", once)
        assert len((await state_at(kernel.store, fork_id)).messages) == 1
        found = await link.past.compare("r", fork_id)
        assert found.shared_seq == once
        with pytest.raises(ConflictError):
            await link.past.merge(fork_id)
        fork = await kernel.load_run(fork_id)
        await kernel.finish_run(fork, answer="settled")
        assert "its answer and 0 files into r" in await link.past.merge(fork_id)


async def test_an_export_is_a_recording_that_can_be_opened(tmp_path: Path) -> None:
    async with booked(tmp_path) as (_, link, _once):
        target = tmp_path / "r.recording"
        told: list[tuple[int, int]] = []
        said = await link.past.export(
            "r", target, forks=False, children=False, tell=lambda *far: told.append(far)
        )
        assert "1 run, " in said
        head = link.glimpse().rows[0].head_seq
        assert told == [(head, head)]
        async with open_recording(target) as recording:
            assert recording.verified.manifest.asked_for == "r"


async def test_an_export_leaves_out_what_the_settings_of_the_workspace_say(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    async with deck(folder) as kernel, linked(folder) as link:
        await worked(kernel)

        async def exported(name: str) -> str:
            target = tmp_path / name
            return await link.past.export(
                "run", target, forks=False, children=False, tell=lambda *_: None
            )

        assert "1 of them without what is personal" in await exported("usual")
        settings = folder / FILE_NAME
        settings.write_text('[personal_data.recording]\nemail = "off"\n', encoding="utf-8")
        assert "personal" not in await exported("as it is")


async def test_where_the_workspace_is_not_open_nothing_is_done(tmp_path: Path) -> None:
    link = KernelLink(Workspace(tmp_path))
    with pytest.raises(StoreClosedError, match="not open"):
        await link.past.bookmark("r", 1, "")
    assert link.past.bookmarks("r") == ()
    assert link.past.page("r", 1) is None
