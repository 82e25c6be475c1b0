"""The lines around the fleet: header, status, and what the row under the cursor means."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from quarterdeck.views.fleet_tree import ORDER_WORDS
from quarterdeck.views.glimpse import Glimpse, SpentToday
from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.preferences import Glyphs
from quarterdeck.views.quantities import money
from quarterdeck.views.states import COUNTED, MARKS
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need

_FILE_CELLS = 16
_LINK_DIGITS = 8
_NEAR_PERCENT = 80
TAB_GAP = 3
"""Cells around the key and the label of a tab."""


class Count(NamedTuple):
    """How many runs are in a state, as the header shows it."""

    need: Need
    text: str


def counts(glimpse: Glimpse, glyphs: Glyphs = "rich") -> list[Count]:
    """Return the counts worth showing; a state that no run is in is left out."""
    found = glimpse.counts()
    return [Count(n, f"{found[n]}{MARKS[n].drawn(glyphs)}") for n in COUNTED if found[n]]


def readonly(recording: str) -> str:
    """Return what the header says where nothing can be decided: the file that is looked at."""
    if not recording:
        return " read-only "
    name = plain(recording)
    return f" recording {fitted(name, min(_FILE_CELLS, cell_len(name)))} "


def chain(glimpse: Glimpse) -> str:
    """Return where the chain over all runs stands."""
    if not glimpse.position:
        return "chain empty"
    return f"chain {glimpse.position:,} {glimpse.link[:_LINK_DIGITS]}"


def spent(today: SpentToday | None) -> str:
    """Return what was spent today, of how much; nothing, where nothing is and nothing bounds it."""
    if today is None or not (today.micros or today.unknown or today.limit_micros):
        return ""
    said = f"{'≥' if today.unknown else ''}${money(today.micros)}"
    if today.limit_micros is None:
        return f"{said} today"
    return f"{said}/{_round(today.limit_micros)} day"


def near_its_bound(today: SpentToday | None) -> bool:
    """Tell whether most of what may be spent today is spent."""
    if today is None or today.limit_micros is None:
        return False
    return today.micros * 100 >= today.limit_micros * _NEAR_PERCENT


def _round(micros: int) -> str:
    """Return an amount, without cents where there are none."""
    return money(micros).removesuffix(".00")


class Tab(NamedTuple):
    """A screen of the header: its name, the key that leads there, and what its label says."""

    name: str
    key: str
    label: str


def tab_labels(tabs: Sequence[Tab], glimpse: Glimpse) -> list[Tab]:
    """Return the tabs with what there is to count."""
    waiting = f" {len(glimpse.inbox)}!" if glimpse.inbox else ""
    return [
        tab._replace(label=f"{tab.label}{waiting}") if tab.name == "inbox" else tab for tab in tabs
    ]


def least_cells(tabs: Sequence[Tab], current: str) -> int:
    """Return the cells of the tabs that must not go for the sake of a number."""
    kept = (tab for tab in tabs if tab.name in {current, "inbox"})
    return sum(len(tab.key) + cell_len(tab.label) + TAB_GAP for tab in kept)


def fitting_tabs(tabs: Sequence[Tab], current: str, room: int) -> list[Tab]:
    """Return the tabs that fit into `room` cells; the last go first, never the current."""
    kept = list(tabs)
    while kept and sum(len(tab.key) + len(tab.label) + TAB_GAP for tab in kept) > room:
        spare = next((tab for tab in reversed(kept) if tab.name != current), None)
        if spare is None:
            break
        kept.remove(spare)
    return kept


class Listed(NamedTuple):
    """What the list of the fleet stands at. `fitting` is how many a filter left, if there is one.

    `problem` says what is wrong with the filter that is typed.
    """

    moves: int = 0
    order: str = "need"
    selected: int = 0
    hidden: int = 0
    new: int = 0
    fitting: int | None = None
    problem: str | None = None


def unread(glimpse: Glimpse) -> str:
    """Return what is said before anything was read: that it is being read, or why it cannot be."""
    if glimpse.trouble is None:
        return "reading…"
    return f"nothing can be read: {plain(glimpse.trouble)}"


def status(glimpse: Glimpse, listed: Listed) -> tuple[str, str]:
    """Return the left and right end of the line below the header."""
    if glimpse.trouble is not None:
        return f"what you see may be old: {plain(glimpse.trouble)}", ""
    if not glimpse.rows:
        return "no runs yet", ""
    left = f"order: {ORDER_WORDS[listed.order]}"
    if listed.problem is not None:
        left = plain(listed.problem)
    elif listed.fitting == 0:
        left = "no match, Esc clears"
    elif listed.moves:
        rows = "row would" if listed.moves == 1 else "rows would"
        left += f" · held 3 s after your last move, {listed.moves:,} {rows} move"
    elif listed.new:
        left += f" · {listed.new:,} new since you last looked"
    many = f"{len(glimpse.rows):,}{'+' if glimpse.more else ''}"
    total = "1 run" if many == "1" else f"{many} runs"
    if listed.fitting is not None:
        total = f"{listed.fitting:,} of {total}"
    if listed.selected:
        hidden = f", {listed.hidden:,} hidden" if listed.hidden else ""
        total = f"{listed.selected:,} selected{hidden} · {total}"
    return left, total


_MEANINGS: dict[Need, str] = {
    "unknown": "An effect may or may not have happened. Nothing runs here until somebody settles "
    "it; it is not tried again by itself.",
    "waiting": "It waits for a person. Nothing runs here until the pause is answered.",
    "failed": "It ended in failure, and counts as a need until somebody acknowledges it.",
    "timed_out": "Its time was up. It counts as a need until somebody acknowledges it.",
    "adrift": "It is not finished and nobody drives it: its driver died or let go. Another driver "
    "can take it up where it stands.",
    "held": "It is held, and writes no new intent until it is released.",
    "running": "It runs. Every step is on disk before it happens, and again when it is over.",
    "queued": "It has not been started yet.",
    "done": "It reached its end. Its log stays as it is.",
    "cancelled": "It was cancelled, and stays so.",
}


def meaning(row: FleetRow, glimpse: Glimpse) -> str:
    """Return what the state of a run means, and what is open in it."""
    items = [item for item in glimpse.inbox if item.run_id == row.run_id]
    opened = "; ".join(f"{plain(item.title)} (#{item.seq})" for item in items)
    fork = f" A fork of {plain(row.fork_of)} at #{row.fork_seq or 0:,}." if row.fork_of else ""
    return f"{_MEANINGS[row.need]}{f' Open: {opened}.' if opened else ''}{fork}"


def log_title(row: FleetRow, glyphs: Glyphs = "rich") -> str:
    """Return the title of a run's log."""
    mark = MARKS[row.need]
    return f"{plain(row.run_id)} · {mark.drawn(glyphs)} {mark.word} · #{row.head_seq:,}"


def run_title(row: FleetRow, glyphs: Glyphs = "rich") -> str:
    """Return the line that says which run this is."""
    mark = MARKS[row.need]
    waits = f" · waits for {plain(row.waits_for)}" if row.waits_for else ""
    return f"{plain(row.run_id)}  {plain(row.objective)}  {mark.drawn(glyphs)} {mark.word}{waits}"
