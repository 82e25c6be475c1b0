"""Opening the screen upon a workspace."""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.cli.ending import ExitCode, fail, one_sentence

if TYPE_CHECKING:
    from quarterdeck.app import QuarterdeckApp
    from quarterdeck.kernel_link.link import KernelLink
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
        from quarterdeck.kernel_link.driving import Driving
        from quarterdeck.kernel_link.link import KernelLink
        from quarterdeck.views.preferences import Preferences
        from quarterdeck.widgets.deck import Setup

        # With --readonly what there is shows all the same; nothing is driven.
        driving = Driving(workspace, drives=not readonly)
        link = KernelLink(workspace, driving=driving)
        setup = Setup(
            preferences=Preferences(theme=theme) if theme is not None else Preferences(),
            themes_folder=user_folder() / "themes",
            copies_folder=user_state_path("quarterdeck", appauthor=False),
            readonly=readonly,
            operator=getpass.getuser(),
        )
        app = QuarterdeckApp(
            link,
            clerk=link,
            background=(link.run, driving.troubles),
            setup=setup,
            leave=link.leave,
        )
        asyncio.run(_shown(app, link))
    if app.return_code:
        sys.exit(app.return_code)


async def _shown(app: "QuarterdeckApp", link: "KernelLink") -> None:
    await app.run_async()
    # What is driven here is let go in good order before the process ends.
    await link.ended()


async def _look_for(workspace: "Workspace") -> None:
    store = await workspace.open(create=False)
    await store.close()
