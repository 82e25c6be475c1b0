"""A workspace that is only looked at refuses every change itself, whatever the screen lets by."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from quarterdeck.kernel_link import workspace as workspace_module
from quarterdeck.kernel_link.driving import Driving
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.decisions import Decision
from quarterdeck.views.new_run import Order
from quarterdeck_kernel import ForkChanges, Kernel, QuarterdeckError
from quarterdeck_kernel.errors import RunPausedError, StoreUnwritableError
from quarterdeck_kernel.kernel.opening import open_store
from tests.app.test_driving import folder as settled_folder
from tests.app.test_kernel_link import until
from tests.app.test_past_link import PAID, booked

folder = settled_folder

Change = Callable[[], Awaitable[object]]


def _changes(link: KernelLink, once: int, pause_id: str) -> dict[str, Change]:
    commands, past = link.commands, link.past
    approval = Decision(run_id="r", item_id=pause_id, verb="answered", answer="yes")
    return {
        "start": lambda: commands.start_run(Order("sailor", "sail")),
        "hold": lambda: commands.hold("r", None),
        "say": lambda: commands.say("r", "ahoy"),
        "budget": lambda: commands.budget("r", 1_000_000, None),
        "model": lambda: commands.model("r", "other", None),
        "scope": lambda: commands.scope("r", "deny", ["write_file"], None),
        "cancel": lambda: commands.cancel("r", now=True, reason=None),
        "decide": lambda: link.decide(approval),
        "bookmark": lambda: past.bookmark("r", once, "here"),
        "fork": lambda: past.fork("r", once, ForkChanges()),
        "restore": lambda: past.restore("r", once, "book.md", anyway=True),
    }


async def _refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, type[Exception]]:
    """Try to change all there is through a link that only looks; return how each was refused."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "nobody"))
    refused: dict[str, type[Exception]] = {}
    async with booked(folder) as (kernel, _, once):
        pause = await _asked(kernel)
        before = await kernel.store.checkpoint()
        workspace = Workspace(folder, readonly=True)
        link = KernelLink(workspace, driving=Driving(workspace, drives=False))
        reading = asyncio.create_task(link.run())
        try:
            await until(lambda: link.crew().loaded or link.crew().trouble or reading.done())
            assert link.crew().loaded
            assert len(link.glimpse().inbox) == 1, "everything shows"
            for name, change in _changes(link, once, pause).items():
                try:
                    await change()
                except QuarterdeckError as error:
                    refused[name] = type(error)
        finally:
            reading.cancel()
            await asyncio.wait([reading], timeout=10)
        assert await kernel.store.checkpoint() == before
        assert await kernel.store.bookmarks("r") == []
        assert (folder / "files" / "book.md").read_text() == PAID
    assert refused.keys() == _changes(link, once, pause).keys()
    return refused


async def _asked(kernel: Kernel) -> str:
    """Leave a question open; return its id."""
    run = await kernel.load_run("r")
    with pytest.raises(RunPausedError) as paused:
        await kernel.pause(run=run, step_key="q", title="sail?")
    await kernel.let_go(run)
    return paused.value.pause_id


async def test_a_link_that_only_looks_refuses_every_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = await _refused(folder, monkeypatch)
    assert set(refused.values()) == {StoreUnwritableError}


async def test_a_workspace_that_forgets_that_it_is_only_looked_at_would_be_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(path: Path, *, create: bool, readonly: bool) -> object:
        del readonly
        return await open_store(path, create=create)

    monkeypatch.setattr(workspace_module, "open_store", forgetful)
    with pytest.raises(AssertionError):
        await _refused(folder, monkeypatch)
