"""Playing the demo from the command line: the folder it happens in, and what is left of it."""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from quarterdeck.demo.headless import Outcome, play_headless
from quarterdeck.kernel_link.workspace import Workspace


def play(keep: Path | None, *, headless: bool) -> Outcome:
    """Play the demo, in a folder that is removed afterwards unless one is given to keep."""
    with ExitStack() as after:
        if keep is None:
            temporary = tempfile.TemporaryDirectory(prefix="quarterdeck-demo-")
            folder = Path(after.enter_context(temporary))
        else:
            folder = keep.absolute()
        workspace = Workspace(folder)
        if headless:
            return asyncio.run(play_headless(workspace))
        # Textual takes longest to import, and only the screen needs it.
        from quarterdeck.demo.show import play_on_screen  # noqa: PLC0415

        code = asyncio.run(play_on_screen(workspace))
        if code:
            raise click.exceptions.Exit(code)
        if keep is not None:
            click.echo(f"Kept in {folder}. To go on: quarterdeck demo --keep {folder}")
        return Outcome(verified=True, paid_once=True)
