"""Notes about the past, and files put back as they were then."""

from pathlib import Path

import pytest

from quarterdeck_kernel import verify
from quarterdeck_kernel.errors import ConflictError, InvalidError, NotFoundError
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.vocabulary.tenant import Tenant
from tests.kernel.engine.deck import ADA, kernel_of, length

OURS = Tenant(tenant_id="local", capabilities=frozenset({"write_files"}), budget_micros=1_000_000)


async def test_a_note_stands_beside_the_log_with_who_made_it_and_when() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        before = await length(kernel, run)
        now_us = kernel._clock.now_us()
        made = await kernel.bookmark(run, 1, " here it began ", actor=ADA)
        assert (made.note, made.actor, made.at_us) == ("here it began", ADA, now_us)
        assert await kernel.bookmarks(run) == [made]
        assert await length(kernel, run) == before
        assert (await kernel.store.verify()).ok
        with pytest.raises(NotFoundError, match="has no event #9"):
            await kernel.bookmark(run, 9)
        with pytest.raises(InvalidError, match="at most 2,000 characters"):
            await kernel.bookmark(run, 1, "x" * 2_001)
        await kernel.drop_bookmark(made.bookmark_id)
        assert await kernel.bookmarks(run) == []


async def test_notes_go_with_their_run() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await kernel.finish_run(run)
        await kernel.bookmark(run, 1, "done")
        await kernel.let_go(run)
        head = (await kernel.store.run(run.run_id)).head
        lease = await kernel.store.claim(run.run_id)
        await kernel.store.delete(lease, head, actor=ADA, reason="done with")
        assert isinstance(kernel.store, SqliteStore)
        kept = await kernel.store.reader.fetch_text("SELECT count(*) FROM bookmarks", {})
        assert kept == [(0,)]


async def test_what_must_not_be_kept_is_not_kept_in_a_note() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        made = await kernel.bookmark(run, 1, "paid with 4111 1111 1111 1111")
        assert "4111" not in made.note


async def test_a_workspace_that_was_moved_has_its_runs_and_its_files_of_then(
    tmp_path: Path,
) -> None:
    """Its folder is all of it: nothing in it names the place where it lay."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "files").mkdir(mode=0o700, parents=True)
    here.chmod(0o700)
    tools = builtin_tools(Root(here / "files"))
    async with kernel_of(*tools, at=here, tenants=[OURS]) as kernel:
        run = await kernel.start_run(agent="purser", run_id="r")
        seqs = []
        for text in ("one\n", "two\n"):
            given = {"path": "log.txt", "text": text}
            await kernel.step_tool(
                run=run, step_key=text.strip(), tool="write_file", arguments=given
            )
            seqs.append(run.state.head_seq)
    here.rename(there)
    files = there / "files"
    async with kernel_of(*builtin_tools(Root(files)), at=there, tenants=[OURS]) as kernel:
        assert (await verify(kernel.store)).ok
        await kernel.restore_as_of("r", seqs[0], "log.txt", files=files)
        assert (files / "log.txt").read_text() == "one\n"
        run = await kernel.load_run("r")
        given = {"path": "log.txt", "text": "three\n"}
        await kernel.step_tool(run=run, step_key="on", tool="write_file", arguments=given)
        assert (files / "log.txt").read_text() == "three\n"
        assert (await verify(kernel.store)).ok
    assert not here.exists()


async def test_a_file_is_put_back_as_it_was_behind_any_event(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("before\n")
    async with kernel_of(*builtin_tools(Root(tmp_path)), tenants=[OURS]) as kernel:
        run = await kernel.start_run(agent="purser")
        seqs = [run.state.head_seq]
        for at, text in enumerate(("one\n", "two\n", "three\n")):
            await kernel.step_tool(
                run=run,
                step_key=f"w{at}",
                tool="write_file",
                arguments={"path": "log.txt", "text": text},
            )
            seqs.append(run.state.head_seq)
        for seq, text in zip(
            reversed(seqs), ("three\n", "two\n", "one\n", "before\n"), strict=True
        ):
            event = await kernel.restore_as_of(run, seq, "log.txt", files=tmp_path)
            assert file.read_text() == text
            assert (event is None) == (text == "three\n")
        again = await kernel.restore_as_of(run, seqs[2], "log.txt", files=tmp_path)
        assert again is not None, "a restoration is undone as any other change"
        assert file.read_text() == "two\n"
        file.write_text("mine\n")
        with pytest.raises(ConflictError, match="changed since"):
            await kernel.restore_as_of(run, seqs[1], "log.txt", files=tmp_path)
        assert await kernel.restore_as_of(run, seqs[1], "log.txt", files=tmp_path, anyway=True)
        assert file.read_text() == "one\n"
        with pytest.raises(NotFoundError, match="changed no file 'other'"):
            await kernel.restore_as_of(run, seqs[1], "other", files=tmp_path)
        with pytest.raises(NotFoundError, match="has no event"):
            await kernel.restore_as_of(run, 999, "log.txt", files=tmp_path)
