"""Options that many commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from quarterdeck.cli.ending import ExitCode, fail

Command = TypeVar("Command", bound=Callable[..., object])

DATABASE = "quarterdeck.db"
"""What the log of a workspace is called."""


def workspace_option(command: Command) -> Command:
    """Let a command name its workspace, as `quarterdeck` itself does."""
    return click.option(
        "--workspace",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_or_the_groups,
        help="The folder of the workspace; else the one you are in.",
    )(command)


def store_option(command: Command) -> Command:
    """Let the whole command line be about the workspace of a store."""
    return click.option(
        "--store",
        metavar="URL",
        is_eager=True,
        callback=_folder_of_store,
        help="The log, as sqlite:///FOLDER/quarterdeck.db or its path: its folder is the "
        "workspace.",
    )(command)


def _or_the_groups(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path:
    before = context.find_root().params
    named: Path | None = value or before.get("workspace")
    store: Path | None = before.get("store")
    if named is not None and store is not None and named.absolute() != store.absolute():
        fail(
            f"the log of a workspace lies in its own folder, so --store {str(store)!r} is not that "
            f"of --workspace {str(named)!r}; name one of them",
            ExitCode.USAGE,
        )
    return store or named or Path()


def _folder_of_store(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> Path | None:
    if text is None:
        return None
    if "://" in text or text.startswith("sqlite:"):
        from urllib.parse import unquote, urlsplit

        scheme, host, path, *_ = urlsplit(text)
        if scheme != "sqlite":
            # Never shown whole: the address of a server may hold a password.
            fail(
                f"there is no store for {scheme}:// addresses yet; name a SQLite file, as "
                "sqlite:///FOLDER/quarterdeck.db",
                ExitCode.USAGE,
            )
        if host or not path:
            fail("write the store as sqlite:///FOLDER/quarterdeck.db", ExitCode.USAGE)
        text = unquote(path)
    place = Path(text)
    if place.name == DATABASE:
        return place.parent
    if place.is_file() or place.suffix:
        fail(f"the log of a workspace is called {DATABASE}, not {place.name!r}", ExitCode.USAGE)
    return place


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
        fail("--readonly changes nothing; leave it out to decide and to drive runs", ExitCode.USAGE)
    if root.get("recording"):
        fail("a recording is only looked at; `quarterdeck import` brings it in", ExitCode.USAGE)


def recording() -> Path | None:
    """Return the recording that is looked at in place of a workspace."""
    given: Path | None = click.get_current_context().find_root().params.get("recording")
    return given
