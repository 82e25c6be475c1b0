"""`quarterdeck backup`: a copy of the whole store, made while it is in use."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.fields import BackupFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore


@click.command(short_help="Copy the store into a new file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@workspace_option
@json_option(BackupFields)
def backup(*, file: Path, workspace: Path, as_json: bool) -> None:
    """Copy the whole store, while it is in use, into a FILE that is not there yet.

    The settings and `files/` are not in it. To use it, name it quarterdeck.db in an empty folder.
    To move a workspace, end what uses it and move its folder whole; --workspace names the new one.
    """

    async def copied(store: "EventStore") -> BackupFields:
        checkpoint = await store.checkpoint()
        await store.backup(file)
        return BackupFields(
            file=str(file),
            bytes=file.stat().st_size,  # noqa: ASYNC240 - nothing else runs in this loop
            position=checkpoint.position,
            link=checkpoint.link,
        )

    made = reading(workspace, copied)
    if as_json:
        say_json(made)
        return
    from quarterdeck.views.plain import plain

    chain = f"the chain to {made['position']:,} at least, {made['link'][:16]}"
    say(f"copied to {plain(made['file'])}: {made['bytes']:,} bytes, {chain}")
