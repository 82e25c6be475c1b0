"""The command line: `quarterdeck`, or `qd` for short.

Owns the parsing of arguments and the exit codes. What a command does stands elsewhere and is
imported when the command runs, so that `--help` and `--version` answer at once.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

import click

__all__ = ["ExitCode", "main"]


class ExitCode(IntEnum):
    """What a command's end means to a script."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_VERIFIED = 4
    REFUSED = 5
    CONFLICT = 6
    WAITS = 7


def _fail(message: str, code: ExitCode) -> NoReturn:
    """End the command with one sentence for people and a code for scripts; never a traceback."""
    click.echo(f"quarterdeck: {message}", err=True)
    raise click.exceptions.Exit(code)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn what the kernel raises on purpose into a sentence and an exit code."""
    from quarterdeck.views.troubles import sentence
    from quarterdeck_kernel import errors

    try:
        yield
    except errors.QuarterdeckError as error:
        code = ExitCode.FAILED
        if isinstance(error, errors.NotFoundError | errors.StoreMissingError):
            code = ExitCode.NOT_FOUND
        elif isinstance(error, errors.ConflictError):
            code = ExitCode.CONFLICT
        elif isinstance(error, errors.IntegrityError | errors.StoreRewoundError):
            code = ExitCode.NOT_VERIFIED
        _fail(sentence(error), code)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # click ends in silence: whoever read our output has seen enough
        _give_up_output()
        _fail(sentence(error), ExitCode.FAILED)


def _give_up_output() -> None:
    """Drop what standard output does not take, or the interpreter fails on it again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quarterdeck", message="%(prog)s %(version)s")
def main() -> None:
    """Command autonomous LLM agents from the terminal, over a durable kernel."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Where a glyph cannot be written, a question mark stands for it.
        sys.stdout.reconfigure(errors="replace")


@main.command(short_help="Watch seven runs do real work offline.")
@click.option("--headless", is_flag=True, help="No screen: print what happened, and prove it.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Play in DIR and keep it; played again, it goes on from where it is.",
)
def demo(*, headless: bool, keep: Path | None) -> None:
    """Watch seven runs do real work offline: no keys, no model, no network.

    The work is done in a temporary folder unless --keep names one. One driver is killed on the
    way, between a payment and its outcome.
    """
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the demo needs a terminal; use `quarterdeck demo --headless` without one"
        _fail(message, ExitCode.USAGE)
    from quarterdeck.demo.play import play

    with _one_sentence():
        outcome = play(keep, headless=headless)
    if not outcome.verified:
        _fail("the log does not verify; rely on nothing in it", ExitCode.NOT_VERIFIED)
    if not outcome.paid_once:
        _fail("a payment was not made exactly once", ExitCode.FAILED)
