"""Which workspace a command is about."""

from pathlib import Path

import click

from quarterdeck.cli.ending import ExitCode, fail


def workspace_of(named: Path | None) -> Path:
    """Return the folder that is named, here or before the command; else the one we are in.

    For commands that change something: refused where `--readonly` was asked for.
    """
    before = click.get_current_context().find_root().params
    if before.get("readonly"):
        fail("--readonly changes nothing; leave it out to drive runs", ExitCode.USAGE)
    if before.get("recording"):
        fail("a recording is only looked at; `quarterdeck import` brings it in", ExitCode.USAGE)
    return named or before.get("workspace") or Path()
