"""Opening the screen upon a workspace."""

import asyncio
import gc
import getpass
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.cli.ending import ExitCode, fail, one_sentence

if TYPE_CHECKING:
    from quarterdeck.app import QuarterdeckApp
    from quarterdeck.kernel_link.link import KernelLink
    from quarterdeck.kernel_link.workspace import Workspace
    from quarterdeck.widgets.deck import Setup


def open_screen(
    folder: Path, *, theme: str | None, readonly: bool, recording: Path | None = None
) -> None:
    """Show a workspace until somebody quits, or a recording. Looking makes neither."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the screen needs a terminal; `quarterdeck --help` names what works without one"
        fail(message, ExitCode.USAGE)
    from quarterdeck.kernel_link.workspace import Workspace

    with one_sentence():
        if recording is not None:
            _show_recording(recording, theme=theme)
            return
        workspace = Workspace(folder, readonly=readonly)
        asyncio.run(_look_for(workspace))
        setup = setup_of(theme=theme, readonly=readonly, place=folder)
        _show(link_to(workspace), setup)


def _show_recording(recording: Path, *, theme: str | None) -> None:
    """Lay a recording out where nobody else looks, and show it; no tool of anybody's is loaded."""
    from quarterdeck.cli.progress import progress_line, stopped_with, until_stopped
    from quarterdeck.kernel_link.workspace import Workspace
    from quarterdeck_kernel.kernel.recorded import folder_of_its_own, lay_out

    async def laid_out() -> None:
        with progress_line("opening") as progress:
            await until_stopped(lay_out(recording, folder, progress=progress))

    with folder_of_its_own() as folder:
        with stopped_with("nothing was opened"):
            asyncio.run(laid_out())
        from quarterdeck.kernel_link.link import KernelLink

        setup = setup_of(theme=theme, place=recording)
        _show(
            KernelLink(Workspace(folder, readonly=True)), replace(setup, recording=recording.name)
        )


def _show(link: "KernelLink", setup: "Setup") -> None:
    # What is being imported stays: looking through it for garbage would delay the first frame.
    gc.disable()
    # Textual takes longest to import, and only the screen needs it.
    from quarterdeck.app import QuarterdeckApp

    app = QuarterdeckApp(
        link,
        clerk=link,
        background=(link.run,),
        setup=setup,
        leave=link.leave,
    )
    asyncio.run(_shown(app, link))


async def _shown(app: "QuarterdeckApp", link: "KernelLink") -> None:
    from quarterdeck.demo.ending import on_request

    # A connection that is lost, too: the terminal is given back, and runs to whoever drives next.
    on_request(app.exit)
    try:
        await app.run_to_its_end()
    finally:
        # What is driven here is let go in good order before the process ends.
        await link.ended()


def link_to(workspace: "Workspace") -> "KernelLink":
    """Return what reads a workspace, decides in it with all its tools, and drives its runs.

    Of one that is only looked at everything shows all the same; nothing is driven.
    """
    from quarterdeck.kernel_link.driving import Driving
    from quarterdeck.kernel_link.link import KernelLink

    return KernelLink(workspace, driving=Driving(workspace, drives=not workspace.readonly))


def setup_of(*, theme: str | None, readonly: bool = False, place: Path | None = None) -> "Setup":
    """Return how the person at this terminal has their screen, upon a workspace if one is named."""
    from platformdirs import user_state_path

    from quarterdeck.widgets.deck import Setup
    from quarterdeck.widgets.personal import personal
    from quarterdeck_kernel.settings.files import user_folder

    state = user_state_path("quarterdeck", appauthor=False)
    person = personal(user_folder(), state)
    return Setup(
        preferences=replace(person.preferences, theme=theme or person.preferences.theme),
        themes_folder=user_folder() / "themes",
        copies_folder=state,
        readonly=readonly,
        operator=getpass.getuser(),
        place=str(place.resolve()) if place is not None else "",
        habits=person.habits,
        settings_file=person.file,
        keep=person.keep,
        keep_habits=person.keep_habits,
    )


async def _look_for(workspace: "Workspace") -> None:
    store = await workspace.open(create=False)
    await store.close()
