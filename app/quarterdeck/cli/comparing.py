"""`quarterdeck compare`: two runs side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import Cell, say, say_json, say_table
from quarterdeck.cli.past_fields import CompareFields
from quarterdeck.cli.session import reading

if TYPE_CHECKING:
    from quarterdeck_kernel import Comparison, EventStore, RunTotals, StepLine

_WORDS = {
    "asked": "asks otherwise",
    "answered": "answers otherwise",
    "only_a": "only here",
    "only_b": "only there",
}


@click.command(short_help="Compare two runs step by step.")
@click.argument("a")
@click.argument("b")
@workspace_option
@json_option(CompareFields)
def compare(*, a: str, b: str, workspace: Path, as_json: bool) -> None:
    """Compare run A with run B: what they share, where they part first, and what each came to."""

    async def compared(store: "EventStore") -> "Comparison":
        from quarterdeck.cli.naming import find_run
        from quarterdeck_kernel import compare as comparison_of

        return await comparison_of(store, await find_run(store, a), await find_run(store, b))

    found = reading(workspace, compared)
    if as_json:
        from quarterdeck.cli.past_records import compare_fields

        say_json(compare_fields(found))
    else:
        _tell(found)


def _tell(found: "Comparison") -> None:
    from quarterdeck.views.plain import held_back, plain

    say_table(
        ("RUN", "STATE", "TURN", "COST", "TOKENS", "MODEL", "TOOLS"),
        [_totals(found.a), _totals(found.b)],
    )
    say()
    if found.shared_seq:
        say(f"they share events #1 to #{found.shared_seq}")
    first = found.first
    if first is None:
        say("they take the same steps, and the same comes of them")
        return
    say(f"they part at {plain(first.key)}: {_WORDS[first.parting]}")
    for name, seq, text in (("A", first.a_seq, first.a_text), ("B", first.b_seq, first.b_text)):
        if seq is not None:
            say(f"  {name} #{seq}  {held_back(text or '')}")
    say()
    say_table(
        ("STEP", "A", "B", ""),
        [
            [
                Cell(plain(pair.key)),
                Cell(_step(pair.a)),
                Cell(_step(pair.b)),
                Cell(_WORDS.get(pair.parting or "", "")),
            ]
            for pair in found.pairs
        ],
    )
    if found.more:
        say("there are more steps; these were compared")


def _totals(run: "RunTotals") -> list[Cell]:
    from quarterdeck.views.quantities import money

    return [
        Cell(run.run_id),
        Cell(run.status.replace("_", " ")),
        Cell(f"{run.turn}", right=True),
        Cell(money(run.cost_micros, unknown=run.cost_unknown), right=True),
        Cell(f"{run.tokens:,}", right=True),
        Cell(f"{run.model_calls}", right=True),
        Cell(f"{run.tool_calls}", right=True),
    ]


def _step(line: "StepLine | None") -> str:
    from quarterdeck.views.plain import plain

    return "" if line is None else f"#{line.seq} {plain(line.name)} {line.outcome or 'open'}"
