"""`quarterdeck state` and `restore`: a run as it was, and files put back as they were."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.past_fields import DifferenceFields, RestoredFields, StateFields
from quarterdeck.cli.session import deciding, reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions, EventStore

_SAID = 5


@click.command(short_help="Show a run as it was behind an event.")
@click.argument("run")
@click.option("--at", "seq", type=click.IntRange(min=1), metavar="SEQ", help="Else the newest.")
@click.option("--since", type=click.IntRange(min=1), metavar="SEQ", help="And what came since.")
@click.option(
    "--said",
    type=click.IntRange(min=0),
    default=_SAID,
    show_default=True,
    metavar="N",
    help="So many messages.",
)
@workspace_option
@json_option(StateFields)
def state(
    *, run: str, seq: int | None, since: int | None, said: int, workspace: Path, as_json: bool
) -> None:
    """Show all of a run as it was behind an event: state, conversation, files."""

    async def shown(store: "EventStore") -> StateFields:
        from quarterdeck.cli.naming import find_run
        from quarterdeck.cli.past_records import state_fields

        run_id = await find_run(store, run)
        at = seq or (await store.run(run_id)).head.seq
        return await state_fields(store, run_id, at, said=said, since=since)

    found = reading(workspace, shown)
    if as_json:
        say_json(found)
    else:
        _tell(found)


def _tell(found: StateFields) -> None:
    from quarterdeck.views.plain import held_back, plain

    say(f"{found['run_id']}  #{found['seq']} of {found['head_seq']}")
    for name, panel in found["panels"].items():
        for key, value in panel.items():
            if value not in (None, [], {}, False):
                say(f"  {name:<9} {plain(key):<20} {held_back(_text(value))}")
    for file in found["files"]:
        held = f"{file['size']:,} bytes" if file["sha256"] else "gone"
        say(f"  file      {plain(file['path'])}  {held}, since #{file['seq']}")
    for message in found["said"]:
        calls = f" calls {', '.join(map(plain, message['tools']))}" if message["tools"] else ""
        say(f"  {message['role']:<9} #{message['seq']} {held_back(message['text'])}{calls}")
    if found["difference"] is not None:
        _tell_difference(found["difference"])


def _tell_difference(between: DifferenceFields) -> None:
    from quarterdeck.views.plain import held_back, plain

    say(f"since #{between['seq']}")
    for change in between["values"]:
        before, after = held_back(_text(change["before"])), held_back(_text(change["after"]))
        say(f"  {change['panel']:<9} {plain(change['name']):<20} {before} -> {after}")
    say(f"  said      {len(between['said'])} messages more, {len(between['gone'])} left out")
    for file in between["files"]:
        say(f"  file      {plain(file['path'])}")
        for line in (file["diff"] or "(no text, or not kept)").splitlines():
            say(f"    {held_back(line)}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@click.command(short_help="Put a file back as it was behind an event.")
@click.argument("run")
@click.argument("path")
@click.option("--at", "seq", type=click.IntRange(min=1), required=True, metavar="SEQ")
@click.option("--anyway", is_flag=True, help="Even if it was changed by somebody else since.")
@workspace_option
@json_option(RestoredFields)
def restore(*, run: str, path: str, seq: int, anyway: bool, workspace: Path, as_json: bool) -> None:
    """Put the file PATH back as RUN had it behind event SEQ. That is an event of the run, too."""

    async def restored(decisions: "Decisions") -> RestoredFields:
        from quarterdeck.cli.naming import find_run
        from quarterdeck_kernel.kernel.guarding import FILES

        run_id = await find_run(decisions.store, run)
        event = await decisions.restore_as_of(
            run_id, seq, path, files=workspace / FILES, anyway=anyway
        )
        made = event.seq if event is not None else None
        return RestoredFields(run_id=run_id, path=path, as_of=seq, seq=made)

    done = deciding(workspace, restored)
    if as_json:
        say_json(done)
    elif done["seq"] is None:
        say("nothing to do: the file holds that already")
    else:
        say(f"restored: run {done['run_id']}, event #{done['seq']}")
