"""The past of a run, walked in a real terminal: seek, diff, bookmark, fork, compare, export.

The run is one of the demo that was played to its end: five payments. What is exported is opened as
whoever gets it would, and the bank's book still holds each payment once.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quarterdeck.demo.cast import INVOICES, paid
from quarterdeck.kernel_link.workspace import Workspace
from tests.terminal import tmux
from tests.terminal.tmux import Terminal

pytestmark = pytest.mark.crash

ROOT = Path(__file__).resolve().parents[2]
SIZE = (120, 40)
PATIENCE_S = 60
NOTE = "the sailmaker is paid"
EDITED = "the sailmaker was paid at last"
PROGRAM = (sys.executable, "-P", "-c", "from quarterdeck.cli import main; main()")
SOURCES = {"PYTHONPATH": ":".join(str(ROOT / name) for name in ("kernel", "app", "themes"))}


@pytest.fixture
def played(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "harbour")
    workspace.folder.mkdir(mode=0o700)
    play = [*PROGRAM, "demo", "--headless", "--keep", str(workspace.folder)]
    subprocess.run(play, check=True, capture_output=True, timeout=300)
    return workspace


@contextmanager
def at(tmp_path: Path, *arguments: str) -> Iterator[Terminal]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with tmux.opened(
        (*PROGRAM, *arguments),
        home=home,
        cwd=tmp_path,
        environment=SOURCES,
        size=SIZE,
        patience_s=PATIENCE_S,
    ) as terminal:
        yield terminal


def go(terminal: Terminal, where: str) -> None:
    terminal.press("g")
    terminal.until("Go to")
    terminal.type(where)
    terminal.press("Enter")
    terminal.until(f"PAST #{where} of")


def seek(terminal: Terminal) -> None:
    """Open the run of the payments, and stand where one of them was under way."""
    terminal.until("order: need", "payments")
    terminal.press("/")
    terminal.type("agent:payments")
    terminal.press("Enter", "Home")
    terminal.until("1 of 10 runs")
    terminal.press("Enter")
    terminal.until("done")
    go(terminal, "52")
    terminal.until("at #52", "in flight   pay #52", "L returns to live")


def differ(terminal: Terminal) -> None:
    """See what has changed between two marks."""
    terminal.press("m")
    go(terminal, "62")
    terminal.press("M", "d")
    terminal.until("from #52 to #62", "CONVERSATION", "turn  4 → 5", "tool pay → -")
    terminal.press("Down", "Enter")
    terminal.until("PAST #5", "L returns to live")
    terminal.press_until("Escape", "from #52 to #62")
    terminal.press("Escape")
    terminal.until("PAST #62 of")


def remember(terminal: Terminal) -> None:
    """Leave a note at the event, and find it in the list."""
    terminal.press("b")
    terminal.until("Bookmark #62")
    terminal.type(NOTE)
    terminal.press("Tab", "Tab", "Enter")
    terminal.press_until("B", f"#62  {NOTE}", times=3)
    terminal.press("e")
    terminal.until("Note at #62")
    terminal.type(EDITED)
    terminal.press("Enter")
    terminal.until(f"#62  {EDITED}")
    terminal.press("Escape")
    terminal.until("PAST #62 of")


def fork(terminal: Terminal) -> None:
    """Go on from there in a fork: what its parent has paid is asked about, not paid again."""
    terminal.press("f")
    terminal.until("Fork at #62", "from record  ", ": never again", "asks first   #65 pay")
    terminal.press("Tab", "Tab", "Tab", "Tab", "Tab", "Enter")
    terminal.until("waiting", "its parent may have done it")


def compare(terminal: Terminal) -> None:
    """Hold the fork against its parent."""
    terminal.press("c")
    terminal.until("Compare with", "its parent, forked at #62")
    terminal.press("Enter")
    terminal.until("they share events #1 to #62", "they part at", "approve open")
    terminal.press("Escape")
    terminal.until("its parent may have done it")


def export(terminal: Terminal, file: Path) -> None:
    """Write the fork into a file."""
    terminal.press("x", "e")
    terminal.until("Export ", "A file that is not there yet")
    terminal.press("C-u")
    terminal.type(str(file))
    terminal.press("Tab", "Tab", "Tab", "Enter")
    terminal.until(file.name)


def test_the_past_is_walked_forked_and_taken_away(played: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "pay.tape"
    with at(tmp_path, "--workspace", str(played.folder)) as terminal:
        seek(terminal)
        differ(terminal)
        remember(terminal)
        fork(terminal)
        compare(terminal)
        export(terminal, file)
        terminal.press_until("Escape", "order: need")
    assert len(paid(played)) == len(INVOICES), "nothing was paid again"
    with at(tmp_path, "--recording", str(file)) as terminal:
        terminal.until("recording pay.tape", "└Y")
        terminal.press("Home", "Enter")
        terminal.until("#91")
        terminal.press("Up")
        terminal.until("PAST #90 of 91")
    verified = subprocess.run(
        [*PROGRAM, "--recording", str(file), "verify"], check=True, capture_output=True, timeout=120
    )
    assert verified.returncode == 0
