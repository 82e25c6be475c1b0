"""Opening the screen upon a workspace."""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.cli.ending import ExitCode, fail, one_sentence

if TYPE_CHECKING:
    from quarterdeck.kernel_link.workspace import Workspace


def open_screen(
    folder: Path, *, theme: str | None, readonly: bool, recording: Path | None = None
) -> None:
    """Show a workspace until somebody quits, or a recording. Looking makes neither."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the screen needs a terminal; `quarterdeck --help` names what works without one"
        fail(message, ExitCode.USAGE)
    with one_sentence():
        if recording is None:
            _show(folder, theme=theme, readonly=readonly)
            return
        import tempfile

        from quarterdeck_kernel.kernel.recorded import lay_out

        with tempfile.TemporaryDirectory(prefix="quarterdeck-recording-") as name:
            asyncio.run(lay_out(recording, Path(name)))
            _show(Path(name), theme=theme, readonly=True, recording=recording.name)


def _show(folder: Path, *, theme: str | None, readonly: bool, recording: str = "") -> None:
    from platformdirs import user_state_path

    from quarterdeck.kernel_link.workspace import Workspace
    from quarterdeck_kernel.settings.files import user_folder

    workspace = Workspace(folder)
    asyncio.run(_look_for(workspace))
    # Textual takes longest to import, and only the screen needs it.
    from quarterdeck.app import QuarterdeckApp
    from quarterdeck.kernel_link.link import KernelLink
    from quarterdeck.views.preferences import Preferences
    from quarterdeck.widgets.deck import Setup

    link = KernelLink(workspace)
    setup = Setup(
        preferences=Preferences(theme=theme) if theme is not None else Preferences(),
        themes_folder=user_folder() / "themes",
        copies_folder=user_state_path("quarterdeck", appauthor=False),
        readonly=readonly,
        recording=recording,
        operator=getpass.getuser(),
    )
    app = QuarterdeckApp(link, clerk=link, background=(link.run,), setup=setup)
    app.run()
    if app.return_code:
        sys.exit(app.return_code)


async def _look_for(workspace: "Workspace") -> None:
    store = await workspace.open(create=False)
    await store.close()
