"""The app is killed with a pause and an unknown outcome open: both are there again, unchanged.

One process dies without a word (SIGKILL); what another opens comes from the disk alone.
"""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import Kernel, Pause, ProposedCall, tool_of
from quarterdeck_kernel.errors import ReconciliationRequiredError, RunPausedError
from quarterdeck_kernel.guards.verdict import Allow, Verdict
from quarterdeck_kernel.vocabulary.rows import InboxRow
from tests.app.test_driving import RULES, SETTINGS
from tests.terminal import tmux
from tests.terminal.tmux import Terminal

pytestmark = pytest.mark.crash

ROOT = Path(__file__).resolve().parents[2]
SIZE = (120, 40)
PATIENCE_S = 60
HOUR_S = 3_600.0


class Asking:
    """A guard that lets people decide about what is shipped, within an hour."""

    name = "asking"
    kind = "policy"

    def judge(self, call: ProposedCall) -> Verdict:
        if call.tool != "ship":
            return Allow()
        return Pause(title="ship the cargo", risk="low", expires_after_s=HOUR_S)


async def ship(crates: int) -> int:
    return crates


async def pay(amount: int) -> int:
    raise ConnectionResetError(str(amount))


async def _open_items(folder: Path) -> None:
    """Leave a call that waits for an hour, and one of which nobody knows the outcome."""
    tools = [tool_of(tool, effect="once", version="1") for tool in (ship, pay)]
    async with await Kernel.open(folder, tools=tools, guards=[Asking()]) as kernel:  # type: ignore[list-item]
        run = await kernel.start_run(agent="stevedore")
        with pytest.raises(RunPausedError):
            await kernel.step_tool(run=run, step_key="s", tool="ship", arguments={"crates": 3})
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="s", tool="pay", arguments={"amount": 7})


async def _inbox(folder: Path) -> tuple[InboxRow, ...]:
    store = await Workspace(folder).open(create=False)
    try:
        return (await store.inbox()).rows
    finally:
        await store.close()


@contextmanager
def screen(folder: Path, home: Path) -> Iterator[tuple[Terminal, Path]]:
    """Open the app upon a workspace in a terminal; the file says which process it is."""
    sources = ":".join(str(ROOT / name) for name in ("kernel", "app", "themes"))
    program = (sys.executable, "-P", "-c", "from quarterdeck.cli import main; main()")
    pid = home / "pid"
    command = f"echo $$ > {pid}; exec {shlex.join((*program, '--workspace', str(folder)))}"
    with tmux.opened(
        ("sh", "-c", command),
        home=home,
        cwd=home,
        environment={"PYTHONPATH": sources},
        size=SIZE,
        patience_s=PATIENCE_S,
    ) as terminal:
        yield terminal, pid


def test_pauses_and_unknowns_survive_the_app_with_their_ids_and_deadlines(tmp_path: Path) -> None:
    folder, homes = tmp_path / "workspace", (tmp_path / "home-1", tmp_path / "home-2")
    for place in (folder, *homes):
        place.mkdir(mode=0o700)
    (folder / "quarterdeck.toml").write_text(SETTINGS)
    (folder / "script.json").write_text(json.dumps({"rules": RULES}))
    asyncio.run(_open_items(folder))
    with screen(folder, homes[0]) as (terminal, pid):
        terminal.until("1 Fleet", "stevedore", "purser", "Inbox 2!")
        # A third is asked by a run that the app itself drives.
        terminal.press("n")
        terminal.until("New run", "sailor")
        terminal.type("ask me")
        terminal.press(*["Tab"] * 6)
        terminal.press("Enter")
        terminal.until("Inbox 3!")
        before = asyncio.run(_inbox(folder))
        os.kill(int(pid.read_text()), signal.SIGKILL)
        terminal.until("EXIT 137")
    assert sorted(row.kind for row in before) == ["pause", "pause", "unknown"]
    assert [row.deadline_us for row in before if row.deadline_us is not None] != []
    with screen(folder, homes[1]) as (terminal, _):
        terminal.until("1 Fleet", "Inbox 3!")
        assert asyncio.run(_inbox(folder)) == before
        terminal.press("2")
        terminal.until("ship the cargo", "stevedore", "purser", "sailor")
        # The nearest deadline is the first, and can be decided as if nothing had happened.
        terminal.press("Home", "Enter")
        terminal.until("APPROVAL  ship", "expires in 5", "crates")
        terminal.press("a", "Enter")
        terminal.until("ship of stevedore: approved")
        left = asyncio.run(_inbox(folder))
        assert {row.item_id for row in left} == {row.item_id for row in before[1:]}
        terminal.press("C-q")
        terminal.until("EXIT 0")
