"""How a command ends: the exit codes, and one sentence in place of a traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import click


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


def fail(message: str, code: ExitCode) -> NoReturn:
    """End the command with one sentence for people and a code for scripts; never a traceback."""
    click.echo(f"quarterdeck: {message}", err=True)
    raise click.exceptions.Exit(code)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what the kernel raises on purpose into a sentence and an exit code."""
    from quarterdeck.views.plain import plain
    from quarterdeck.views.troubles import sentence
    from quarterdeck_kernel import errors

    try:
        yield
    except errors.SettingsError as error:
        fail("\n".join(map(plain, error.problems)), ExitCode.USAGE)
    except errors.QuarterdeckError as error:
        code = ExitCode.FAILED
        if isinstance(error, errors.NotFoundError | errors.StoreMissingError):
            code = ExitCode.NOT_FOUND
        elif isinstance(error, errors.ConflictError):
            code = ExitCode.CONFLICT
        elif isinstance(error, errors.IntegrityError | errors.StoreRewoundError):
            code = ExitCode.NOT_VERIFIED
        fail(sentence(error), code)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # click ends in silence: whoever read our output has seen enough
        _give_up_output()
        fail(sentence(error), ExitCode.FAILED)


def _give_up_output() -> None:
    """Drop what standard output does not take, or the interpreter fails on it again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
