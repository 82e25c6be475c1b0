"""Runs go out into a file and come back: the same events, the same state, nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from quarterdeck_kernel import (
    PersonalDataPolicy,
    export_run,
    import_recording,
    open_recording,
    open_store,
    state_at,
    verify,
    verify_recording,
)
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.tool_call import ToolResult
from quarterdeck_kernel.errors import (
    ConflictError,
    IdempotencyKeyUsedError,
    IntegrityError,
    NotFoundError,
    RunHeldError,
    StoreUnwritableError,
)
from quarterdeck_kernel.runs.delete import delete
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.testing.logs import ADA, LogBuilder
from tests.kernel.recordings.tapes import LARGE, deck, elsewhere, forked, lines_of, recorded, worked


async def log(store: EventStore, run_id: str) -> list[object]:
    return [*await store.read(run_id)]


async def test_a_run_comes_back_event_for_event(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        made = await export_run(kernel.store, "run", tmp_path / "tape", redaction="none")
        assert verify_recording(tmp_path / "tape") == made
        async with elsewhere(tmp_path / "other") as other:
            done = await import_recording(other, tmp_path / "tape", actor=ADA)
            assert (done.imported, done.held, done.events) == (("run",), (), made.events)
            assert await log(other, "run") == await log(kernel.store, "run")
            assert await other.projections("run") == await kernel.store.projections("run")
            assert await state_at(other, "run") == await state_at(kernel.store, "run")
            verdict = await verify(other)
            assert verdict.ok, verdict
            said = [await opened(other, record) for record in await other.read("run")]
            assert any(getattr(event.payload, "text", None) == LARGE for event in said)
            (act,) = await other.acts()
            assert (act.act, act.run_id, act.actor, act.reason) == (
                "import", "run", ADA, "imported from 'tape'",
            )  # fmt: skip


async def test_bookmarks_come_with_their_run_and_go_with_it(tmp_path: Path) -> None:
    """Notes are no part of the chain: one with personal data is left out, and so are all of them
    where only facts are asked for."""
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        notes = [
            Bookmark(bookmark_id=f"b{n}", run_id="run", seq=n, note=text, actor=ADA, at_us=n)
            for n, text in ((2, "here it began"), (4, "ask ada@example.com"))
        ]
        for note in notes:
            await kernel.store.put_bookmark(note)
        whole = await export_run(kernel.store, "run", tmp_path / "whole", redaction="none")
        some = await export_run(kernel.store, "run", tmp_path / "some")
        facts = await export_run(kernel.store, "run", tmp_path / "facts", redaction="all")
        assert (whole.notes, some.notes, facts.notes) == (2, 1, 0)
        assert verify_recording(tmp_path / "some").notes == 1
    async with elsewhere(tmp_path / "other") as other:
        await import_recording(other, tmp_path / "whole")
        assert await other.bookmarks("run") == notes
        await delete(other, "run", actor=ADA, reason="old")
        await import_recording(other, tmp_path / "some")
        assert await other.bookmarks("run") == notes[:1]


async def test_what_is_here_already_is_left_alone(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    async with elsewhere(tmp_path / "other") as other:
        await import_recording(other, tape)
        at = await other.checkpoint()
        again = await import_recording(other, tape)
        assert (again.imported, again.present) == ((), ("run",))
        assert await other.checkpoint() == at


async def test_a_run_of_that_id_with_other_events_is_refused(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    async with deck(tmp_path / "other") as kernel:
        await worked(kernel)
        at = await kernel.store.checkpoint()
        with pytest.raises(ConflictError, match="'run' is in this workspace, and ends at #"):
            await import_recording(kernel.store, tape)
        assert await kernel.store.checkpoint() == at


async def test_a_run_that_went_on_since_is_the_same_run(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel, over=False)
        await export_run(kernel.store, "run", tmp_path / "tape")
        await kernel.say("run", "and more", actor=ADA)
        assert (await import_recording(kernel.store, tmp_path / "tape")).present == ("run",)


async def test_what_was_not_over_arrives_held_and_goes_on_when_released(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel, over=False)
        await export_run(kernel.store, "run", tmp_path / "tape", redaction="none")
    async with deck(tmp_path / "other") as kernel:
        assert (await import_recording(kernel.store, tmp_path / "tape", actor=ADA)).held == ("run",)
        assert (await kernel.store.projections("run")).fleet.need == "held"
        run = await kernel.load_run("run")
        with pytest.raises(RunHeldError):
            await kernel.step_tool(run=run, step_key="s3", tool="pay", arguments={"amount": 3})
        replayed = await kernel.step_tool(
            run=run, step_key="s1", tool="pay", arguments={"amount": 1}
        )
        assert isinstance(replayed, ToolResult)
        await kernel.release("run", actor=ADA)
        await kernel.step_tool(run=run, step_key="s3", tool="pay", arguments={"amount": 3})
        assert (await import_recording(kernel.store, tmp_path / "tape")).present == ("run",)
        assert (await verify(kernel.store)).ok


async def test_a_fork_brings_its_parents_and_forks_come_if_asked(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        await forked(kernel, "fork", "run", 4)
        await forked(kernel, "fork-of-fork", "fork", 6)
        await worked(kernel, "another")
        up = await export_run(kernel.store, "fork-of-fork", tmp_path / "up", redaction="none")
        alone = await export_run(kernel.store, "run", tmp_path / "alone", redaction="none")
        down = await export_run(
            kernel.store, "run", tmp_path / "down", forks=True, redaction="none"
        )
        names = ["run", "fork", "fork-of-fork"]
        assert [run.run_id for run in up.manifest.runs] == names
        assert [run.run_id for run in alone.manifest.runs] == names[:1]
        assert [run.run_id for run in down.manifest.runs] == names
        async with elsewhere(tmp_path / "other") as other:
            # The parent is here already; what is shared is shared again.
            await import_recording(other, tmp_path / "alone")
            done = await import_recording(other, tmp_path / "down")
            assert (done.present, done.imported) == (("run",), ("fork", "fork-of-fork"))
            for name in names:
                assert await log(other, name) == await log(kernel.store, name)
            verdict = await verify(other)
            assert verdict.ok, verdict


@pytest.mark.parametrize("where", ["here", "in the recording"])
async def test_a_fork_follows_from_what_is_left_of_its_parent_here(
    tmp_path: Path, where: str
) -> None:
    erased, whole = tmp_path / "erased", tmp_path / "whole"
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        await forked(kernel, "fork", "run", 4)
        await forked(kernel, "fork-of-fork", "fork", 6)
        await export_run(kernel.store, "run", whole, forks=True, redaction="none")
        await kernel.erase("run", 1, reason="asked for", actor=ADA)
        await export_run(kernel.store, "run", erased, forks=True, redaction="none")
    async with deck(tmp_path / "other") as kernel:
        await import_recording(kernel.store, erased if where == "here" else whole)
        for name in ("fork-of-fork", "fork"):
            await kernel.delete(name, reason="old", actor=ADA)
        done = await import_recording(kernel.store, whole if where == "here" else erased)
        assert (done.present, done.imported) == (("run",), ("fork", "fork-of-fork"))
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict
        shown = (await kernel.store.projections("fork")).fleet.objective
        assert bool(shown) == (where == "in the recording")


async def test_children_come_if_asked(tmp_path: Path) -> None:
    async with elsewhere(tmp_path / "origin") as store:
        for run_id, parent in (("boss", None), ("mate", "boss"), ("boy", "mate"), ("other", None)):
            log = LogBuilder(run_id)
            batch = log.create()
            fleet = batch.rows.fleet._replace(parent_run_id=parent)
            await store.append(replace(batch, rows=batch.rows._replace(fleet=fleet)))
        made = await export_run(store, "boss", tmp_path / "tape", children=True)
        assert {run.run_id for run in made.manifest.runs} == {"boss", "mate", "boy"}


async def test_events_with_personal_data_are_redacted_and_the_rest_verifies(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        made = await export_run(kernel.store, "run", tmp_path / "tape")
        assert (made.redacted, made.manifest.redaction) == (1, "policy")
        off = PersonalDataPolicy.everywhere("off")
        whole = await export_run(kernel.store, "run", tmp_path / "off", personal_data=off)
        assert whole.redacted == 0
        facts = await export_run(kernel.store, "run", tmp_path / "facts", redaction="all")
        assert (facts.redacted, facts.blobs) == (facts.events, 0)
    assert b"ada@example.com" not in repr(lines_of(tmp_path / "tape")).encode()
    gone = [line for line in lines_of(tmp_path / "tape") if line.get("gone")]
    assert [line["gone"] for line in gone] == ["redacted"]
    for name, count in (("tape", 1), ("facts", facts.events)):
        async with elsewhere(tmp_path / f"with {name}") as other:
            await import_recording(other, tmp_path / name)
            verdict = await verify(other)
            assert verdict.ok, verdict
            assert len(verdict.erased) == count
            assert "redacted" in (await other.acts())[-1].reason


async def test_what_was_erased_stays_erased_and_comes_not_back(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        (seq,) = [
            r.seq for r in await kernel.store.read("run") if r.payload and "$blob" in r.payload
        ]
        await export_run(kernel.store, "run", tmp_path / "before", redaction="none")
        await kernel.erase("run", seq, reason="asked for", actor=ADA)
        made = await export_run(kernel.store, "run", tmp_path / "after", redaction="none")
        assert (made.erased, made.blobs) == (1, 0)
        # The run of both is one; which of its contents are left is not its identity.
        assert (await import_recording(kernel.store, tmp_path / "before")).present == ("run",)
        (blob,) = [line["blob"] for line in lines_of(tmp_path / "before") if "blob" in line]
        with pytest.raises(NotFoundError):
            await kernel.store.blob(blob)


async def test_an_erased_blob_is_not_brought_back_by_a_recording(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    async with deck(tmp_path / "other") as kernel:
        await import_recording(kernel.store, tape)
        records = await kernel.store.read("run")
        (seq,) = [r.seq for r in records if r.payload and "$blob" in r.payload]
        await kernel.erase("run", seq, reason="asked for", actor=ADA)
        await kernel.delete("run", reason="old", actor=ADA)
        with pytest.raises(IntegrityError, match="which was erased here"):
            await import_recording(kernel.store, tape)
        with pytest.raises(NotFoundError):
            await kernel.store.run("run")
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict


async def test_equal_content_of_two_origins_is_two_blobs_and_both_verify(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    async with deck(tmp_path / "other") as kernel:
        await worked(kernel, "mine")
        await import_recording(kernel.store, tape)
        verdict = await verify(kernel.store)
        assert verdict.ok, verdict
        assert verdict.runs == 2


async def test_a_key_that_is_used_here_is_refused(tmp_path: Path) -> None:
    async with deck(tmp_path / "origin") as kernel:
        await kernel.start_run(agent="purser", run_id="theirs", idempotency_key="invoice-7")
        await export_run(kernel.store, "theirs", tmp_path / "tape")
    async with deck(tmp_path / "other") as kernel:
        await kernel.start_run(agent="purser", run_id="ours", idempotency_key="invoice-7")
        with pytest.raises(IdempotencyKeyUsedError, match="made run 'ours' here"):
            await import_recording(kernel.store, tmp_path / "tape")


async def test_nothing_is_written_over_and_nothing_half_is_left(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    before = tape.read_bytes()
    async with elsewhere(tmp_path / "origin") as store:
        with pytest.raises(StoreUnwritableError, match="exists; name a file that does not"):
            await export_run(store, "run", tape)
        with pytest.raises(NotFoundError):
            await export_run(store, "ghost", tmp_path / "ghost")
    assert tape.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"tape", "origin"}


async def test_a_recording_is_looked_at_in_a_folder_that_goes(tmp_path: Path) -> None:
    tape = await recorded(tmp_path)
    async with open_recording(tape) as recording:
        folder = recording.folder
        assert folder.stat().st_mode & 0o077 == 0
        assert (await verify(recording.store)).ok
        assert (await recording.store.projections("run")).fleet.status == "succeeded"
    assert not folder.exists()
    with pytest.raises(IntegrityError):
        async with open_recording(tmp_path / "origin" / "quarterdeck.db"):
            raise AssertionError
    assert not list(folder.parent.glob(f"{folder.name}*"))


async def test_a_workspace_moves_by_its_backup(tmp_path: Path) -> None:
    """The file under its name in another folder is the workspace: same runs, same chain."""
    async with deck(tmp_path / "origin") as kernel:
        await worked(kernel)
        await kernel.erase("run", 3, reason="asked for", actor=ADA)
        (tmp_path / "moved").mkdir(mode=0o700)
        await kernel.store.backup(tmp_path / "moved" / "quarterdeck.db")
        at = await kernel.store.checkpoint()
    store = await open_store(tmp_path / "moved", create=False)
    try:
        verdict = await verify(store, against=[at])
        assert verdict.ok, verdict
        assert verdict.erased == (("run", 3),)
    finally:
        await store.close()
