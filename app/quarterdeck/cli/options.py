"""Options that many commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from quarterdeck.cli.ending import ExitCode, fail

Command = TypeVar("Command", bound=Callable[..., object])


def workspace_option(command: Command) -> Command:
    """Let a command name its workspace, as `quarterdeck` itself does."""
    return click.option(
        "--workspace",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_or_the_groups,
        help="The folder of the workspace; else the one you are in.",
    )(command)


def _or_the_groups(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path:
    return value or context.find_root().params.get("workspace") or Path()


def json_option(fields: type, *, lines: bool = False) -> Callable[[Command], Command]:
    """Let a command answer in JSON, and tell in its help with which fields."""
    what = "JSON, a line each" if lines else "one JSON object"

    def add(command: Command) -> Command:
        names = ", ".join(fields.__annotations__)
        command = click.option("--json", "as_json", is_flag=True, help=f"Answer with {what}.")(
            command
        )
        command.__doc__ = f"{command.__doc__}\n\n    Fields of --json: {names}.\n    "
        return command

    return add


def refuse_readonly() -> None:
    """Refuse to change anything where `--readonly` was asked for, or a recording is looked at."""
    root = click.get_current_context().find_root().params
    if root.get("readonly"):
        fail("--readonly changes nothing; leave it out to decide", ExitCode.USAGE)
    if root.get("recording"):
        fail("a recording is only looked at; `quarterdeck import` brings it in", ExitCode.USAGE)


def recording() -> Path | None:
    """Return the recording that is looked at in place of a workspace."""
    given: Path | None = click.get_current_context().find_root().params.get("recording")
    return given
