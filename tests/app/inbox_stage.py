"""An inbox that a test holds in its hand: items, a clerk who writes down, and a clock by hand."""

from dataclasses import replace

from pydantic import JsonValue
from textual.pilot import Pilot

from quarterdeck.app import QuarterdeckApp
from quarterdeck.screens.item import ItemScreen
from quarterdeck.views.decisions import Decision
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.log_lines import gist
from quarterdeck.views.matter import Matter
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from quarterdeck_kernel import Actor, Event
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.projections.fold_people import person_of
from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown, Person
from quarterdeck_kernel.vocabulary.rows import InboxRow
from quarterdeck_kernel.vocabulary.words import PauseType, Risk
from tests.app.apps import still_app, ticked
from tests.app.frozen import NOW_US, FrozenSource, asked, events_of, row, unknown

ADA = Actor(kind="operator", name="ada", host="host1", os_user="ada")
BEN = Actor(kind="operator", name="ben", host="host2", os_user="ben")
MINUTE_US = 60_000_000
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "description": "in cents"},
        "to": {"type": "string"},
    },
    "required": ["amount", "to"],
}


def call(
    number: int = 1,
    *,
    arguments: JsonValue = None,
    tool: str = "pay",
    risk: Risk = "medium",
    people: int = 1,
    agreed: tuple[Person, ...] = (),
    expires_us: int | None = None,
) -> Matter:
    """Return a call that waits to be approved."""
    if arguments is None:
        arguments = {"amount": 100 + number, "to": "dockyard"}
    question = PauseRequested(
        pause_id=f"pause-{number}",
        type="approve",
        step_key=f"pay/{number}",
        tool=tool,
        tool_version="3",
        effect="once",
        digest=f"{number:x}" * 64,
        risk=risk,
        expires_at_us=expires_us,
        people_needed=people,
        title=f"{tool} number {number}",
        details={"arguments": arguments, "asked": arguments, "rules": []},
        options=None,
        answer_schema=SCHEMA,
    )
    return _paused(question, number, arguments=arguments, agreed=agreed)


def question(
    number: int = 1,
    *,
    type: PauseType = "input",  # noqa: A002 - the word of the event
    options: tuple[str, ...] | None = None,
    schema: dict[str, JsonValue] | None = None,
) -> Matter:
    """Return a question that waits for an answer."""
    asks = PauseRequested(
        pause_id=f"pause-{number}",
        type=type,
        step_key=f"ask/{number}",
        title="Which harbour?",
        details={"wind": "west"},
        options=options,
        answer_schema=schema,
    )
    return _paused(asks, number)


def _paused(
    asks: PauseRequested,
    number: int,
    *,
    arguments: JsonValue = None,
    agreed: tuple[Person, ...] = (),
) -> Matter:
    opened = events_of(f"run-{number}", "o", asks)[-1]
    pause = OpenPause(
        asks.pause_id,
        opened.seq,
        asks.type,
        asks.step_key,
        opened.at_us,
        digest=asks.digest,
        expires_at_us=asks.expires_at_us,
        people_needed=asks.people_needed,
        agreed=agreed,
    )
    return Matter(
        run_id=f"run-{number}",
        item_id=asks.pause_id,
        kind="call" if asks.digest else "question",
        tenant="acme",
        agent="payments",
        model="small-1",
        opened=opened,
        pause=pause,
        arguments=arguments,
        why="these are due; the user asked to settle them",
        me=person_of(ADA),
    )


def in_doubt(number: int = 1, *, evidence: str | None = None, can_probe: bool = False) -> Matter:
    """Return a call whose outcome nobody knows."""
    log = events_of(f"run-{number}", "o", asked("pay", "8843", "once"), unknown(3))
    open_unknown = OpenUnknown(
        3, "tool", "pay/8843", "pay", "key-1", 1, log[2].at_us,
        evidence=evidence,  # type: ignore[arg-type] # one of its words
    )  # fmt: skip
    return Matter(
        run_id=f"run-{number}",
        item_id="unknown:3",
        kind="unknown",
        tenant="acme",
        agent="payments",
        opened=log[2],
        outcome=log[3],
        unknown=open_unknown,
        can_probe=can_probe,
        me=person_of(ADA),
    )


