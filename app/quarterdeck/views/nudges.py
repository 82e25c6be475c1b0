"""Hints for the first minutes: one line, chosen by what there is and what was done already.

A table: the first line whose moment has come, and of which nothing was done yet, is shown.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from quarterdeck.views.glimpse import Glimpse
from quarterdeck_kernel.vocabulary.words import Need

WALKED = "walked"
"""What is remembered of whoever was in the past, by whichever key."""

Place = Literal["elsewhere", "run", "past"]

_SETTLING = frozenset({"probe", "settle_done", "settle_failed", "retry"})


class Facts(NamedTuple):
    """What there is, and the names of the actions that the person has done, ever.

    `place` is where they are: in a run, in its past, or elsewhere.
    """

    glimpse: Glimpse
    did: AbstractSet[str] = frozenset()
    place: Place = "elsewhere"

    def any(self, *needs: Need) -> bool:
        """Tell whether a run is in one of some states."""
        return any(row.need in needs for row in self.glimpse.rows)


class Nudge(NamedTuple):
    """A hint. Whoever did one of `over` needs it no more; {braces} stand for keys of actions."""

    name: str
    text: str
    moment: Callable[[Facts], bool]
    over: frozenset[str]


def _asks(facts: Facts) -> bool:
    return any(row.kind == "pause" and row.tool is not None for row in facts.glimpse.inbox)


def _questions(facts: Facts) -> bool:
    return any(row.kind == "pause" and row.tool is None for row in facts.glimpse.inbox)


def _unknown(facts: Facts) -> bool:
    return any(row.kind == "unknown" for row in facts.glimpse.inbox)


def _settled_unknown(facts: Facts) -> bool:
    return bool(facts.did & _SETTLING) and not _unknown(facts)


def _settled(facts: Facts) -> bool:
    states = ("done", "cancelled")
    return bool(facts.glimpse.rows) and all(row.need in states for row in facts.glimpse.rows)


def _by_budget(facts: Facts) -> bool:
    return any(
        row.need == "held" and "budget" in (row.waits_for or "") for row in facts.glimpse.rows
    )


START = Nudge(
    "start",
    "No runs yet: {fleet.new} starts one, {global.palette} finds anything by name, "
    "{global.help} shows every key",
    lambda facts: not facts.glimpse.rows,
    frozenset({"new_run"}),
)

NUDGES: tuple[Nudge, ...] = (
    START,
    Nudge(
        "past",
        "This is the past: {run.trouble_next} jumps to the trouble, {log.play} plays it, "
        "{run.live} returns to live",
        lambda facts: facts.place == "past",
        frozenset({"trouble", "play"}),
    ),
    Nudge(
        "open",
        "{fleet.open} opens a run: every step of it, live",
        lambda facts: facts.any("running", "waiting", "unknown", "done"),
        frozenset({"open"}),
    ),
    Nudge(
        "need",
        "{global.need}: someone needs you",
        lambda facts: bool(facts.glimpse.inbox),
        frozenset({"next_need"}),
    ),
    Nudge(
        "unknown",
        "Sent, no answer: {unknown.probe} asks the other side, and nothing is sent twice",
        _unknown,
        _SETTLING,
    ),
    Nudge(
        "approval",
        "{list.page_down} to read all of it; {approval.reject} rejects with a reason",
        _asks,
        frozenset({"reject", "approve_once", "approve_run"}),
    ),
    Nudge(
        "once",
        "Nothing ran twice. Open it, and press {log.back}: you walk back through all it did",
        _settled_unknown,
        frozenset({WALKED}),
    ),
    Nudge(
        "budget",
        "A budget is used up: {global.menu} {menu.budget} raises it, and the run goes on",
        _by_budget,
        frozenset({"budget"}),
    ),
    Nudge(
        "question",
        "An agent asks you something: {approval.answer} answers",
        _questions,
        frozenset({"answer"}),
    ),
    Nudge(
        "settled",
        "All is settled and on disk. Quit, and open it again: everything is where it was",
        _settled,
        frozenset({"quit"}),
    ),
)

WATCHED: frozenset[str] = frozenset().union(*(nudge.over for nudge in NUDGES))
"""The actions that are remembered."""


def nudge(facts: Facts) -> Nudge | None:
    """Return what to hint at now, if anything."""
    if not facts.glimpse.loaded or facts.glimpse.trouble is not None:
        return None
    return next((one for one in NUDGES if not one.over & facts.did and one.moment(facts)), None)
