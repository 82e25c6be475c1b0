"""`quarterdeck runs` and `quarterdeck show`: the fleet, and one run with all that is open in it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.fields import RunsFields, ShowFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import Cell, moment, say, say_json, say_table
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, FleetFilter
    from quarterdeck_kernel.vocabulary.rows import FleetRow

NEEDS = (
    "unknown",
    "waiting",
    "failed",
    "timed_out",
    "adrift",
    "held",
    "running",
    "queued",
    "done",
    "cancelled",
)
COLOURS = {
    "unknown": "magenta",
    "waiting": "yellow",
    "failed": "red",
    "timed_out": "red",
    "adrift": "yellow",
    "held": "blue",
    "running": "green",
}


@click.command(short_help="List the runs, those that press most first.")
@workspace_option
@click.option("--need", multiple=True, type=click.Choice(NEEDS), help="Only these; repeatable.")
@click.option("--agent", metavar="AGENT", help="Only those of this agent.")
@click.option("--tenant", metavar="TENANT", help="Only those of this tenant.")
@click.option("--text", metavar="TEXT", help="Look for it in objective, agent and id.")
@click.option(
    "--order",
    type=click.Choice(("need", "newest", "cost")),
    default="need",
    show_default=True,
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="No more than so many.")
@json_option(RunsFields)
def runs(
    *,
    workspace: Path,
    need: tuple[Any, ...],
    agent: str | None,
    tenant: str | None,
    text: str | None,
    order: Any,  # noqa: ANN401 - a choice that click has checked
    limit: int | None,
    as_json: bool,
) -> None:
    """List the runs of the workspace, those that press most first."""
    from quarterdeck.cli.records import run_fields
    from quarterdeck_kernel import FleetFilter

    where = FleetFilter(
        needs=frozenset(need) or None, agent=agent, tenant=tenant, text=text, order=order
    )
    rows, more = reading(workspace, lambda store: _pages(store, where, limit))
    if as_json:
        say_json(RunsFields(runs=[run_fields(row) for row in rows], more=more))
    elif rows:
        say_table(
            ("RUN", "STATE", "AGENT", "WAITS FOR", "EVENTS", "COST", "OBJECTIVE"),
            [_cells(row) for row in rows],
        )
    else:
        say("no run fits" if where != FleetFilter(order=order) else "there are no runs here yet")


async def _pages(
    store: "EventStore", where: "FleetFilter", limit: int | None
) -> tuple[list["FleetRow"], bool]:
    rows: list[FleetRow] = []
    after: str | None = None
    while True:
        page = await store.fleet(where, after=after)
        rows += page.rows
        after = page.after
        if limit is not None and (len(rows) > limit or after is None):
            return rows[:limit], len(rows) > limit
        if after is None:
            return rows, False


def _going(row: "FleetRow") -> bool:
    """Tell whether a run is to be cancelled, and is not yet."""
    return row.cancel_requested_us is not None and row.status in {"queued", "running"}


def _cells(row: "FleetRow") -> list[Cell]:
    from quarterdeck.views.plain import plain
    from quarterdeck.views.quantities import money
    from quarterdeck.views.states import MARKS

    return [
        Cell(row.run_id),
        Cell(MARKS[row.need].word, COLOURS.get(row.need)),
        Cell(plain(row.agent)),
        Cell("cancel requested" if _going(row) else plain(row.waits_for or "")),
        Cell(f"{row.head_seq:,}", right=True),
        Cell(money(row.cost_micros, unknown=row.cost_unknown), right=True),
        Cell(plain(row.objective)),
    ]


@click.command(short_help="Show a run and all that is open in it.")
@click.argument("run")
@workspace_option
@json_option(ShowFields)
def show(*, run: str, workspace: Path, as_json: bool) -> None:
    """Show a run, by its id or how that begins, and all that is open in it."""

    async def shown(store: "EventStore") -> ShowFields:
        from quarterdeck.cli.naming import find_run
        from quarterdeck.cli.records import show_fields

        return await show_fields(store, await find_run(store, run))

    found = reading(workspace, shown)
    if as_json:
        say_json(found)
    else:
        _tell(found)


def _tell(run: ShowFields) -> None:
    from quarterdeck.views.plain import held_back, plain
    from quarterdeck.views.quantities import money

    state = click.style(run["need"].replace("_", " "), fg=COLOURS.get(run["need"]))
    waits = f" · waits for {plain(run['waits_for'])}" if run["waits_for"] else ""
    say(f"{run['run_id']}  {plain(run['agent'])}  {state}{waits}")
    say(f"  objective  {held_back(run['objective'])}")
    for name, text in _facts(run):
        say(f"  {name:<10} {text}")
    for item in run["items"]:
        say(f"  waits      {item['id']}  {plain(item['title'])}")
    for hold in run["holds"]:
        why = plain(hold["reason"] or "no reason given")
        say(f"  held       by {hold['by']} since event #{hold['seq']}: {why}")
    for bound in run["budgets"]:
        show_as = (lambda n: f"${money(n)}") if bound["budget"] == "micros" else "{:,}".format
        limit = "no bound" if bound["limit"] is None else f"of {show_as(bound['limit'])}"
        name = "cost" if bound["budget"] == "micros" else bound["budget"].replace("_", " ")
        say(f"  budget     {name}: {show_as(bound['used'])} {limit}")
    for grant in run["grants"]:
        say(f"  grant      {grant['grant_id']}  {plain(grant['tool'])}")
    for child in run["children"]:
        say(f"  child      {child['run_id']}  {plain(child['agent'])}")
    if run["end"] is not None:
        end = run["end"]
        said = end["answer"] if end["answer"] is not None else end["message"] or end["error"]
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        say(f"  ended      {end['kind'].replace('_', ' ')}: {held_back(text)}")


def _facts(run: ShowFields) -> list[tuple[str, str]]:
    from quarterdeck.views.plain import plain
    from quarterdeck.views.quantities import money

    driver = run["driver"]
    facts = [
        ("tenant", plain(run["tenant"])),
        ("person", plain(run["person"] or "unknown")),
        ("model", plain(run["model"] or "none")),
        ("began", moment(run["created_us"])),
        ("changed", f"{moment(run['changed_us'])} · event #{run['head_seq']:,}"),
        ("cost", f"${money(run['cost_micros'], unknown=run['cost_unknown'])}"),
        ("driver", f"process {driver['pid']} on {driver['host']}" if driver["live"] else "nobody"),
    ]
    scope = run["scope"]
    if scope["scope"] != "all":
        staged = " (staged)" if scope["revision"] > scope["applied"] else ""
        facts.append(("scope", f"{scope['scope']} {', '.join(map(plain, scope['tools']))}{staged}"))
    if run["forked_from"] is not None:
        facts.append(("fork", f"of {run['forked_from']['run_id']} at #{run['forked_from']['seq']}"))
    if run["cancel_requested_us"] is not None and run["end"] is None:
        since = moment(run["cancel_requested_us"])
        facts.append(("cancel", f"requested {since}, for its next boundary or driver"))
    if run["messages_waiting"]:
        facts.append(("said", f"{run['messages_waiting']} not heard yet"))
    if run["read_only"]:
        facts.append(("read-only", plain(run["read_only"])))
    return facts
