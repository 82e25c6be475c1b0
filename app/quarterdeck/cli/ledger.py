"""`quarterdeck ledger`: what was used, parted as one likes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.fields import LedgerFields, LedgerLineFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import Cell, say, say_json, say_table
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, LedgerEntry

_DAYS = ("since", "until")
PARTS = ("run", "tenant", "person", "agent", "name", "day", "month")


@click.command(short_help="Show what was used, and what it cost.")
@workspace_option
@click.option("--by", multiple=True, type=click.Choice(PARTS), help="Part it by; repeatable.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="This day and after."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="And before.")
@click.option("--run", metavar="RUN", help="Of this run alone.")
@click.option("--tenant", metavar="TENANT", help="Of this tenant alone.")
@click.option("--person", metavar="PERSON", help="Of this person alone.")
@click.option("--agent", metavar="AGENT", help="Of this agent alone.")
@json_option(LedgerFields)
def ledger(*, workspace: Path, run: str | None, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - as click read them
    """Show what was used, and what it cost in dollars: in all, or parted. Days are UTC."""
    lines = reading(workspace, lambda store: _lines(store, run, asked))
    if as_json:
        say_json(LedgerFields(lines=[ledger_fields(line) for line in lines]))
    elif lines:
        _table(lines, asked["by"])
    else:
        say("nothing was used")


async def _lines(
    store: "EventStore", run: str | None, asked: dict[str, Any]
) -> tuple["LedgerEntry", ...]:
    from quarterdeck.cli.naming import find_run
    from quarterdeck_kernel import Decisions

    run_id = await find_run(store, run) if run is not None else None
    since, until = (None if asked[at] is None else f"{asked[at]:%Y-%m-%d}" for at in _DAYS)
    return await Decisions(store).ledger(
        *asked["by"],
        run_id=run_id,
        since=since,
        until=until,
        tenant=asked["tenant"],
        person=asked["person"],
        agent=asked["agent"],
    )


def ledger_fields(entry: "LedgerEntry") -> LedgerLineFields:
    """Return a sum of the ledger."""
    return LedgerLineFields(
        run_id=entry.run_id,
        tenant=entry.tenant,
        person=entry.person,
        agent=entry.agent,
        kind=entry.kind,
        name=entry.name,
        period=entry.period,
        cost_usd=f"{entry.cost:f}",
        unknown_costs=entry.unknown_costs,
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        model_calls=entry.model_calls,
        tool_calls=entry.tool_calls,
        busy_us=entry.busy_us,
    )


def _table(lines: tuple["LedgerEntry", ...], by: tuple[str, ...]) -> None:
    from quarterdeck.views.plain import plain

    fields = {"run": "run_id", "day": "period", "month": "period"}
    parts = list(dict.fromkeys(fields.get(part, part) for part in by))
    titles = [part.removesuffix("_id").upper() for part in parts]
    rows = []
    for line in lines:
        cost = f"{'≥' if line.unknown_costs else ''}{line.cost:f}"
        sums = (line.input_tokens, line.output_tokens, line.model_calls, line.tool_calls)
        rows.append(
            [Cell(plain(str(getattr(line, part) or "-"))) for part in parts]
            + [Cell(cost, right=True), *(Cell(f"{number:,}", right=True) for number in sums)]
        )
    say_table((*titles, "COST USD", "TOKENS IN", "TOKENS OUT", "MODEL CALLS", "TOOL CALLS"), rows)
