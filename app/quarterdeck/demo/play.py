"""Playing the demo from the command line: the folder it happens in, and what is left of it."""

import asyncio
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.demo.ending import on_request
from quarterdeck.demo.folder import alone_in, check
from quarterdeck.demo.headless import Outcome, play_headless
from quarterdeck.kernel_link.workspace import Workspace

if TYPE_CHECKING:
    from quarterdeck.widgets.deck import Setup

_PREFIX = "quarterdeck-demo-"


def play(keep: Path | None, *, setup: "Callable[[], Setup] | None") -> Outcome:
    """Play the demo, in a temporary folder unless one is given to keep.

    `setup` says how the screen is opened; None is for none. Behind a screen the folder stays, for
    whoever wants to go on; without one it is removed.
    """
    with ExitStack() as after:
        if keep is not None:
            folder = keep.absolute()
        elif setup is None:
            temporary = tempfile.TemporaryDirectory(prefix=_PREFIX)
            folder = Path(after.enter_context(temporary))
        else:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        workspace = Workspace(folder)
        if keep is not None:
            asyncio.run(check(workspace))
        after.enter_context(alone_in(folder))
        if setup is None:
            return _headless(workspace)
        # Before the screen: whoever kills it finds this, too.
        click.echo(
            f"The demo is in {folder} and stays there. To go on with it:\n  {_again(folder)}"
        )
        # Textual takes longest to import, and only the screen needs it.
        from quarterdeck.demo.show import play_on_screen  # noqa: PLC0415

        asyncio.run(play_on_screen(workspace, setup()))
        return Outcome(verified=True, paid_once=True)


def _headless(workspace: Workspace) -> Outcome:
    async def play_until_told() -> Outcome:
        task = asyncio.current_task()
        assert task is not None, "it is run as a task"
        on_request(task.cancel)
        return await play_headless(workspace)

    try:
        return asyncio.run(play_until_told())
    except asyncio.CancelledError as error:
        raise click.Abort from error


def _again(folder: Path) -> str:
    """Return the command that goes on, as a shell takes it from here."""
    command = "quarterdeck" if shutil.which("quarterdeck") else sys.argv[0]
    return shlex.join([command, "demo", "--keep", str(folder)])
