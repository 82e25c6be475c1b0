"""The commands, and what a person meets who names none.

What a command does stands elsewhere and is imported when the command runs, so that `--help` and
`--version` answer at once.
"""

import io
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from quarterdeck.cli.answering import answer, approve, reject
from quarterdeck.cli.backup import backup
from quarterdeck.cli.catalogue import agents, models, tools
from quarterdeck.cli.comparing import compare
from quarterdeck.cli.completion import completion
from quarterdeck.cli.conditions import budget, model, scope
from quarterdeck.cli.config import config
from quarterdeck.cli.control import acknowledge, cancel, hold, release, say, take
from quarterdeck.cli.doctor import doctor
from quarterdeck.cli.ending import ExitCode, fail, one_sentence, unexpected, unwritten
from quarterdeck.cli.events import events
from quarterdeck.cli.forking import fork, merge
from quarterdeck.cli.grants import grants
from quarterdeck.cli.inbox import inbox
from quarterdeck.cli.ledger import ledger
from quarterdeck.cli.notes import bookmarks, note
from quarterdeck.cli.options import store_option, workspace_option
from quarterdeck.cli.reconcile import reconcile
from quarterdeck.cli.recordings import export, import_
from quarterdeck.cli.removal import delete, erase
from quarterdeck.cli.replay import replay
from quarterdeck.cli.run import run
from quarterdeck.cli.runs import runs, show
from quarterdeck.cli.screen import open_screen, setup_of
from quarterdeck.cli.state import restore, state
from quarterdeck.cli.verify import heads, verify
from quarterdeck.cli.worker import worker


class Commands(click.Group):
    """The commands. What cannot be written to standard output is told in a sentence, too."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - of click
    ) -> click.Context:
        """Read the arguments; --help and --version write, and end here."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except OSError as error:
            unwritten(error)

    def invoke(self, ctx: click.Context) -> object:
        """Do what a command does."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except OSError as error:
            unwritten(error)
        except KeyboardInterrupt:
            fail("stopped before it was done", ExitCode.FAILED)
        except Exception as error:  # noqa: BLE001 - told in a sentence; the rest is in a file
            unexpected(error)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@store_option
@workspace_option
@click.option("--theme", metavar="NAME", help="One of ours, or of your own themes.")
@click.option("--readonly", is_flag=True, help="Show everything; change nothing.")
@click.option(
    "--recording",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Look at a recording in place of a workspace; nothing of it is imported.",
)
@click.version_option(package_name="quarterdeck", message="%(prog)s %(version)s")
@click.pass_context
def main(
    context: click.Context,
    *,
    workspace: Path,
    theme: str | None,
    readonly: bool,
    recording: Path | None,
    store: Path | None,
) -> None:
    """Command autonomous LLM agents from the terminal, over a durable kernel.

    Without a command the screen opens upon a workspace. With --recording those that look at
    something (runs, show, events, verify, export and their like) look at a recording.
    """
    del store  # it has become the workspace
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Where a glyph cannot be written, a question mark stands for it.
        sys.stdout.reconfigure(errors="replace")
    if context.invoked_subcommand is None:
        open_screen(workspace, theme=theme, readonly=readonly, recording=recording)


@main.command(short_help="Watch seven agents do real work offline.")
@click.option("--headless", is_flag=True, help="No screen: print what happened, and prove it.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Play in DIR and keep it; played again, it goes on from where it is.",
)
@click.pass_context
def demo(context: click.Context, *, headless: bool, keep: Path | None) -> None:
    """Watch seven agents do real work offline: real tools, a scripted model, no keys, no network.

    The process that drives the agents is killed on the way, between a payment and its outcome;
    another takes them up. What needs a person is decided by you, or with --headless by a policy
    that is printed. The work is done in a temporary folder unless --keep names one; how to go on
    there is said at the end, and played headless it is removed.
    """
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the demo needs a terminal; use `quarterdeck demo --headless` without one"
        fail(message, ExitCode.USAGE)
    from quarterdeck.demo.play import play

    theme: str | None = context.find_root().params["theme"]
    setup = None if headless else partial(setup_of, theme=theme)
    with one_sentence():
        outcome = play(keep, setup=setup)
    if not outcome.verified:
        fail("the log does not verify; rely on nothing in it", ExitCode.NOT_VERIFIED)
    if not outcome.paid_once:
        fail("a payment was not made exactly once", ExitCode.FAILED)


for command in (
    run, worker, runs, show, events, inbox,
    approve, reject, answer, reconcile,
    hold, release, cancel, say, budget, model, scope, acknowledge, take, grants,
    state, replay, fork, merge, compare, note, bookmarks, restore,
    verify, heads, agents, tools, models, ledger,
    export, import_, erase, delete, config, doctor, backup, completion,
):  # fmt: skip
    main.add_command(command)
