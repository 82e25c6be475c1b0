"""`quarterdeck replay`: a run once more, as fast as one reads, as it went, or event by event.

With `--check` its agent or workflow is run again against the record, and nothing is done.
"""

import asyncio
import inspect
import json
import math
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.events import EventPrinter
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.past_fields import ReplayFields
from quarterdeck.cli.session import looked_at, reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Event, EventStore, ReplayReport
    from quarterdeck_kernel.kernel.workflows import Workflow

_LONGEST_PAUSE_S = 2.0
"""Nobody watches a run wait: longer gaps are cut to this."""


@click.command(short_help="Play a run again, or check its code against it.")
@click.argument("run")
@click.option("--check", is_flag=True, help="Run the agent against the record; name what differs.")
@click.option(
    "--workflow",
    metavar="MODULE:NAME",
    help="With --check, of a workflow: where its function stands; a FILE.py does as well.",
)
@click.option(
    "--with", "given", multiple=True, metavar="JSON", help="What that is called with, in order."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    metavar="X",
    help="As it went, X times as fast.",
)
@click.option("--step", is_flag=True, help="Event by event: Enter goes on, q ends.")
@click.option("--from", "first", type=click.IntRange(1), default=1, metavar="N", help="From #N on.")
@workspace_option
@json_option(ReplayFields)
def replay(  # noqa: PLR0913 - one keyword for each option
    *,
    run: str,
    check: bool,
    workflow: str | None,
    given: tuple[str, ...],
    speed: float | None,
    step: bool,
    first: int,
    workspace: Path,
    as_json: bool,
) -> None:
    """Print a run's events again: at once, at --speed, or one by one with --step.

    --check runs its agent against the record, does nothing, and names the first event at which the
    two part: exit code 0 if they do not, 4 if they do. --json is for that. Code of your own, whose
    module is imported for it, is named with --workflow.
    """
    if check:
        with one_sentence():
            report = asyncio.run(_checked(workspace, run, workflow, given))
        _tell(report, as_json=as_json)
        return
    if workflow is not None or given:
        fail("--workflow and --with go with --check", ExitCode.USAGE)
    if as_json:
        fail("--json goes with --check; `events --json` has the log", ExitCode.USAGE)
    if speed is not None and not math.isfinite(speed):
        fail(f"{speed} is no speed; say how many times as fast, such as 5", ExitCode.USAGE)
    with suppress(KeyboardInterrupt):
        reading(workspace, lambda store: _play(store, run, first, speed, step=step))


async def _play(
    store: "EventStore", run: str, first: int, speed: float | None, *, step: bool
) -> None:
    from quarterdeck.cli.naming import find_run

    printer, before_us = EventPrinter(), None
    run_id = await find_run(store, run)
    head_seq = (await store.run(run_id)).head.seq
    if first > head_seq:
        fail(
            f"run {run_id!r} has no event #{first}; name one from #1 to #{head_seq}",
            ExitCode.NOT_FOUND,
        )
    async for event in _events(store, run_id, first):
        if speed is not None and before_us is not None:
            wait_s = (event.at_us - before_us) / 1_000_000 / speed
            await asyncio.sleep(min(max(0.0, wait_s), _LONGEST_PAUSE_S))
        before_us = event.at_us
        printer.print([event])
        if step and (await asyncio.to_thread(sys.stdin.readline)).strip() == "q":
            return


async def _events(store: "EventStore", run_id: str, first: int) -> "AsyncIterator[Event]":
    from quarterdeck_kernel.engine.log_reader import opened

    after = first - 1
    while records := await store.read(run_id, after=after):
        for record in records:
            yield await opened(store, record)
        after = records[-1].seq


def _tell(report: "ReplayReport", *, as_json: bool) -> None:
    if as_json:
        names = ReplayFields.__annotations__
        say_json(cast("ReplayFields", {name: getattr(report, name) for name in names}))
    else:
        from quarterdeck.views.plain import plain

        say(plain(report.sentence))
    if not report.equal:
        raise click.exceptions.Exit(ExitCode.NOT_VERIFIED)


async def _checked(
    workspace: Path, run: str, workflow: str | None, given: tuple[str, ...]
) -> "ReplayReport":
    from quarterdeck.cli.naming import find_run
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped

    arguments = [_read(text) for text in given]
    code = _found(workflow) if workflow is not None else None
    async with (
        looked_at(workspace) as store,
        Equipped.upon(store, await Equipment(workspace).start()) as kernel,
    ):
        run_id = await find_run(kernel.store, run)
        if code is None:
            if arguments:
                fail("--with goes with --workflow; an agent has its objective", ExitCode.USAGE)
            return await kernel.check_agent_run(run_id)
        return await kernel.check_workflow(code, *arguments, run=run_id)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        fail(f'--with takes JSON, such as "text" or 7, and not {text!r}', ExitCode.USAGE)


def _found(name: str) -> "Workflow":
    """Return a function that stands in a module. Its import may do anything: it was asked for."""
    from quarterdeck_kernel.kernel.roster import imported

    module, _, function = name.rpartition(":")
    try:
        found = getattr(imported(module), function, None) if module else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is people's code, and told to them
        said = f"{type(error).__name__}: {error}"
        fail(f"--workflow: {module!r} cannot be imported ({said})", ExitCode.USAGE)
    if not inspect.iscoroutinefunction(found):
        fail(
            f"--workflow: {name!r} names no async function; say MODULE:NAME or FILE.py:NAME",
            ExitCode.USAGE,
        )
    return cast("Workflow", found)
