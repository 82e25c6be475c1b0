"""How a command ends: the exit codes, and one sentence in place of a traceback."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from quarterdeck_kernel.errors import QuarterdeckError


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


def code_of(error: "QuarterdeckError") -> ExitCode:
    """Return what an error of the kernel means to a script."""
    from quarterdeck_kernel import errors

    match error:
        case errors.NotFoundError() | errors.StoreMissingError():
            return ExitCode.NOT_FOUND
        case errors.IntegrityError() | errors.StoreRewoundError():
            return ExitCode.NOT_VERIFIED
        case errors.DeniedError() | errors.AccessDeniedError() | errors.UnguardedError():
            return ExitCode.REFUSED
        case errors.RunPausedError() | errors.ReconciliationRequiredError():
            return ExitCode.WAITS
        case errors.ConflictError() | errors.IllegalMoveError() | errors.RunStoppedError():
            # Somebody was first, or the run is not (any more) what was decided about.
            return ExitCode.CONFLICT
        case errors.InvalidError():
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILED


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
        fail(sentence(error), code_of(error))
    except OSError as error:
        unwritten(error)


def unwritten(error: OSError) -> NoReturn:
    """End the command because the disk, or whatever reads our output, takes no more."""
    if error.errno == errno.EPIPE:
        raise error  # click ends in silence: whoever read our output has seen enough
    from quarterdeck.views.troubles import sentence

    _give_up_output()
    fail(sentence(error), ExitCode.FAILED)


def unexpected(error: Exception) -> NoReturn:
    """End by what nobody expected: a sentence for people, and the traceback in a file."""
    from quarterdeck.views.troubles import details, sentence

    said = f"{sentence(error)}; what was recorded stands, so start it again"
    try:
        kept = f"The traceback is in {_keep(details(error))}"
    except OSError as unkept:
        kept = f"The traceback could not be kept ({sentence(unkept)})"
        click.echo(details(error), err=True)
    fail(f"{said}. {kept}: give it to whoever looks after Quarterdeck", ExitCode.FAILED)


def _keep(text: str) -> Path:
    """Write a text that only this person may read into the folder of what broke for them."""
    from platformdirs import user_state_path

    folder = user_state_path("quarterdeck", appauthor=False) / "broken"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{time.time_ns() // 1_000_000}.txt"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _give_up_output() -> None:
    """Drop what standard output does not take, or the interpreter fails on it again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
