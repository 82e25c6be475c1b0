"""`quarterdeck export` and `quarterdeck import`: runs out into a file, and in from one."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from quarterdeck.cli.ending import one_sentence
from quarterdeck.cli.options import json_option, refuse_readonly, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.progress import progress_line, stopped_with, until_stopped
from quarterdeck.cli.recording_fields import ExportFields, ImportFields
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore


@click.command(short_help="Write a run into one file.")
@click.argument("run")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@workspace_option
@click.option("--forks", is_flag=True, help="With all that was forked from it.")
@click.option("--children", is_flag=True, help="With its sub-agents.")
@click.option(
    "--redact",
    type=click.Choice(("policy", "all", "none")),
    default="policy",
    show_default=True,
    help="What is left out: personal data as the settings say, all contents, or nothing.",
)
@json_option(ExportFields)
def export(
    *,
    run: str,
    file: Path,
    workspace: Path,
    forks: bool,
    children: bool,
    redact: Literal["policy", "all", "none"],
    as_json: bool,
) -> None:
    """Write a run, and those it was forked from, into a FILE that is not there yet.

    Events that hold what `personal_data.recording` takes out are left without their content; the
    hashes of the others verify all the same. `quarterdeck --recording FILE` opens it.
    """

    async def exported(store: "EventStore") -> ExportFields:
        from quarterdeck.cli.naming import find_run
        from quarterdeck_kernel import export_run
        from quarterdeck_kernel.kernel.configured import settings_of
        from quarterdeck_kernel.kernel.guarding import personal_data_of

        run_id = await find_run(store, run)
        with progress_line("exporting") as progress:
            made = await until_stopped(
                export_run(
                    store,
                    run_id,
                    file,
                    forks=forks,
                    children=children,
                    redaction=redact,
                    personal_data=personal_data_of(settings_of(workspace), {}),
                    progress=progress,
                )
            )
        return ExportFields(
            file=str(file),
            bytes=file.stat().st_size,  # noqa: ASYNC240 - nothing else runs in this loop
            runs=[
                {
                    "run_id": each.run_id,
                    "tenant": each.tenant,
                    "head_seq": each.head.seq,
                    "head_hash": each.head.hash,
                    "forked_from": each.parent.run_id if each.parent is not None else None,
                    "forked_at": each.parent.seq if each.parent is not None else None,
                }
                for each in made.manifest.runs
            ],
            events=made.events,
            blobs=made.blobs,
            notes=made.notes,
            redacted=made.redacted,
            erased=made.erased,
        )

    with stopped_with("there is no such file, nor half of it"):
        made = reading(workspace, exported)
    if as_json:
        say_json(made)
        return
    from quarterdeck.views.plain import plain

    redacted = f", {made['redacted']:,} of them redacted" if made["redacted"] else ""
    count = f"{len(made['runs']):,} runs, {made['events']:,} events{redacted}"
    say(f"exported to {plain(made['file'])}: {count}, {made['bytes']:,} bytes")


def begin(workspace: Path, file: Path) -> None:
    """Begin a workspace in a folder that has none, once it is sure that a recording comes in."""
    from quarterdeck_kernel.kernel.opening import is_fresh, open_store
    from quarterdeck_kernel.recordings.reading import verify_recording

    async def begun() -> None:
        await (await open_store(workspace)).close()

    if is_fresh(workspace):
        verify_recording(file)
        asyncio.run(begun())


@click.command("import", short_help="Bring the runs of a recording into the workspace.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@workspace_option
@json_option(ImportFields)
def import_(*, file: Path, workspace: Path, as_json: bool) -> None:
    """Bring the runs of a recording into the workspace, under the ids they have.

    A run that is here already is left alone; one that is here with other events is refused. What
    was not over arrives held: it goes on when somebody releases it.
    """
    refuse_readonly()

    async def imported(store: "EventStore") -> ImportFields:
        from quarterdeck_kernel import import_recording

        with progress_line("importing") as progress:
            found = await until_stopped(import_recording(store, file, progress=progress))
        return ImportFields(
            file=str(file),
            imported=list(found.imported),
            held=list(found.held),
            present=list(found.present),
            events=found.events,
            notes=found.notes,
        )

    with stopped_with("runs that were brought in whole are here, of the others nothing"):
        with one_sentence():
            begin(workspace, file)
        found = reading(workspace, imported)
    if as_json:
        say_json(found)
        return
    for run_id in found["imported"]:
        held = ": held; `quarterdeck release` lets it go on here"
        say(f"imported: run {run_id}{held if run_id in found['held'] else ''}")
    for run_id in found["present"]:
        say(f"here already: run {run_id}")
    if found["notes"]:
        say(f"bookmarks: {found['notes']:,}")
