"""Runs are started and driven beside the screen, on a real store; what cannot be is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.kernel_link.driving import Driving
from quarterdeck.kernel_link.link import KernelLink
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.new_run import Order
from quarterdeck_kernel.errors import InvalidError, QuarterdeckError
from tests.app.test_kernel_link import until

SETTINGS = """
model = "script"
[models.script]
script = "script.json"
[agents.sailor]
tools = ["note"]
[budgets.day]
model_calls = 10
"""
RULES = [
    {"when": {"said": "ask me"}, "times": None,
     "answer": {"calls": [{"tool": "ask", "arguments": {"question": "go?"}}]}},
    {"when": {"said": "be silent"}, "failure": {"kind": "silence"}, "times": None},
    {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "aye"}}]}, "times": None},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    (folder / "quarterdeck.toml").write_text(SETTINGS)
    (folder / "script.json").write_text(json.dumps({"rules": RULES}))
    return folder


@asynccontextmanager
async def driving(
    folder: Path, *, drives: bool = True
) -> AsyncIterator[tuple[KernelLink, Driving]]:
    workspace = Workspace(folder)
    drive = Driving(workspace, drives=drives)
    link = KernelLink(workspace, driving=drive)
    reading = asyncio.create_task(link.run())
    try:
        await until(lambda: link.crew().loaded or link.crew().trouble or reading.done())
        yield link, drive
    finally:
        reading.cancel()
        await asyncio.wait([reading], timeout=10)
        async with asyncio.timeout(10):
            await link.ended()


def need(link: KernelLink, run_id: str) -> str | None:
    row = link.glimpse().row(run_id)
    return row.need if row is not None else None


async def test_a_run_is_started_driven_here_and_stands_in_the_ledger(folder: Path) -> None:
    async with driving(folder) as (link, drive):
        assert [agent.name for agent in link.crew().agents] == ["sailor"]
        assert link.crew().default_model == "script"
        assert link.crew().missing_key("script") is None
        started = await link.commands.start_run(Order("sailor", "sail", budget_micros=2_000_000))
        assert started.driven
        await until(lambda: need(link, started.run_id) == "done")
        row = link.glimpse().row(started.run_id)
        assert row is not None
        assert (row.budget_micros, row.objective) == (2_000_000, "sail")
        await until(lambda: (page := link.ledger("agent", "all")) and page.sums)
        page = link.ledger("agent", "all")
        assert page is not None
        assert [(each.name, each.model_calls) for each in page.sums] == [("sailor", 1)]
        assert [(each.whose, each.spent, each.limit) for each in page.budgets] == [
            ("workspace, today", 1, 10)
        ]
        await until(lambda: link.grants() is not None)
        assert link.grants() == ()
        await until(lambda: drive.driven == 0)


async def test_where_nothing_is_driven_a_run_is_queued_for_a_worker(folder: Path) -> None:
    async with driving(folder, drives=False) as (link, drive):
        started = await link.commands.start_run(Order("sailor", "sail", deadline_s=600))
        assert not started.driven
        await until(lambda: need(link, started.run_id) == "queued")
        assert drive.driven == 0
    async with driving(folder) as (link, _):
        # Whoever drives next takes it up.
        await until(lambda: need(link, started.run_id) == "done")


async def test_a_run_that_asks_waits_and_is_not_driven_meanwhile(folder: Path) -> None:
    async with driving(folder) as (link, drive):
        started = await link.commands.start_run(Order("sailor", "ask me"))
        await until(lambda: need(link, started.run_id) == "waiting" and drive.driven == 0)


async def test_runs_that_are_driven_here_are_counted_and_left_in_good_order(folder: Path) -> None:
    async with driving(folder) as (link, drive):
        started = await link.commands.start_run(Order("sailor", "be silent"))
        await until(lambda: link.glimpse().driven_here == 1)
        told: list[tuple[int, int]] = []
        async with asyncio.timeout(10):
            await link.leave("leave", lambda *far: told.append(far))
        assert told[0] == (0, 1)
        assert drive.driven == 0
        assert not drive.drives
        late = await link.commands.start_run(Order("sailor", "sail"))
        assert not late.driven
        await until(lambda: need(link, started.run_id) in {"adrift", "running"})


async def test_a_drain_that_is_stopped_leaves_everything_as_it_was(folder: Path) -> None:
    async with driving(folder) as (link, drive):
        await link.commands.start_run(Order("sailor", "be silent"))
        await until(lambda: link.glimpse().driven_here == 1)
        leaving = asyncio.create_task(link.leave("drain"))
        await until(lambda: not drive.drives)
        meanwhile = await link.commands.start_run(Order("sailor", "sail"))
        leaving.cancel()
        await asyncio.wait([leaving], timeout=10)
        after = await link.commands.start_run(Order("sailor", "sail"))
        assert after.driven
        ours = (meanwhile.run_id, after.run_id)
        await until(lambda: [need(link, run_id) for run_id in ours] == ["done", "done"])
        await until(lambda: drive.driven == 1)


async def test_quitting_gives_every_lease_back(folder: Path) -> None:
    async with driving(folder) as (link, _):
        started = await link.commands.start_run(Order("sailor", "be silent"))
        await until(lambda: link.glimpse().driven_here == 1)
    store = await Workspace(folder).open(create=False)
    try:
        assert not (await store.lease(started.run_id)).live
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Order("sailr", "sail"), "did you mean 'sailor'"),
        (Order("sailor", "sail", tenant=""), "tenant"),
    ],
)
async def test_what_the_kernel_refuses_is_raised_and_nothing_is_queued(
    folder: Path, order: Order, said: str
) -> None:
    async with driving(folder) as (link, _):
        with pytest.raises(QuarterdeckError, match=said):
            await link.commands.start_run(order)
        assert link.glimpse().rows == ()


async def test_settings_that_are_wrong_are_told_and_everything_else_is_shown(folder: Path) -> None:
    (folder / "quarterdeck.toml").write_text('[agents.sailor]\ntools = ["raed_file"]')
    async with driving(folder) as (link, drive):
        assert "did you mean 'read_file'" in (link.crew().trouble or "")
        (trouble,) = drive.troubles.take()
        assert trouble.text.startswith("equipping the workspace: ")
        assert "raed_file" in trouble.text
        assert "Traceback" in trouble.details
        with pytest.raises(InvalidError, match=r"nothing was started: .*raed_file"):
            await link.commands.start_run(Order("sailor", "sail"))
        await until(lambda: link.glimpse().loaded)
        async with asyncio.timeout(10):
            await link.leave("drain")


async def test_a_workspace_without_settings_has_an_agent_that_runs_offline(folder: Path) -> None:
    (folder / "quarterdeck.toml").unlink()
    async with driving(folder) as (link, _):
        (agent,) = link.crew().agents
        assert (agent.source, agent.model) == ("quarterdeck", "offline")
        assert link.crew().missing_key("offline") is None
        started = await link.commands.start_run(Order(agent.name, "show me"))
        await until(lambda: need(link, started.run_id) == "done")
