"""`quarterdeck erase` and `quarterdeck delete`: what is gone for ever, on record and asked for."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import moment, say, say_json
from quarterdeck.cli.recording_fields import DeleteFields, EraseFields
from quarterdeck.cli.session import deciding

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions

_DAY_US = 24 * 3600 * 1_000_000
_NAMED = 20
_reason = click.option("--reason", metavar="TEXT", required=True, help="Why; it is kept.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command(short_help="Erase the content of an event.")
@click.argument("run")
@click.option("--at", "seq", metavar="SEQ", type=click.IntRange(min=1), required=True)
@workspace_option
@_reason
@_yes
@json_option(EraseFields)
def erase(*, run: str, seq: int, workspace: Path, reason: str, yes: bool, as_json: bool) -> None:
    """Erase for ever what event SEQ of a run says: its arguments, its text, its result.

    What stays is that it was there, its facts and its hash: the log verifies on, and forks that
    share the event lose its content, too. A run that is driven has to rest first.
    """

    async def erased(decisions: "Decisions") -> EraseFields:
        from quarterdeck.cli.naming import find_run

        run_id = await find_run(decisions.store, run)
        _sure(f"erase the content of event #{seq} of run {run_id} for ever?", yes=yes)
        await decisions.erase(run_id, seq, reason=reason)
        return EraseFields(run_id=run_id, seq=seq, reason=reason)

    done = deciding(workspace, erased)
    if as_json:
        say_json(done)
    else:
        say(f"erased: the content of event #{seq} of run {done['run_id']}")


@click.command(short_help="Delete runs that are over.")
@click.argument("run", required=False)
@click.option("--overdue", is_flag=True, help="All that are over for longer than they are kept.")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    help="How long they are kept; else as [retention] of the settings says.",
)
@workspace_option
@_reason
@_yes
@json_option(DeleteFields)
def delete(
    *,
    run: str | None,
    overdue: bool,
    days: int | None,
    workspace: Path,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete a run that is over, whole; export it first if you may want it back.

    What stays is who deleted it and why, and what the chain over all runs is made of. A run whose
    events a fork shares is refused. With --overdue what needs nobody any more and ended long
    enough ago is deleted; failures nobody acknowledged stay.
    """
    if (run is None) != overdue or (days is not None and not overdue):
        fail("name a run, or say --overdue (and perhaps --days), not both", ExitCode.USAGE)

    async def deleted(decisions: "Decisions") -> DeleteFields:
        if run is None:
            return await _overdue(decisions, workspace, days, reason=reason, yes=yes)
        from quarterdeck.cli.naming import find_run

        run_id = await find_run(decisions.store, run)
        _sure(f"delete run {run_id} whole, for ever?", yes=yes)
        await decisions.delete(run_id, reason=reason)
        return DeleteFields(deleted=[run_id], kept=[], reason=reason)

    done = deciding(workspace, deleted)
    if as_json:
        say_json(done)
        return
    from quarterdeck.views.plain import plain

    for run_id in done["deleted"]:
        say(f"deleted: run {run_id}")
    for kept in done["kept"]:
        say(f"kept: {plain(kept['why'])}")
    if overdue and not done["deleted"] and not done["kept"]:
        say("nothing is overdue")


async def _overdue(
    decisions: "Decisions", workspace: Path, days: int | None, *, reason: str, yes: bool
) -> DeleteFields:
    from quarterdeck_kernel.kernel.configured import settings_of
    from quarterdeck_kernel.runs.delete import delete_overdue, overdue
    from quarterdeck_kernel.vocabulary.actor import operator

    if days is None:
        settings = settings_of(workspace)
        days = settings.retention.finished_days if settings is not None else None
    if days is None:
        fail(
            "nothing says how long runs are kept: name --days, or set [retention] finished_days",
            ExitCode.USAGE,
        )
    found = await overdue(decisions.store, time.time_ns() // 1000 - days * _DAY_US)
    if not found:
        return DeleteFields(deleted=[], kept=[], reason=reason)
    if not yes:
        for each in found[:_NAMED]:
            click.echo(f"{each.run_id}  ended {moment(each.ended_us)}", err=True)
    _sure(f"delete these {len(found):,} runs (the first {_NAMED} are named) for ever?", yes=yes)
    deleted, kept = await delete_overdue(decisions.store, found, actor=operator(), reason=reason)
    return DeleteFields(
        deleted=deleted,
        kept=[{"run_id": run_id, "why": why} for run_id, why in kept.items()],
        reason=reason,
    )


def _sure(question: str, *, yes: bool) -> None:
    """Ask a person; where nobody can be asked, --yes has to be said."""
    if yes:
        return
    if not _somebody_is_here():
        fail("nobody is here to be asked; say --yes if that is what you mean", ExitCode.USAGE)
    if not click.confirm(question, default=False, err=True):
        fail("nothing was done", ExitCode.REFUSED)


def _somebody_is_here() -> bool:
    return sys.stdin.isatty()
