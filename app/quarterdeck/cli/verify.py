"""`quarterdeck verify` and `quarterdeck heads`: that nothing was changed, and how to notice."""

from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.fields import HeadsFields, VerifyFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore
    from quarterdeck_kernel.store.run_info import Checkpoint


@click.command(short_help="Prove that nothing in the log was changed.")
@click.argument("run", required=False)
@workspace_option
@click.option("--all", "everything", is_flag=True, help="Every run, as without RUN.")
@click.option(
    "--against", metavar="HEADS", type=click.File(), help="Lines of `heads`; - for stdin."
)
@json_option(VerifyFields)
def verify(
    *,
    run: str | None,
    workspace: Path,
    everything: bool,
    against: IO[str] | None,
    as_json: bool,
) -> None:
    """Check a run, or all: every hash, every link, and every row against the fold of its events.

    Against lines of `quarterdeck heads` that were kept elsewhere, it is noticed as well if the end
    was cut off or an older copy put in its place. The exit code is 4 if anything is wrong.
    """
    if everything and run is not None:
        fail("name a run, or say --all, not both", ExitCode.USAGE)
    kept = _kept(against) if against is not None else []
    found = reading(workspace, lambda store: _verified(store, run, kept))
    if as_json:
        say_json(found)
    elif found["fault"] is None:
        erased = f", {len(found['erased']):,} of them erased" if found["erased"] else ""
        say(f"verified: {found['runs']:,} runs, {found['events']:,} events{erased}")
    if found["fault"] is not None:
        from quarterdeck.views.plain import plain

        fail(f"not verified: {plain(found['fault']['message'])}", ExitCode.NOT_VERIFIED)


def _kept(against: IO[str]) -> list["Checkpoint"]:
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.store.run_info import Checkpoint

    kept = []
    for number, line in enumerate(against, 1):
        if not line.strip():
            continue
        checkpoint = Checkpoint.parse(line)
        if checkpoint is None:
            fail(
                f"{plain(against.name)}:{number}: this is no line of `quarterdeck heads`",
                ExitCode.USAGE,
            )
        kept.append(checkpoint)
    if not kept:
        fail(f"{plain(against.name)} holds no line of `quarterdeck heads`", ExitCode.USAGE)
    return kept


async def _verified(
    store: "EventStore", run: str | None, against: list["Checkpoint"]
) -> VerifyFields:
    from quarterdeck.cli.naming import find_run
    from quarterdeck_kernel import verify as verified

    run_id = await find_run(store, run) if run is not None else None
    verdict = await verified(store, run_id, against=against)
    fault = verdict.fault
    return VerifyFields(
        ok=verdict.ok,
        runs=verdict.runs,
        events=verdict.events,
        erased=[{"run_id": name, "seq": seq} for name, seq in verdict.erased],
        fault=None
        if fault is None
        else {
            "kind": fault.kind,
            "run_id": fault.run_id,
            "seq": fault.seq,
            "message": fault.message,
        },
    )


@click.command(short_help="Print the line that stands for all there is.")
@workspace_option
@json_option(HeadsFields)
def heads(*, workspace: Path, as_json: bool) -> None:
    """Print a line to be kept elsewhere; `quarterdeck verify --against` takes it.

    It is the newest link of the chain over all runs, and so stands for every event.
    """
    found = reading(workspace, _heads)
    if as_json:
        say_json(found)
    else:
        say(f"{found['workspace_id']} {found['position']} {found['link']}")


async def _heads(store: "EventStore") -> HeadsFields:
    checkpoint = await store.checkpoint()
    found: HeadsFields = {
        "workspace_id": checkpoint.workspace_id,
        "position": checkpoint.position,
        "link": checkpoint.link,
        "heads": [],
    }
    after = ""
    while page := await store.heads(after=after):
        found["heads"] += [
            {"run_id": head.run_id, "seq": head.seq, "hash": head.hash.hex()} for head in page
        ]
        after = page[-1].run_id
    return found
