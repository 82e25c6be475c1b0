"""A log that is followed ends with its run, however late it is seen that the run has ended."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.events import _pages
from quarterdeck_kernel import Kernel


class Late:
    """A store that says how a run stands, and then takes the time in which the run ends."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._ended = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the store's
        return getattr(self._kernel.store, name)

    async def projections(self, run_id: str) -> object:
        said = await self._kernel.store.projections(run_id)
        if not self._ended:
            self._ended = True
            await self._kernel.finish_run(await self._kernel.load_run(run_id), answer="home")
        return said


@pytest.mark.parametrize("kinds", [(), ("run_succeeded",), ("run_started",)])
async def test_a_run_that_ends_between_two_looks_is_not_waited_for(
    kinds: tuple[str, ...], tmp_path: Path
) -> None:
    async with await Kernel.open(tmp_path) as kernel:
        run = await kernel.start_run(agent="purser")
        async with asyncio.timeout(30):
            pages = [
                page
                async for page in _pages(Late(kernel), run.run_id, 1, kinds, follow=True)  # type: ignore[arg-type]
            ]
        seen = [event.kind for page in pages for event in page]
        log = [record.kind for record in await kernel.store.read(run.run_id)]
        assert log[-1] == "run_succeeded"
        assert seen == [kind for kind in log if not kinds or kind in kinds]
