"""Hints for the first minutes: one line, chosen by what there is, where one is, and what was done.

A table: the first line whose moment has come, whose actions are there on this screen, and of which
nothing was done yet, is shown.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from quarterdeck.views.glimpse import Glimpse
from quarterdeck_kernel.vocabulary.words import Need

WALKED = "walked"
"""What is remembered of whoever was in the past, by whichever key."""

Place = Literal["elsewhere", "run", "past"]

_SETTLING = frozenset({"probe", "settle_done", "settle_failed", "retry"})
_DECIDING = frozenset({"reject", "approve_once", "approve_run"})
_SETTLED_HERE = frozenset({"approval.approve", "approval.answer", "unknown.probe", "unknown.done"})
"""What there is where an item of the inbox is open: nobody needs to be sent to one."""


class Facts(NamedTuple):
    """What there is, and the names of the actions that the person has done, ever.

    `place` is where they are: in a run, in its past, or elsewhere. `here` are the ids of what can
    be done there.
    """

    glimpse: Glimpse
    did: AbstractSet[str] = frozenset()
    place: Place = "elsewhere"
    here: AbstractSet[str] = frozenset()

    def any(self, *needs: Need) -> bool:
        """Tell whether a run is in one of some states."""
        return any(row.need in needs for row in self.glimpse.rows)


class Nudge(NamedTuple):
    """A hint. Whoever did one of `over` needs it no more.

    {braces} stand for keys of actions: where one of those is not, nor of `where`, it says nothing.
    """

    name: str
    text: str
    moment: Callable[[Facts], bool]
    over: frozenset[str]
    where: frozenset[str] = frozenset()

    def fits(self, facts: Facts) -> bool:
        """Tell whether its moment has come, on this screen and for this person."""
        return (
            not self.over & facts.did
            and actions_named(self.text) | self.where <= facts.here
            and self.moment(facts)
        )


def actions_named(text: str) -> frozenset[str]:
    """Return the ids of the actions whose keys stand in a text."""
    return frozenset(re.findall(r"\{([a-z_.]+)\}", text))


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
        lambda facts: bool(facts.glimpse.inbox) and not facts.here & _SETTLED_HERE,
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
        _DECIDING,
        where=frozenset({"approval.approve"}),
    ),
    Nudge(
        "question",
        "An agent asks you something: {approval.answer} answers",
        _questions,
        frozenset({"answer"}),
    ),
    Nudge(
        "once",
        "Nothing ran twice. Open it, and press ←: you walk back through all it did",
        _settled_unknown,
        frozenset({WALKED}),
        where=frozenset({"fleet.open"}),
    ),
    Nudge(
        "once here",
        "Nothing ran twice. {log.back} walks you back through all it did",
        _settled_unknown,
        frozenset({WALKED}),
    ),
    Nudge(
        "once there",
        "Nothing ran twice. {item.open_run} opens the run, and ← walks back through all it did",
        _settled_unknown,
        frozenset({WALKED}),
    ),
    Nudge(
        "budget",
        "A budget is used up: on its row {global.menu} {menu.budget} raises it, and the run goes "
        "on",
        _by_budget,
        frozenset({"budget"}),
        where=frozenset({"fleet.open"}),
    ),
    Nudge(
        "unknown there",
        "Something was sent, and no answer came: {global.need} opens what needs you",
        lambda facts: _unknown(facts) and not facts.here & _SETTLED_HERE,
        _SETTLING,
    ),
    Nudge(
        "approval there",
        "A call waits for your word: {global.need} opens what needs you",
        lambda facts: _asks(facts) and not facts.here & _SETTLED_HERE,
        _DECIDING,
    ),
    Nudge(
        "question there",
        "An agent asks you something: {global.need} opens what needs you",
        lambda facts: _questions(facts) and not facts.here & _SETTLED_HERE,
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
    return next((one for one in NUDGES if one.fits(facts)), None)
