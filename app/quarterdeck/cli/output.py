"""What commands write: lines for people, JSON for scripts.

Colour is for terminals, and not where NO_COLOR says so. Text of agents is made plain before it
comes here, with `plain`; in JSON everything but ASCII is escaped.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

GAP = "  "


def say_json(data: Mapping[str, Any]) -> None:
    """Write one object on one line."""
    # JSON leaves DEL as it is, and a terminal acts upon it.
    click.echo(json.dumps(data, ensure_ascii=True).replace("\x7f", "\\u007f"))


def say(text: str = "") -> None:
    """Write a line for people."""
    click.echo(text, color=None if colours() else False)


def colours() -> bool:
    """Tell whether colours are wanted."""
    return "NO_COLOR" not in os.environ and sys.stdout.isatty()


def width() -> int | None:
    """Return the columns of the terminal; None where nobody looks at one, and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def moment(at_us: int) -> str:
    """Return a time as the person here reads it."""
    return f"{datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).astimezone():%Y-%m-%d %H:%M:%S}"


class Cell(NamedTuple):
    """What stands in a table, as plain text, and how it looks."""

    text: str
    colour: str | None = None
    right: bool = False


def say_table(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows below their titles; on a terminal the last column is cut where it ends."""
    from rich.cells import cell_len

    from quarterdeck.views.plain import fitted

    sizes = [
        max(len(title), *(cell_len(row[at].text) for row in rows)) if rows else len(title)
        for at, title in enumerate(titles)
    ]
    room = width()
    if room is not None:
        before = sum(sizes[:-1]) + len(GAP) * (len(sizes) - 1)
        sizes[-1] = max(len(titles[-1]), min(sizes[-1], room - before))
    heads = [fitted(title, size) for title, size in zip(titles, sizes, strict=True)]
    say(click.style(GAP.join(heads).rstrip(), bold=True))
    for row in rows:
        cells = []
        for at, (cell, size) in enumerate(zip(row, sizes, strict=True)):
            text = fitted(cell.text, size, right=cell.right)
            text = text.rstrip() if at == len(row) - 1 else text
            cells.append(click.style(text, fg=cell.colour) if cell.colour else text)
        say(GAP.join(cells).rstrip())
