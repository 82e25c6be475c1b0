"""The link folds, surveys, looks through and steers runs of a real store, whoever drives them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.sought import Sought
from quarterdeck.views.work import Work
from quarterdeck_kernel import Kernel, state_at
from quarterdeck_kernel.errors import ConflictError, StoreClosedError
from tests.app.test_kernel_link import linked, until

WORK = Work("looking", 0.0, stop=lambda: None)
CALLS = 150


@asynccontextmanager
async def driven(folder: Path) -> AsyncIterator[tuple[Kernel, KernelLink]]:
    """Lend a kernel that drives run `r` as another process would, and a link that watches."""
    async with await Kernel.open(folder) as kernel:

        @kernel.tool(effect="read")
        async def look(number: int) -> str:
            """Look."""
            return f"saw {number} sails"

        run = await kernel.start_run(agent="lookout", objective="watch", run_id="r")
        for number in range(CALLS):
            await kernel.step_tool(
                run=run, step_key=f"s{number}", tool="look", arguments={"number": number}
            )
        async with linked(folder) as link:
            await until(lambda: link.glimpse().row("r"))
            yield kernel, link


async def test_states_and_the_line_are_those_of_the_store(tmp_path: Path) -> None:
    async with driven(tmp_path) as (kernel, link):
        head = 2 + 2 * CALLS
        for seq in (head, 7, 250, 8):
            await until(partial(link.state, "r", seq))
            assert link.state("r", seq) == await state_at(kernel.store, "r", seq)
        await until(lambda: link.survey("r").known == head)
        await until(lambda: link.event("r", 3))
        event = link.event("r", 3)
        assert event is not None
        assert event.kind == "tool_requested"


async def test_what_is_sought_is_found_in_both_directions(tmp_path: Path) -> None:
    async with driven(tmp_path) as (_, link):
        head = 2 + 2 * CALLS
        tool = Sought(what="tool", start=10, text="look")
        assert await link.seek("r", tool, WORK) == 11
        assert await link.seek("r", Sought(what="tool", start=10, step=-1, text="look"), WORK) == 9
        said = Sought(what="text", start=1, text="SAW 140 sails")
        found = await link.seek("r", said, WORK)
        assert found == 3 + 2 * 140 + 1
        back = Sought(what="text", start=head, step=-1, text="saw 3 sails")
        assert await link.seek("r", back, WORK) == 10
        assert await link.seek("r", Sought(what="trouble", start=1), WORK) is None
        assert await link.seek("r", Sought(what="time", at_us=0), WORK) == 1
        now_us = time.time_ns() // 1_000 + 1_000_000
        assert await link.seek("r", Sought(what="time", at_us=now_us), WORK) == head


async def test_it_steers_a_run_that_another_drives_and_is_told_who_was_first(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path) as (kernel, link):
        commands = link.commands
        await commands.hold("r", "wait")
        await until(lambda: (row := link.glimpse().row("r")) is not None and row.need == "held")
        await commands.release("r")
        await commands.budget("r", 5_000_000, 0)
        with pytest.raises(ConflictError):
            await commands.budget("r", 6_000_000, 0)
        await commands.say("r", "mind the reef")
        assert await commands.grants("r") == []
        await commands.cancel("r", now=False, reason=None)
        state = await state_at(kernel.store, "r")
        assert state.cancel is not None
        assert state.conditions.limit("micros").limit == 5_000_000
        assert len(state.messages) == 1


async def test_a_failure_is_acknowledged_once(tmp_path: Path) -> None:
    async with driven(tmp_path) as (kernel, link):
        run = await kernel.load_run("r")
        await kernel.fail_run(run, error="reef", message="aground")
        await link.commands.acknowledge("r", None)
        with pytest.raises(ConflictError, match="acknowledged before"):
            await link.commands.acknowledge("r", None)


async def test_nothing_is_decided_where_the_workspace_is_not_open(tmp_path: Path) -> None:
    link = KernelLink(Workspace(tmp_path))
    with pytest.raises(StoreClosedError, match="nothing was decided"):
        await link.commands.hold("r", None)
    assert await link.seek("r", Sought(what="trouble"), WORK) is None


async def test_only_the_newest_wish_for_a_state_is_folded(tmp_path: Path) -> None:
    async with driven(tmp_path) as (_, link):
        for seq in range(1, 200):
            link.state("r", seq)
        await until(lambda: link.state("r", 200))
        await asyncio.sleep(0)
        moments = link._moments._moments
        assert moments is not None
        assert sum(moments.known("r", seq) is not None for seq in range(1, 200)) < 5


async def test_a_long_line_is_read_by_who_waits_for_it_and_the_newest_events_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.views.timeline.READ_AT_ONCE", 100)
    async with driven(tmp_path) as (kernel, link):
        head = 2 + 2 * CALLS
        told: list[tuple[int, int]] = []

        def tell(done: int, total: int) -> None:
            told.append((done, total))
            # Who reads leaves behind the second page, and takes nothing away.
            if len(told) == 2:
                reading.cancel()

        work = Work("reading", 0.0, stop=lambda: None)
        monkeypatch.setattr(work, "tell", tell)
        reading = asyncio.create_task(link.read_survey("r", work))
        await asyncio.wait([reading])
        assert reading.cancelled()
        assert told == [(100, head), (200, head)]
        link.survey("r")
        await until(lambda: link.event("r", 3))
        assert link.survey("r").known == 200, "nobody waits for the rest"
        await asyncio.gather(link.read_survey("r", WORK), link.read_survey("r", WORK))
        assert link.survey("r").known == head, "each event once, whoever reads"
        await kernel.hold("r")
        await until(lambda: link.survey("r").known == head + 1)
