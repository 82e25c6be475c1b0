"""Opening a workspace for as long as a command takes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from quarterdeck.cli.ending import one_sentence
from quarterdeck.cli.options import recording, refuse_readonly

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions, EventStore

T = TypeVar("T")


def reading(workspace: Path, work: "Callable[[EventStore], Awaitable[T]]") -> T:
    """Return what `work` makes of the store. It must be there: looking makes none.

    With `--recording` it is that of the recording.
    """

    async def opened() -> T:
        async with looked_at(workspace) as store:
            return await work(store)

    with one_sentence():
        return asyncio.run(opened())


@asynccontextmanager
async def looked_at(workspace: Path) -> "AsyncIterator[EventStore]":
    """Open the store that is looked at: of the workspace, or of the recording that was named."""
    from quarterdeck_kernel.kernel.opening import open_store
    from quarterdeck_kernel.kernel.recorded import open_recording

    file = recording()
    if file is not None:
        async with open_recording(file) as laid_out:
            yield laid_out.store
        return
    store = await open_store(workspace, create=False)
    try:
        yield store
    finally:
        await store.close()


def deciding(workspace: Path, work: "Callable[[Decisions], Awaitable[T]]") -> T:
    """Return what `work` comes to, which decides as the person at this terminal.

    It needs no lease: whoever drives the run, or nobody, takes it up from the log.
    """
    refuse_readonly()

    async def opened() -> T:
        from quarterdeck_kernel.kernel.deciding import open_decisions

        decisions = await open_decisions(workspace)
        try:
            return await work(decisions)
        finally:
            await decisions.store.close()

    with one_sentence():
        return asyncio.run(opened())
