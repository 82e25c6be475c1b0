"""`quarterdeck doctor`: whether this machine and this workspace are fit, and mending the rows."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode
from quarterdeck.cli.fields import DoctorFields
from quarterdeck.cli.options import json_option, refuse_readonly, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore

_LOOKS = {"good": ("ok  ", "green"), "note": ("note", "yellow"), "bad": ("BAD ", "red")}


@click.command(short_help="Look over this machine and this workspace.")
@workspace_option
@click.option("--rebuild", is_flag=True, help="Make the stored rows of all runs anew.")
@json_option(DoctorFields)
def doctor(*, workspace: Path, rebuild: bool, as_json: bool) -> None:
    """Look over Python, SQLite, the terminal, keys (names only), settings, store and disk.

    With --rebuild the rows by which runs are listed are made anew from their events, first. The
    exit code is 1 if anything is bad.
    """
    from quarterdeck.cli.checks import checks

    rebuilt = None
    if rebuild:
        refuse_readonly()
        rebuilt = reading(workspace, _rebuild)
    found = checks(workspace)
    ok = all(check["level"] != "bad" for check in found)
    if as_json:
        say_json(DoctorFields(ok=ok, checks=found, rebuilt=rebuilt))
    else:
        if rebuilt is not None:
            say(f"the rows of {rebuilt:,} runs were made anew")
        for check in found:
            word, colour = _LOOKS[check["level"]]
            say(f"{click.style(word, fg=colour)}  {check['name']:<9} {check['detail']}")
    if not ok:
        raise click.exceptions.Exit(ExitCode.FAILED)


async def _rebuild(store: "EventStore") -> int:
    from quarterdeck.cli.naming import all_runs
    from quarterdeck_kernel import rebuild

    rebuilt = 0
    async for run_id in all_runs(store):
        await rebuild(store, run_id)
        rebuilt += 1
    return rebuilt
