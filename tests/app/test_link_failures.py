"""Whatever fails in the link is told, and everything else goes on: looking, deciding, driving."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.kernel_link import link as link_module
from quarterdeck.kernel_link.books import Books
from quarterdeck.kernel_link.driving import Driving
from quarterdeck.kernel_link.gists import Gists
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.moments import WishedMoments
from quarterdeck.kernel_link.past import KernelPast
from quarterdeck.kernel_link.roll import Grants
from quarterdeck.kernel_link.spending import Spending
from quarterdeck.kernel_link.surveys import Surveys
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.new_run import Order
from quarterdeck.views.troubles import Trouble
from quarterdeck_kernel import Kernel
from quarterdeck_kernel.errors import StoreClosedError, StoreMissingError
from quarterdeck_kernel.kernel.supervising import SupervisedKernel
from quarterdeck_kernel.supervisor.lookout import Lookout
from quarterdeck_kernel.supervisor.supervisor import Supervisor
from tests.app.test_kernel_link import until

READERS = {
    "reading a log": (KernelLink, "_read_what_is_asked_for"),
    "folding a moment": (WishedMoments, "fold_next"),
    "reading a timeline": (Surveys, "read_next"),
    "reading the past": (KernelPast, "read_next"),
    "reading what events are about": (Gists, "read_next"),
    "reading the spend of the day": (Spending, "read_next"),
    "reading grants": (Grants, "read_next"),
    "reading the ledger": (Books, "read_next"),
}
LINK = (
    *READERS,
    "opening the desk",
    "reading the fleet",
    "equipping the workspace",
    "driving runs",
)
"""What is told of the link, by the words it begins with; each fails here."""


async def boom(*_: object, **__: object) -> None:
    raise RuntimeError("boom")


@asynccontextmanager
async def linked(folder: Path, driving: Driving | None = None) -> AsyncIterator[KernelLink]:
    link = KernelLink(Workspace(folder), driving=driving)
    reading = asyncio.create_task(link.run())
    try:
        await until(lambda: link.glimpse().loaded or reading.done())
        yield link
        # Whatever failed: it reads on.
        assert not reading.done()
    finally:
        reading.cancel()
        await asyncio.wait([reading], timeout=10)
        async with asyncio.timeout(10):
            await link.ended()


async def _run(folder: Path) -> str:
    async with await Kernel.open(folder) as kernel:
        run = await kernel.start_run(agent="a", run_id="a")
        return run.run_id


class Told:
    """Takes what is told, as the screen does."""

    def __init__(self, link: KernelLink) -> None:
        self._link = link
        self.troubles: list[Trouble] = []

    def look(self, enough: Callable[[list[str]], bool]) -> bool:
        self.troubles += self._link.troubles.take()
        return enough([trouble.text.partition(": ")[0] for trouble in self.troubles])


async def test_no_reader_that_fails_ends_the_others_and_each_is_told_and_tried_again(
    tmp_path: Path,
) -> None:
    run_id = await _run(tmp_path)
    with pytest.MonkeyPatch.context() as broken:
        for place, method in READERS.values():
            broken.setattr(place, method, boom)
        async with linked(tmp_path) as link:
            told = Told(link)
            await until(lambda: told.look(lambda said: len(said) >= len(READERS)))
            assert sorted(each.text.partition(": ")[0] for each in told.troubles) == sorted(READERS)
            assert all("Traceback" in each.details for each in told.troubles)
            assert all("Try again" in each.text for each in told.troubles)
            # Runs are shown and steered meanwhile.
            async with asyncio.timeout(10):
                await link.commands.hold(run_id, None)
            await until(lambda: link.glimpse().rows[0].need == "held")
            assert link.glimpse().trouble is None
            broken.undo()
            await until(lambda: link.event(run_id, 1) and link.state(run_id, 1))
            await until(lambda: link.grants() is not None and link.ledger("agent", "all"))


async def test_a_fleet_that_cannot_be_read_is_old_and_nothing_is_decided_until_it_can(
    tmp_path: Path,
) -> None:
    await _run(tmp_path)
    async with linked(tmp_path) as link:
        told = Told(link)
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(link._muster, "look", boom)
            await until(lambda: link.glimpse().trouble)
            assert link.glimpse().trouble == "RuntimeError: boom"
            assert len(link.glimpse().rows) == 1
            await until(lambda: told.look(lambda said: said == ["reading the fleet"]))
        await until(lambda: link.glimpse().trouble is None)


async def test_a_desk_that_cannot_be_opened_is_told_and_commands_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ImportError("boom")

    run_id = await _run(tmp_path)
    monkeypatch.setattr(link_module, "_desk_kind", fail)
    async with linked(tmp_path) as link:
        told = Told(link)
        await until(lambda: told.look(lambda said: said == ["opening the desk"]))
        assert told.troubles[0].text.endswith("quit, and open the workspace again.")
        with pytest.raises(StoreClosedError, match="nothing was decided; open it again"):
            async with asyncio.timeout(10):
                await link.commands.hold(run_id, None)
        await until(lambda: link.event(run_id, 1))


async def test_a_workspace_that_is_lost_lets_nothing_be_decided(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").mkdir()
    link = KernelLink(Workspace(tmp_path))
    with pytest.raises(Exception, match=r"quarterdeck\.db"):
        async with asyncio.timeout(10):
            await link.run()
    assert "quarterdeck.db" in (link.glimpse().trouble or "")


@pytest.mark.parametrize(
    ("place", "method", "label"),
    [
        (Driving, "_read", "equipping the workspace"),
        (Supervisor, "run", "driving runs"),
    ],
)
async def test_driving_that_fails_is_told_and_runs_are_shown_and_steered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: type, method: str, label: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    run_id = await _run(tmp_path)
    monkeypatch.setattr(place, method, fail)
    async with linked(tmp_path, Driving(Workspace(tmp_path))) as link:
        told = Told(link)
        await until(lambda: told.look(lambda said: said == [label]))
        assert "No run is driven here." in told.troubles[0].text
        assert "Traceback" in told.troubles[0].details
        async with asyncio.timeout(10):
            await link.commands.hold(run_id, None)
            await link.leave("drain")


async def test_a_run_that_fails_here_outside_its_log_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SupervisedKernel, "go_on", boom)
    async with linked(tmp_path, driving := Driving(Workspace(tmp_path))) as link:
        await until(lambda: driving.drives)
        agent = link.crew().agents[0].name
        started = await link.commands.start_run(Order(agent, "sail"))
        told = Told(link)
        await until(lambda: told.look(lambda said: said == [f"run {started.run_id}"]))
        (trouble,) = told.troubles
        assert "RuntimeError: boom\nIt was left alone." in trouble.text
        assert "Traceback" in trouble.details


async def test_what_troubles_all_driving_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lookout, "expired", boom)
    async with linked(tmp_path, Driving(Workspace(tmp_path))) as link:
        told = Told(link)
        await until(lambda: told.look(lambda said: said == ["driving runs"]))
        assert told.troubles[0].severity == "warning"
        assert "It is tried again every few seconds" in told.troubles[0].text


async def test_a_workspace_that_was_removed_is_told_and_nothing_is_decided(tmp_path: Path) -> None:
    run_id = await _run(tmp_path)
    async with linked(tmp_path) as link:
        for file in tmp_path.glob("quarterdeck.db*"):
            file.unlink()
        await until(lambda: "removed or replaced" in (link.glimpse().trouble or ""))
        assert link.glimpse().rows, "what was read is still shown"
        with pytest.raises(StoreMissingError):
            await link.commands.hold(run_id, None)
