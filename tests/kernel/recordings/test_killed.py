"""A process that is killed while it imports leaves nothing of it that anybody sees or keeps."""

import asyncio
import os
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck_kernel import import_recording, open_store, verify
from quarterdeck_kernel.kernel import recorded as recorded_
from quarterdeck_kernel.recordings import bringing_in, loading
from quarterdeck_kernel.store.verdict import Progress
from tests.crash.processes import Child
from tests.kernel.recordings.tapes import deck, recorded, worked


class _Killed:
    """Dies for good when progress is told for the n-th time; else says how often it was."""

    def __init__(self, tape: Path, workspace: Path, dies_at: int | None) -> None:
        self.tape, self.workspace, self.dies_at = tape, workspace, dies_at
        self.told = 0

    def tell(self, far: Progress) -> None:
        self.told += 1
        assert far.events <= far.of
        if self.told == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def __call__(self, pipe: Connection) -> None:
        store = await open_store(self.workspace)
        try:
            await import_recording(store, self.tape, progress=self.tell)
        finally:
            await store.close()
        pipe.send(self.told)


async def _mine(workspace: Path) -> None:
    async with deck(workspace) as kernel:
        await worked(kernel, "mine")


async def _after(workspace: Path) -> tuple[int, int]:
    store = await open_store(workspace)
    try:
        verdict = await verify(store)
        assert verdict.ok, verdict
        assert await store.acts() == []
        return verdict.runs, (await store.checkpoint()).position
    finally:
        await store.close()


@pytest.fixture
def tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording that comes in many pages; what is laid out lies in a folder of the test's."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(loading, "_AT_ONCE", 3)
    monkeypatch.setattr(bringing_in, "_PAGE", 3)
    return asyncio.run(recorded(tmp_path))


def test_an_import_that_was_killed_anywhere_was_none(tape: Path, tmp_path: Path) -> None:
    workspace, temporary = tmp_path / "other", tmp_path / "temporary"
    asyncio.run(_mine(workspace))
    before = asyncio.run(_after(workspace))
    with Child(_Killed(tape, tmp_path / "whole", None)) as child:
        (times,) = child.hear_all()
    assert times > 4
    for dies_at in range(1, times + 1):
        with Child(_Killed(tape, workspace, dies_at)) as child:
            assert child.hear_all() == []
            assert child.was_killed
        # What it had laid out; that of the one before was swept.
        (left,) = temporary.iterdir()
        assert (left / "quarterdeck.db").exists()
        assert asyncio.run(_after(workspace)) == before
    with Child(_Killed(tape, workspace, None)) as child:
        assert child.hear_all() == [times]
    assert list(temporary.iterdir()) == []


def test_only_what_the_dead_left_is_swept(tape: Path, tmp_path: Path) -> None:
    """Neither what somebody looks at now, nor what was never ours."""
    temporary = tmp_path / "temporary"
    (temporary / "quarterdeck-recording-notes").mkdir()
    (temporary / "quarterdeck-recording-away").symlink_to(tape.parent)
    with recorded_.folder_of_its_own() as mine, recorded_.folder_of_its_own() as other:
        assert mine.is_dir()
        assert other.is_dir()
    assert {path.name for path in temporary.iterdir()} == {
        "quarterdeck-recording-notes",
        "quarterdeck-recording-away",
    }
    assert tape.exists()
