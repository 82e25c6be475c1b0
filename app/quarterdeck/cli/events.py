"""`quarterdeck events`: the log of a run, and what comes to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.fields import EventFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import moment, say, say_json
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Event, EventStore

_TONES = {"good": "green", "trouble": "red", "people": "yellow", "intent": "cyan"}
_WORD_CELLS = 12


@click.command(short_help="Print the log of a run.")
@click.argument("run")
@workspace_option
@click.option("--from", "first", type=click.IntRange(1), default=1, metavar="N", help="From #N on.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only these; repeatable.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until the run has ended.")
@click.option("--turns", is_flag=True, help="In their place a JSON line for each turn.")
@json_option(EventFields, lines=True)
def events(
    *,
    run: str,
    workspace: Path,
    first: int,
    kinds: tuple[str, ...],
    follow: bool,
    turns: bool,
    as_json: bool,
) -> None:
    """Print the log of a run, an event a line.

    Fields of --turns: run_id, turn, seq, at_us, models, tier, input_tokens, output_tokens,
    cost_micros, latency_us, tools.
    """
    if turns:
        if kinds or follow or first > 1:
            fail("--turns is about whole runs; leave out --from, --kind, --follow", ExitCode.USAGE)
        reading(workspace, lambda store: _print_turns(store, run))
        return
    # Whoever has seen enough of what comes has not failed.
    with suppress(KeyboardInterrupt):
        reading(
            workspace,
            lambda store: _print(store, run, first, kinds, follow=follow, as_json=as_json),
        )


async def _print(
    store: "EventStore",
    run: str,
    first: int,
    kinds: Sequence[str],
    *,
    follow: bool,
    as_json: bool,
) -> None:
    from quarterdeck.cli.naming import find_run
    from quarterdeck.cli.records import event_fields

    _check_kinds(kinds)
    printer = EventPrinter()
    async for page in _pages(store, await find_run(store, run), first, kinds, follow=follow):
        if as_json:
            for event in page:
                say_json(event_fields(event))
        else:
            printer.print(page)


async def _print_turns(store: "EventStore", run: str) -> None:
    from quarterdeck.cli.naming import find_run
    from quarterdeck_kernel import turn_log

    async for line in turn_log(store, await find_run(store, run)):
        say_json(line.model_dump(mode="json"))


def _check_kinds(kinds: Sequence[str]) -> None:
    from quarterdeck_kernel.errors import InvalidError
    from quarterdeck_kernel.events.union import BY_KIND
    from quarterdeck_kernel.settings.problems import nearest

    for kind in kinds:
        if kind not in BY_KIND:
            raise InvalidError(f"no event is of kind {kind!r}{nearest(kind, BY_KIND)}")


async def _pages(
    store: "EventStore", run_id: str, first: int, kinds: Sequence[str], *, follow: bool
) -> "AsyncIterator[list[Event]]":
    """Yield the events of a run by pages; with `follow`, those that come until it has ended."""
    from quarterdeck_kernel.engine.log_reader import opened

    after, wanted = first - 1, tuple(kinds) or None
    while True:
        # Looked at before the log is read: all that a run wrote before its end is told then.
        row = (await store.projections(run_id)).fleet
        while records := await store.read(run_id, after=after, kinds=wanted):
            yield [await opened(store, record) for record in records]
            after = records[-1].seq
        if not follow or row.status not in {"queued", "running"}:
            return
        # What was read may be newer than the row, and the run's last: then nothing else comes.
        if after <= row.head_seq:
            after = row.head_seq
            await store.wait(after=after, run_id=run_id)


class EventPrinter:
    """Prints events for people; an outcome names the tool of its intent, pages before."""

    def __init__(self) -> None:
        self._intents: dict[int, Event] = {}

    def print(self, page: "Sequence[Event]") -> None:
        """Print some events."""
        from quarterdeck.views.log_line import place_cells
        from quarterdeck.views.log_lines import log_lines
        from quarterdeck.views.quantities import duration

        before = list(self._intents.values())
        lines = log_lines([*before, *page])[len(before) :]
        for line in lines:
            word = click.style(f"{line.word:<{_WORD_CELLS}}", fg=_TONES.get(line.tone))
            took = duration(line.took_us) if line.took_us is not None else ""
            say(f"{place_cells(line.seq)}{moment(line.at_us)}  {word} {took:>5}  {line.text}")
        for event in page:
            if event.kind == "tool_requested":
                self._intents[event.seq] = event
            elif event.kind in {"tool_completed", "tool_reconciled"}:
                self._intents.pop(getattr(event.payload, "intent_seq", 0), None)
