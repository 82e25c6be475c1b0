"""Two runs side by side: which to compare, what each came to, and their steps in pairs."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from quarterdeck.views.inspection import InspectorLine, Look, Spot, text_lines
from quarterdeck.views.pages import Page
from quarterdeck.views.plain import fitted, held_back, plain
from quarterdeck.views.quantities import duration, money
from quarterdeck_kernel import Comparison, Pair, RunTotals, StepLine
from quarterdeck_kernel.vocabulary.rows import FleetRow

PARTINGS = {
    "asked": "asks otherwise",
    "answered": "answers otherwise",
    "only_a": "only A",
    "only_b": "only B",
}
_PREFIX_CELLS = 6
_ALIKE_SHOWN = 3


def in_order(mine: FleetRow, theirs: FleetRow) -> tuple[str, str]:
    """Return two runs with that on the left from which the other was forked, else the older."""
    forked = mine.fork_of == theirs.run_id
    older = mine.created_us <= theirs.created_us or theirs.fork_of == mine.run_id
    first, second = (mine, theirs) if older and not forked else (theirs, mine)
    return first.run_id, second.run_id


class Candidate(NamedTuple):
    """A run that another may be compared with, and why it is offered."""

    row: FleetRow
    why: str


def candidates(rows: Iterable[FleetRow], run_id: str) -> list[Candidate]:
    """Return what a run may be compared with: its parent, its forks, its siblings, then others."""
    rows = list(rows)
    mine = next((row for row in rows if row.run_id == run_id), None)
    if mine is None:
        return []

    def why(row: FleetRow) -> str:
        if row.run_id == mine.fork_of:
            return f"its parent, forked at #{mine.fork_seq or 0:,}"
        if row.fork_of == run_id:
            return f"its fork at #{row.fork_seq or 0:,}"
        if row.fork_of is not None and row.fork_of == mine.fork_of:
            return f"another fork, at #{row.fork_seq or 0:,}"
        return "the same agent" if row.agent == mine.agent else ""

    order = ("its parent", "its fork", "another", "the same", "")
    found = [Candidate(row, why(row)) for row in rows if row.run_id != run_id]
    return sorted(found, key=lambda one: next(n for n, s in enumerate(order) if s in one.why))


def compare_page(found: Comparison) -> Page:
    """Return a comparison: totals, the first difference, then the steps side by side."""

    def lines(look: Look) -> list[InspectorLine]:
        return [*_totals(found, look), *_first(found, look), *_steps(found, look)]

    return Page((found.a.run_id, "compare", found.b.run_id), lines)


def _two(a: str, b: str, cells: int, sign: str = " ") -> str:
    half = max(8, (cells - _PREFIX_CELLS) // 2 - 1)
    return f"{sign} {fitted(a, half)}│ {fitted(b, half - 1)}"


def _totals(found: Comparison, look: Look) -> Iterator[InspectorLine]:
    a, b = found.a, found.b
    yield InspectorLine("runs", 0, "", _two(f"A {plain(a.run_id)}", f"B {plain(b.run_id)}",
                                             look.cells), tone="strong")  # fmt: skip
    yield InspectorLine("outcome", 0, "", _two(_outcome(a), _outcome(b), look.cells))
    yield InspectorLine("cost", 0, "", _two(_cost(a), _cost(b), look.cells))
    yield InspectorLine("time", 0, "", _two(_time(a), _time(b), look.cells))
    shared = f"they share events #1 to #{found.shared_seq:,}" if found.shared_seq else ""
    yield InspectorLine("shared", 0, "", f"  {shared or 'they share no events'}", quiet=True)


def _outcome(run: RunTotals) -> str:
    return f"{run.status.replace('_', ' ')} · turn {run.turn} · #{run.head_seq:,}"


def _cost(run: RunTotals) -> str:
    calls = f"{run.model_calls:,} model, {run.tool_calls:,} tool calls"
    return f"${money(run.cost_micros, unknown=run.cost_unknown)} · {calls}"


def _time(run: RunTotals) -> str:
    lasted = f" · {duration(run.lasted_us)} in all" if run.lasted_us is not None else ""
    return f"{duration(run.busy_us)} busy{lasted} · {run.tokens:,} tokens"


def _first(found: Comparison, look: Look) -> Iterator[InspectorLine]:
    first = found.first
    if first is None:
        said = "  they take the same steps, and the same comes of them"
        yield InspectorLine("first", 0, "", said, tone="strong")
        return
    said = f"  they part at {plain(first.key)}: {PARTINGS[first.parting]}"
    yield InspectorLine("first", 0, "", said, tone="strong")
    sides = (
        ("A", found.a.run_id, first.a_seq, first.a_text, "removed"),
        ("B", found.b.run_id, first.b_seq, first.b_text, "added"),
    )
    for name, run_id, seq, text, tone in sides:
        if seq is not None:
            spots = (Spot(run_id, seq),)
            for line in text_lines(
                f"first.{name}", 1, f"{name} #{seq:,}", held_back(text or ""), look, is_open=True
            ):
                toned = line._replace(tone="added" if tone == "added" else "removed", quiet=False)
                yield toned._replace(spots=spots)


def _steps(found: Comparison, look: Look) -> Iterator[InspectorLine]:
    """Yield the steps in pairs; of many that are alike in a row only the ends, until unfolded."""
    alike: list[Pair] = []
    number = 0
    for pair in found.pairs:
        if pair.parting is None:
            alike.append(pair)
            continue
        yield from _alike(alike, number, found, look)
        number, alike = number + 1, []
        yield _pair(pair, found, look)
    yield from _alike(alike, number, found, look)
    if found.more:
        said = "there are more steps; these were compared"
        yield InspectorLine("more", 0, "…", said, quiet=True)


def _alike(
    pairs: list[Pair], number: int, found: Comparison, look: Look
) -> Iterator[InspectorLine]:
    path = f"alike.{number}"
    if len(pairs) <= _ALIKE_SHOWN:
        yield from (_pair(pair, found, look) for pair in pairs)
        return
    opened = path in look.turned
    said = f"= {len(pairs):,} steps alike"
    yield InspectorLine(path, 0, "", said, "open" if opened else "closed", quiet=True)
    if opened:
        yield from (_pair(pair, found, look) for pair in pairs)


def _pair(pair: Pair, found: Comparison, look: Look) -> InspectorLine:
    sign = {None: "=", "asked": "≠", "answered": "≠", "only_a": "<", "only_b": ">"}[pair.parting]
    text = _two(_step(pair.a), _step(pair.b), look.cells, sign)
    line = InspectorLine(f"pair.{pair.key}", 0, "", text, spots=_spots(pair, found))
    if pair.parting is None:
        return line._replace(quiet=True)
    only = {"only_a": "removed", "only_b": "added"}.get(pair.parting)
    if only is not None:
        return line._replace(tone="added" if only == "added" else "removed")
    return line._replace(tone="strong")


def _spots(pair: Pair, found: Comparison) -> tuple[Spot, ...]:
    """Return where a step is in each of the runs: what was asked, or how it ended if they part."""
    sides = ((found.a.run_id, pair.a), (found.b.run_id, pair.b))
    ended = pair.parting == "answered"
    return tuple(
        Spot(run_id, (line.ended_seq if ended else None) or line.seq)
        for run_id, line in sides
        if line is not None
    )


def _step(line: StepLine | None) -> str:
    if line is None:
        return ""
    tries = f" ×{line.tries}" if line.tries > 1 else ""  # noqa: RUF001 - times
    outcome = (line.outcome or "open").replace("_", " ")
    took = f" · {duration(line.duration_us)}" if line.duration_us else ""
    cost = f" · ${money(line.cost_micros)}" if line.cost_micros else ""
    return f"#{line.seq:,} {plain(line.name)}{tries} {plain(outcome)}{took}{cost}"
