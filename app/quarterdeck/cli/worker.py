"""`quarterdeck worker`: drive the runs of a workspace without a screen."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import one_sentence
from quarterdeck.cli.options import refuse_readonly, workspace_option

if TYPE_CHECKING:
    from quarterdeck_kernel.supervisor.notice import Notice

_WORDS = {
    "taken_up": "taken up",
    "ended": "ended:",
    "stopped": "stopped:",
    "failed": "HELD:",
    "trouble": "trouble:",
}


@click.command(short_help="Drive the runs of the workspace without a screen.")
@workspace_option
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="So many runs at once.",
)
def worker(*, workspace: Path, concurrency: int) -> None:
    """Drive every run of an agent that could go on, until told to stop.

    It takes up what nobody drives, and goes on with what people decide about, from wherever they
    do. Ctrl+C lets every run stop at its next boundary; a second one stops now. Several workers
    may share a workspace.
    """
    refuse_readonly()
    with one_sentence():
        asyncio.run(_work(workspace, concurrency))


async def _work(folder: Path, at_once: int) -> None:
    from quarterdeck.cli.stopping import stopping
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.kernel.equipped import Equipped

    kernel = await Equipped.of(folder)
    supervisor = kernel.supervisor(at_once=at_once, told=_tell)
    # Until all is closed: who is impatient is not to break that off.
    with stopping(supervisor.drain, supervisor.stop):
        async with kernel:
            for trouble in (*kernel.equipment.troubles, *kernel.roster.left_out.values()):
                click.echo(f"quarterdeck: {plain(trouble)}", err=True)
            click.echo(f"driving the runs of {str(folder)!r}; Ctrl+C stops", err=True)
            await supervisor.run()


def _tell(notice: "Notice") -> None:
    from quarterdeck.views.plain import plain

    whose = notice.run_id or "workspace"
    click.echo(f"{plain(whose)}  {_WORDS[notice.what]} {plain(notice.text)}", err=True)