def settled(matter: Matter, decision: str = "approved", by: Actor = BEN) -> Matter:
    """Return an item that somebody else has answered."""
    answer = PauseResolved(
        pause_id=matter.item_id,
        decision=decision,  # type: ignore[arg-type] # one of its words
        digest=matter.digest,
        answer=None,
        reason=None,
    )
    event = events_of(matter.run_id, "o", answer)[-1]
    assert isinstance(event, Event)
    return replace(matter, settled=replace_actor(event, by))


def replace_actor(event: Event, actor: Actor) -> Event:
    return event._replace(actor=actor)


def row_of(matter: Matter) -> InboxRow:
    return InboxRow(
        run_id=matter.run_id,
        item_id=matter.item_id,
        kind="unknown" if matter.kind == "unknown" else "pause",
        tenant=matter.tenant,
        agent=matter.agent,
        title=matter.asked.title or "" if matter.asked else "pay: sent, no answer",
        tool=matter.tool,
        risk=matter.asked.risk if matter.asked else None,
        seq=matter.opened.seq,
        since_us=NOW_US - 65_000_000,
        deadline_us=matter.pause.expires_at_us if matter.pause else None,
    )


class Stage(FrozenSource):
    """A source with an inbox, and the clerk who takes what is decided about it."""

    def __init__(self, *matters: Matter, readonly: bool = False) -> None:
        self.matters = {matter.name: matter for matter in matters}
        self.decided: list[Decision] = []
        self.refusal: Exception | None = None
        self.now_s = 100.0
        self.late_us = 0
        self.readonly = readonly
        runs = tuple(
            row(name, "waiting", head_seq=0)
            for name in dict.fromkeys(matter.run_id for matter in matters)
        )
        super().__init__(Glimpse(rows=runs, loaded=True, position=9, link="9c1f77ab" * 8))
        self._list()

    def _list(self) -> None:
        rows = tuple(row_of(m) for m in self.matters.values() if m.settled is None)
        self.change(replace(self.shown, inbox=rows))

    def now_us(self) -> int:
        return super().now_us() + self.late_us

    def gist(self, run_id: str, seq: int) -> str | None:
        opened = (m.opened for m in self.matters.values() if m.run_id == run_id)
        return next((gist(event) for event in opened if event.seq == seq), None)

    def matter(self, run_id: str, item_id: str) -> Matter | None:
        return self.matters.get((run_id, item_id))

    async def decide(self, decision: Decision) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.decided.append(decision)
        name = (decision.run_id, decision.item_id)
        self.put(settled(self.matters[name], "approved", ADA))
        return f"{decision.verb} (#9)"

    def put(self, *matters: Matter) -> None:
        """Let items become others, or come."""
        self.matters |= {matter.name: matter for matter in matters}
        self._list()

    @property
    def verbs(self) -> list[str]:
        return [decision.verb for decision in self.decided]

    def app(self, theme: str = "night") -> QuarterdeckApp:
        setup = Setup(
            preferences=Preferences(theme=theme),
            operator="ada",
            readonly=self.readonly,
            monotonic_s=lambda: self.now_s,
        )
        return still_app(self, setup=setup, clerk=self)

    # -- hands

    async def wait(self, pilot: Pilot[None], seconds: float = 0.6) -> None:
        """Let time pass, as a person does who reads."""
        await ticked(pilot)
        self.now_s += seconds
        await ticked(pilot)

    async def press(self, pilot: Pilot[None], *keys: str, after: float = 0.6) -> None:
        """Press keys, each so long after the one before."""
        for key in keys:
            await self.wait(pilot, after)
            await pilot.press(key)
            await ticked(pilot)
            await pilot.pause()

    async def burst(self, pilot: Pilot[None], *keys: str) -> None:
        """Press keys as fast as a terminal pastes them."""
        for key in keys:
            self.now_s += 0.002
            await pilot.press(key)
        await ticked(pilot)

    async def open(self, pilot: Pilot[None]) -> ItemScreen:
        """Open the first item with `w`, and let it be painted."""
        await pilot.press("w")
        await ticked(pilot)
        await ticked(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ItemScreen)
        return screen
