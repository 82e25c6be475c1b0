"""The five duties, done by hand at the real app in a real terminal, from a fresh clone.

Watch, reject with a reason, reconcile, start a run, approve. What the screen says is held against
what lies on the disk: the bank's book, and the logs that may be deleted or may not.
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.demo.cast import INVOICES, OUTAGE, paid
from quarterdeck.demo.script import STALE
from quarterdeck.kernel_link.workspace import Workspace
from tests.terminal import tmux
from tests.terminal.tmux import Terminal

pytestmark = pytest.mark.crash

ROOT = Path(__file__).resolve().parents[2]
SIZE = (120, 40)
PATIENCE_S = 60
REASON = "the auditors read them first"
OBJECTIVE = "delete what the auditors have read"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Clone what is committed: nothing that merely lies about here may be needed."""
    git = shutil.which("git")
    assert git is not None, "a clone needs git: install it"
    place = tmp_path / "clone"
    subprocess.run([git, "clone", "-q", str(ROOT), str(place)], check=True, timeout=60)
    return place


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "harbour")


@pytest.fixture
def terminal(clone: Path, workspace: Workspace, tmp_path: Path) -> Iterator[Terminal]:
    home = tmp_path / "home"
    home.mkdir()
    workspace.folder.mkdir(mode=0o700)
    sources = ":".join(str(clone / name) for name in ("kernel", "app", "themes"))
    program = (sys.executable, "-P", "-c", "from quarterdeck.cli import main; main()")
    with tmux.opened(
        (*program, "demo", "--keep", str(workspace.folder)),
        home=home,
        cwd=clone,
        environment={"PYTHONPATH": sources},
        size=SIZE,
        patience_s=PATIENCE_S,
    ) as opened:
        yield opened


def stale(workspace: Workspace) -> int:
    return sum((workspace.files / "logs" / name).exists() for name in STALE)


def find(terminal: Terminal, words: str) -> None:
    """Have the fleet show only what fits some words, and stand upon it."""
    terminal.press("1")
    terminal.until("order: need")
    terminal.press("/")
    terminal.type(words)
    terminal.press("Enter", "Home")
    terminal.until(words)


def watch(terminal: Terminal) -> None:
    """Everybody works; a run can be opened, looked back into, and left."""
    terminal.until("1 Fleet", "payments", "cleaner", "surveyor", "► running")
    terminal.press("Enter")
    terminal.until("asks model", " live ")
    terminal.press("Up")
    terminal.until("PAST #", "read-only", "L returns to live")
    terminal.press("L")
    terminal.until(" live ")
    terminal.press("Escape")
    terminal.until("order: need")


def reject(terminal: Terminal, workspace: Workspace) -> None:
    """Keep the cleaner from deleting, and tell it why."""
    terminal.until("approve shell")
    terminal.press("2")
    terminal.until("order: deadline", "cleaner")
    terminal.press("Home", "Enter")
    terminal.until("WHAT WILL RUN", "APPROVAL  shell", "approve is locked")
    # Locked as it is, these change nothing.
    terminal.press("a", "Enter")
    terminal.until("APPROVAL  shell", "approve is locked")
    terminal.press("r")
    terminal.until("Reject shell", "Why, in words for the model")
    terminal.type(REASON)
    terminal.until(REASON)
    terminal.press("Tab", "Tab", "Enter")
    terminal.until("shell of cleaner: rejected")
    # The model heard it and went on; its log says what was said to it.
    find(terminal, "agent:cleaner")
    terminal.until("✓ done", "I was not to delete the old gate logs")
    terminal.press("Enter")
    # The log is narrow; the inspector has all of it.
    terminal.until("✓ done")
    terminal.press("(", "Right")
    terminal.until("PAST #", "pause_resolved", REASON)
    assert stale(workspace) == len(STALE)
    terminal.press("Escape", "Escape")


def reconcile(terminal: Terminal, workspace: Workspace) -> None:
    """Ask the bank what became of the payment that nobody answered."""
    terminal.until("verdict on pay")
    terminal.press("w")
    terminal.until("WHAT ")
    terminal.press_until("n", "UNKNOWN")
    # The bank is out of reach for its first seconds; what it said then is no verdict.
    terminal.until("WHAT WAS SENT", "probe: cannot tell", "nobody drives the run")
    while (workspace.folder / OUTAGE).exists():
        terminal.press("j")
    terminal.press("p")
    terminal.until("Ask whether pay happened", "Nothing is sent")
    terminal.press("Tab", "Tab", "Enter")
    terminal.until("pay of payments: the probe says done")
    find(terminal, "agent:payments")
    terminal.until("✓ done", "Five invoices paid, 1,394.40 USD in all")
    paid_numbers = Counter(line.split(",")[1] for line in paid(workspace))
    assert paid_numbers == {invoice.number: 1 for invoice in INVOICES}
    terminal.press("Escape")


def start(terminal: Terminal) -> None:
    """Have the cleaner tidy up after all, in the name of the harbour."""
    terminal.press("n")
    terminal.until("New run", "Objective")
    terminal.type(OBJECTIVE)
    terminal.press("Up")
    terminal.press_until("Right", "Agent        cleaner")
    terminal.press("Down", "Down", "Down", "Down")
    terminal.press_until("Right", "Tenant       harbour")
    terminal.press("Down", "Enter")
    terminal.until("Enter here changes nothing")
    terminal.press("Tab", "Tab", "Enter")
    terminal.until("queued")


def approve(terminal: Terminal, workspace: Workspace) -> None:
    """Read what will run to its end, and let it run once."""
    terminal.until("approve shell")
    terminal.press("w")
    terminal.press_until("n", "APPROVAL  shell")
    terminal.until("approve is locked")
    terminal.press_until("PageDown", "lines read")
    terminal.until("ready", "WHAT WILL RUN")
    assert stale(workspace) == len(STALE)
    terminal.press("a")
    terminal.until("ARMED")
    terminal.press("Enter")
    terminal.until("shell of cleaner: approved")
    find(terminal, "auditors")
    terminal.until("✓ done", "Fifteen gate logs, August 2024 to October 2025, are gone")
    assert stale(workspace) == 0
    terminal.press("Escape")


def test_the_five_duties_can_be_done(terminal: Terminal, workspace: Workspace) -> None:
    watch(terminal)
    reject(terminal, workspace)
    reconcile(terminal, workspace)
    start(terminal)
    approve(terminal, workspace)
    terminal.press("q")
    terminal.until("EXIT 0")


def test_where_there_is_no_tmux_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="install it"):
        tmux.tmux_program()
