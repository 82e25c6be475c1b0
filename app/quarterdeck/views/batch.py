"""What is done to several runs at once: which of them it can be done to, and what became of it."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from quarterdeck.views.plain import fitted, plain
from quarterdeck.views.states import MARKS
from quarterdeck_kernel.vocabulary.rows import FleetRow

Verb = Literal["hold", "release", "say", "acknowledge", "cancel_run", "cancel_now"]

VERBS: tuple[Verb, ...] = get_args(Verb)
_OVER = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
_NAME_CELLS = 24


class Words(NamedTuple):
    """How a verb is asked, what its button says, and what it means."""

    ask: str
    decide: str
    text: str


WORDS: dict[Verb, Words] = {
    "hold": Words("Hold", "Hold", "They write no new intent until they are released."),
    "release": Words("Release", "Release", "They go on where they stand."),
    "say": Words("Say to", "Say", "Each agent gets it once, in its next turn."),
    "acknowledge": Words("Acknowledge", "Acknowledge", "Their failures are no need any more."),
    "cancel_run": Words(
        "Cancel", "Cancel at the boundary", "Each ends once its effect in flight is recorded."
    ),
    "cancel_now": Words(
        "Cancel", "Cancel now", "They end without waiting; effects in flight may become unknown."
    ),
}


class Asked(NamedTuple):
    """A run of the selection: `problem` says why it is not among those it is done to."""

    row: FleetRow
    problem: str | None = None


def verb_for(method: str, rows: Iterable[FleetRow]) -> Verb | None:
    """Return what an action of the menu does to several; `hold` releases if all are held."""
    if method == "hold" and all(row.need == "held" for row in rows):
        return "release"
    return next((verb for verb in VERBS if verb == method), None)


def asked_of(verb: Verb, rows: Iterable[FleetRow]) -> list[Asked]:
    """Return each run and why it is left out, if it is."""
    return [Asked(row, _problem(verb, row)) for row in rows]


def _problem(verb: Verb, row: FleetRow) -> str | None:
    if row.read_only is not None:
        return "it is read-only"
    if verb == "acknowledge":
        return None if row.need in {"failed", "timed_out"} else "no failure to acknowledge"
    if row.status in _OVER:
        return "it is over"
    if verb == "hold" and row.need == "held":
        return "it is held already"
    if verb == "release" and row.need != "held":
        return "it is not held"
    return None


def runs(count: int) -> str:
    """Return a number of runs in words."""
    return "1 run" if count == 1 else f"{count:,} runs"


def summary(verb: Verb, asked: Sequence[Asked]) -> str:
    """Return all of it as text: what happens, to which runs, and to which not."""
    lines = [WORDS[verb].text, ""]
    lines += [f"+ {_line(item.row)}" for item in asked if item.problem is None]
    if left_out := [item for item in asked if item.problem is not None]:
        lines += ["", "not among them:"]
        lines += [f"- {plain(item.row.run_id)}: {item.problem}" for item in left_out]
    return "\n".join(lines)


def _line(row: FleetRow) -> str:
    mark = MARKS[row.need]
    return f"{fitted(plain(row.run_id), _NAME_CELLS)}  {mark.word:<9}  {plain(row.objective)}"


class Result(NamedTuple):
    """What became of one run."""

    run_id: str
    said: str
    good: bool


def results(found: Sequence[Result]) -> tuple[str, str]:
    """Return the title and the text of the table of results; what went wrong stands first."""
    bad = [result for result in found if not result.good]
    good = [result for result in found if result.good]
    title = f"{runs(len(good))} done"
    if bad:
        title += f", {len(bad):,} not"
    lines = [f"{fitted(plain(r.run_id), _NAME_CELLS)}  {plain(r.said)}" for r in [*bad, *good]]
    return title, "\n".join(lines)
