"""One thing that waits for a person, whole: what is asked, of whom, and what is known of it."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from quarterdeck.views.log_line import LogLine
from quarterdeck.views.plain import plain
from quarterdeck_kernel import Actor, Event
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolReconciled, ToolRequested
from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown, Person
from quarterdeck_kernel.store.lease import LeaseStatus

Kind = Literal["call", "question", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An approval of the same step that allows nothing any more, and what differs since."""

    event: Event
    differences: tuple[str, ...] = ()
    used_seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """An item of the inbox as its detail shows it.

    `opened` is the event that asks, or the intent that nobody knows the outcome of. `arguments`
    are what would run now, `edited` the answer that has made them so. `settled` is the event that
    closed it: from then on it can only be looked at. `erased`: nobody can see what was asked.
    """

    run_id: str
    item_id: str
    kind: Kind
    tenant: str
    agent: str
    opened: Event
    parent: str | None = None
    model: str | None = None
    pause: OpenPause | None = None
    unknown: OpenUnknown | None = None
    arguments: JsonValue = None
    edited: Event | None = None
    settled: Event | None = None
    evidence: tuple[Event, ...] = ()
    outcome: Event | None = None
    earlier: Earlier | None = None
    lease: LeaseStatus | None = None
    why: str | None = None
    before: tuple[LogLine, ...] = ()
    can_probe: bool = False
    me: Person | None = None

    @property
    def name(self) -> tuple[str, str]:
        """Return what tells it from all others."""
        return (self.run_id, self.item_id)

    @property
    def asked(self) -> PauseRequested | None:
        """Return what a person is asked, if this is a pause."""
        payload = self.opened.payload
        return payload if isinstance(payload, PauseRequested) else None

    @property
    def intent(self) -> ToolRequested | None:
        """Return what was sent, if a tool was called."""
        payload = self.opened.payload
        return payload if isinstance(payload, ToolRequested) else None

    @property
    def erased(self) -> bool:
        """Tell whether what was asked was erased."""
        return self.opened.content == "erased"

    @property
    def digest(self) -> str | None:
        """Return what an approval of this is bound to."""
        if self.pause is not None:
            return self.pause.digest
        return self.asked.digest if self.asked is not None else None

    @property
    def tool(self) -> str | None:
        """Return the tool this is about."""
        if self.asked is not None:
            return self.asked.tool
        if self.intent is not None:
            return self.intent.tool
        return self.unknown.name if self.unknown is not None else None

    @property
    def subject(self) -> str:
        """Return in a few words what this is about, and whose it is."""
        return f"{plain(self.tool or 'the question')} of {plain(self.agent)}"

    @property
    def needs_two(self) -> bool:
        """Tell whether one person is not enough."""
        return self.asked is not None and self.asked.people_needed > 1

    @property
    def intent_seq(self) -> int:
        """Return the intent that an unknown outcome is of."""
        return self.opened.seq

    def content(self, text: str) -> str:
        """Return the name of what is shown: another digest or another text is another content."""
        whole = "\0".join([*self.name, self.digest or "", text])
        return hashlib.sha256(whole.encode()).hexdigest()


_WORDS: dict[str, str] = {
    "rejected_stop": "rejected, and the run stopped,",
    "granted": "granted until the run ends",
    "done": "settled as done",
    "failed": "settled as failed",
    "retry": "to be tried again, said",
}


def settled_words(event: Event, clock: str) -> str:
    """Return who settled an item, how, when and where; never more of it than the facts."""
    match event.payload:
        case PauseResolved() as pause:
            return f"{_WORDS.get(pause.decision, pause.decision)} by {who(event.actor)} {clock}"
        case ToolReconciled() as verdict:
            said = _WORDS[verdict.verdict]
            by = "the tool's probe" if verdict.by == "probe" else who(event.actor)
            return f"{said} by {by} {clock}"
        case _:
            return f"expired {clock}: nobody had decided"


def who(actor: Actor) -> str:
    """Return a person as others are told of them."""
    name = actor.name or actor.kind
    login = f" ({actor.os_user})" if actor.os_user and actor.os_user != actor.name else ""
    return f"{name}{login}"
