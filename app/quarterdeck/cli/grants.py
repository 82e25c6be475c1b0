"""`quarterdeck grants`: what may go unasked, and taking it back."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.fields import GrantFields, GrantsFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import moment, say, say_json
from quarterdeck.cli.session import deciding, reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions, EventStore


@click.group(short_help="List or revoke what may go unasked.", invoke_without_command=True)
@workspace_option
@click.option("--run", metavar="RUN", help="Only those of this run.")
@json_option(GrantsFields)
@click.pass_context
def grants(context: click.Context, *, workspace: Path, run: str | None, as_json: bool) -> None:
    """List the grants that stand, in all runs or in one."""
    if context.invoked_subcommand is not None:
        return
    found = reading(workspace, lambda store: _standing(store, run))
    if as_json:
        say_json(GrantsFields(grants=found))
        return
    from quarterdeck.views.plain import held_back, plain

    for grant in found:
        say(f"{click.style(grant['grant_id'], bold=True)}  {plain(grant['tool'])}  "
            f"run {grant['run_id']}")  # fmt: skip
        say(f"  by {plain(grant['by']['name'] or grant['by']['kind'])} at {moment(grant['at_us'])}")
        say(f"  {held_back(json.dumps(grant['constraints'], ensure_ascii=False))}")
    if not found:
        say("no grants stand")


async def _standing(store: "EventStore", run: str | None) -> list[GrantFields]:
    from quarterdeck.cli.naming import all_runs, find_run
    from quarterdeck.cli.records import grant_fields
    from quarterdeck_kernel import state_at
    from quarterdeck_kernel.engine.grants import standing

    found: list[GrantFields] = []
    wanted = [await find_run(store, run)] if run is not None else None
    names = wanted if wanted is not None else [name async for name in all_runs(store)]
    for run_id in names:
        if (await store.projections(run_id)).fleet.status in {"queued", "running"}:
            state = await state_at(store, run_id)
            found += [grant_fields(run_id, each) for each in await standing(store, state)]
    return found


@grants.command(short_help="Take a grant back.")
@click.argument("grant", metavar="ID")
@workspace_option
@click.option("--reason", metavar="TEXT", help="Why.")
def revoke(*, grant: str, workspace: Path, reason: str | None) -> None:
    """Take a grant back: from the next call on people are asked again."""

    async def revoked(decisions: "Decisions") -> str:
        from quarterdeck.cli.naming import find_grant

        run_id, grant_id = await find_grant(decisions.store, grant)
        event = await decisions.revoke(run_id, grant_id, reason=reason)
        return f"revoked: grant {grant_id} of run {run_id}, event #{event.seq}"

    say(deciding(workspace, revoked))
