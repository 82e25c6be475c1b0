"""`quarterdeck note` and `bookmarks`: what people note about events, beside the log."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import moment, say, say_json
from quarterdeck.cli.past_fields import BookmarkFields
from quarterdeck.cli.session import deciding, reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Bookmark, Decisions, EventStore


@click.command(short_help="Note something about an event.")
@click.argument("run")
@click.argument("text", default="")
@click.option("--at", "seq", type=click.IntRange(min=1), required=True, metavar="SEQ")
@workspace_option
@json_option(BookmarkFields)
def note(*, run: str, text: str, seq: int, workspace: Path, as_json: bool) -> None:
    """Bookmark an event of a run, with a note. It stands beside the log, not in it."""

    async def noted(decisions: "Decisions") -> "Bookmark":
        from quarterdeck.cli.naming import find_run

        return await decisions.bookmark(await find_run(decisions.store, run), seq, text)

    made = deciding(workspace, noted)
    if as_json:
        from quarterdeck.cli.past_records import bookmark_fields

        say_json(bookmark_fields(made))
    else:
        say(f"noted: run {made.run_id}, event #{made.seq}, bookmark {made.bookmark_id}")


@click.command(short_help="List the bookmarks of a run.")
@click.argument("run")
@click.option("--remove", metavar="ID", help="Take this one away.")
@workspace_option
@json_option(BookmarkFields, lines=True)
def bookmarks(*, run: str, remove: str | None, workspace: Path, as_json: bool) -> None:
    """List the bookmarks of a run by event; a fork has those of what it shares."""

    async def listed(store: "EventStore") -> "list[Bookmark]":
        from quarterdeck.cli.naming import find_run

        return await store.bookmarks(await find_run(store, run))

    async def removed(decisions: "Decisions") -> "Bookmark":
        from quarterdeck.cli.naming import find_run

        run_id = await find_run(decisions.store, run)
        for mark in await decisions.store.bookmarks(run_id):
            if mark.bookmark_id == remove:
                await decisions.drop_bookmark(mark.bookmark_id)
                return mark
        return fail(
            f"run {run_id!r} has no bookmark {remove!r} (any more); `quarterdeck bookmarks "
            f"{run_id}` lists those it has",
            ExitCode.NOT_FOUND,
        )

    from quarterdeck.cli.past_records import bookmark_fields

    if remove is not None:
        gone = deciding(workspace, removed)
        if as_json:
            say_json(bookmark_fields(gone))
        else:
            say(f"removed: bookmark {gone.bookmark_id}")
        return
    from quarterdeck.views.plain import held_back, plain

    for mark in reading(workspace, listed):
        if as_json:
            say_json(bookmark_fields(mark))
        else:
            who = plain(mark.actor.name or mark.actor.kind)
            say(f"#{mark.seq:<8} {moment(mark.at_us)}  {who}  {mark.bookmark_id}")
            say(f"  {held_back(mark.note) if mark.note else '(no note)'}")
