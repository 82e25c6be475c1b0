"""The link reads a real store beside the loop, and shows what another writer did."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import Kernel, tool_of
from quarterdeck_kernel.errors import StoreUnwritableError


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[KernelLink]:
    link = KernelLink(Workspace(folder))
    reading = asyncio.create_task(link.run())
    yield link
    reading.cancel()
    await asyncio.wait([reading])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the link tells nobody: screens look every tick
            await asyncio.sleep(0.01)


def count(text: str) -> int:
    return len(text)


async def _counted(folder: Path, texts: Iterable[str]) -> None:
    """Play another process: a run that counts, from its start to its end."""
    async with await Kernel.open(folder, tools=[tool_of(count)]) as kernel:
        run = await kernel.start_run(agent="a", run_id="a")
        for text in texts:
            await kernel.step_tool(run=run, step_key=text, tool="count", arguments={"text": text})
        await kernel.finish_run(run)


async def test_it_shows_a_run_as_another_store_writes_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.files.mkdir(parents=True)
    async with linked(workspace.folder) as link:
        await until(lambda: link.glimpse().loaded)
        assert link.glimpse().rows == ()
        await _counted(workspace.folder, ["one", "three"])
        await until(lambda: link.glimpse().rows and link.glimpse().rows[0].need == "done")
        head = link.glimpse().rows[0].head_seq
        assert head == link.glimpse().position == 7
        assert link.line("a", head) is None
        await until(lambda: link.line("a", head))
        words = [line.word for seq in range(1, 8) if (line := link.line("a", seq))]
        assert words == ["queued", "started", "tool", "tool ok", "tool", "tool ok", "done"]


async def test_a_workspace_that_cannot_be_opened_is_an_error_of_run(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").mkdir()
    with pytest.raises(StoreUnwritableError):
        await KernelLink(Workspace(tmp_path)).run()


async def test_a_page_grows_with_its_run_and_keeps_the_names_of_tools(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.files.mkdir(parents=True)

    async with linked(workspace.folder) as link:
        driving = asyncio.create_task(_counted(workspace.folder, map(str, range(150))))
        await until(lambda: link.glimpse().rows)
        while not driving.done():
            # What a screen does: it asks for the line that was just announced.
            link.line("a", link.glimpse().rows[0].head_seq)
            await asyncio.sleep(0.01)
        await driving
        await until(lambda: link.glimpse().rows[0].need == "done")
        head = link.glimpse().rows[0].head_seq
        assert head == 2 + 2 * 150 + 1
        for seq in range(1, head + 1):
            await until(partial(link.line, "a", seq))
        lines = [line for seq in range(1, head + 1) if (line := link.line("a", seq))]
        assert [line.seq for line in lines] == list(range(1, head + 1))
        unnamed = [line for line in lines if line.word == "tool ok" and line.text.startswith("#")]
        # Where a page begins with an outcome its intent stands on the page before.
        assert len(unnamed) <= head // 128
