"""`quarterdeck inbox`: what waits for a person, and what exactly is asked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.fields import InboxFields, ItemFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import moment, say, say_json
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore


@click.command(short_help="List what waits for a person.")
@workspace_option
@json_option(InboxFields)
def inbox(*, workspace: Path, as_json: bool) -> None:
    """List what waits for a person: the nearest deadline first, then the oldest."""
    items = reading(workspace, _items)
    if as_json:
        say_json(InboxFields(items=items))
        return
    for item in items:
        _tell(item)
    if not items:
        say("nothing waits")


async def _items(store: "EventStore") -> list[ItemFields]:
    from quarterdeck.cli.naming import open_items
    from quarterdeck.cli.records import item_fields
    from quarterdeck_kernel import state_at

    items = []
    async for row in open_items(store):
        state = await state_at(store, row.run_id)
        if row.item_id in state.pauses or row.seq in state.unknowns:
            items.append(await item_fields(store, row, state))
    return items


def _tell(item: ItemFields) -> None:
    from quarterdeck.views.plain import held_back, plain

    kind = "unknown" if item["kind"] == "unknown" else item["type"] or "pause"
    tool = f" {plain(item['tool'])}" if item["tool"] else ""
    colour = "magenta" if item["kind"] == "unknown" else "yellow"
    say(f"{click.style(item['id'], bold=True)}  {click.style(kind, fg=colour)}{tool}  "
        f"{plain(item['title'])}")  # fmt: skip
    since = f"since {moment(item['since_us'])}"
    until = f" · expires {moment(item['deadline_us'])}" if item["deadline_us"] else ""
    risk = f" · {item['risk']} risk" if item["risk"] else ""
    path = " > ".join(map(plain, item["path"]))
    say(f"  {path} · run {item['run_id']} · #{item['seq']} · {since}{until}{risk}")
    if item["details"] is not None:
        say(f"  {held_back(json.dumps(item['details'], ensure_ascii=False))}")
    if item["options"]:
        say(f"  one of: {', '.join(plain(option) for option in item['options'])}")
    if item["people_needed"] > 1:
        agreed = ", ".join(map(plain, item["people_agreed"])) or "nobody yet"
        say(f"  needs {item['people_needed']} people; agreed: {agreed}")
    say(f"  {_commands(item)}")


def _commands(item: ItemFields) -> str:
    """Return what to write next."""
    if item["kind"] == "unknown":
        return f"quarterdeck reconcile {item['id']} --probe"
    if item["digest"] is not None:
        return f"quarterdeck approve {item['id']}"
    return f"quarterdeck answer {item['id']} VALUE"
