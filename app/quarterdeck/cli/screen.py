"""Opening the screen upon a workspace."""

import asyncio
import getpass
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.cli.ending import ExitCode, fail, one_sentence

if TYPE_CHECKING:
    from quarterdeck.kernel_link.workspace import Workspace


def open_screen(folder: Path, *, theme: str | None, readonly: bool) -> None:
    """Show a workspace until somebody quits. It must be there: looking makes none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the screen needs a terminal; `quarterdeck --help` names what works without one"
        fail(message, ExitCode.USAGE)
    from platformdirs import user_state_path

    from quarterdeck.kernel_link.workspace import Workspace
    from quarterdeck_kernel.settings.files import user_folder

    workspace = Workspace(folder)
    with one_sentence():
        asyncio.run(_look_for(workspace))
        # Textual takes longest to import, and only the screen needs it.
        from quarterdeck.app import QuarterdeckApp
        from quarterdeck.kernel_link.link import KernelLink
        from quarterdeck.widgets.deck import Setup
        from quarterdeck.widgets.personal import personal

        state = user_state_path("quarterdeck", appauthor=False)
        person = personal(user_folder(), state)
        link = KernelLink(workspace)
        setup = Setup(
            preferences=replace(person.preferences, theme=theme or person.preferences.theme),
            themes_folder=user_folder() / "themes",
            copies_folder=state,
            readonly=readonly,
            operator=getpass.getuser(),
            place=str(folder.resolve()),
            habits=person.habits,
            settings_file=person.file,
            keep=person.keep,
        )
        app = QuarterdeckApp(link, clerk=link, background=(link.run,), setup=setup)
        app.run()
        person.keep_habits(app.habits(link.now_us()))
    if app.return_code:
        sys.exit(app.return_code)


async def _look_for(workspace: "Workspace") -> None:
    store = await workspace.open(create=False)
    await store.close()
