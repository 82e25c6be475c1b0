"""The operator's stand-in where there is no screen: a stated policy, and what is decided by it.

It decides through the same desk as the screen. What the policy has no word for waits for a person.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from quarterdeck.demo.script import RAISED_USD, REMOVE
from quarterdeck.kernel_link.clerk import Desk
from quarterdeck.views.decisions import Decision, Verb
from quarterdeck.views.matter import Matter
from quarterdeck_kernel import EventStore, dollars_of, micros_of
from quarterdeck_kernel.vocabulary.rows import FleetRow

POLICY = (
    "an unknown outcome is put to the tool's probe, and what that says holds",
    "the one command that deletes gate logs older than twelve months is approved; others are not",
    "of the answers to a question the first is given",
    f"a run that its budget holds gets {RAISED_USD} USD, once",
)
_REASON = "by the demo's stated policy"
_GOING_ON = frozenset({"queued", "running", "adrift"})
_LOOK_S = 0.2


class Decided(NamedTuple):
    """What was decided about a run, and what stands there now."""

    agent: str
    what: str


class Policy:
    """Decides whatever the policy has a word for, until nothing moves any more."""

    def __init__(self, store: EventStore, desk: Desk) -> None:
        """Decide upon a store, by a desk that knows the tools."""
        self._store = store
        self._desk = desk
        self._tried: set[tuple[str, str]] = set()

    async def decisions(self) -> AsyncIterator[Decided]:
        """Decide, and tell what."""
        while True:
            position = (await self._store.checkpoint()).position
            rows = (await self._store.fleet()).rows
            decided = [each async for each in self._decide(rows)]
            for each in decided:
                yield each
            if not decided:
                if all([await self._rests(row) for row in rows]):
                    return
                await self._store.wait(after=position, timeout_s=_LOOK_S)

    async def _rests(self, row: FleetRow) -> bool:
        """Tell whether nothing becomes of a run unless somebody decides, and nobody will."""
        return row.need not in _GOING_ON and not (await self._store.lease(row.run_id)).live

    async def _decide(self, rows: Sequence[FleetRow]) -> AsyncIterator[Decided]:
        for item in (await self._store.inbox()).rows:
            name = (item.run_id, item.item_id)
            # Its driver asks the probe first.
            asking = item.kind == "unknown" and (await self._store.lease(item.run_id)).live
            if asking or name in self._tried:
                continue
            self._tried.add(name)
            await self._desk.read(name)
            matter = self._desk.matter(name)
            if matter is not None and matter.settled is None:
                yield Decided(item.agent, await self._settled(matter))
        raised = micros_of(RAISED_USD)
        for row in rows:
            if row.need == "held" and (row.budget_micros or raised) < raised:
                yield await self._raised(row, raised)

    async def _settled(self, matter: Matter) -> str:
        verb, answer = verdict(matter)
        decision = Decision(
            run_id=matter.run_id,
            item_id=matter.item_id,
            verb=verb,
            digest=matter.asked.digest if matter.asked is not None else None,
            answer=answer,
            reason=_REASON,
        )
        said = await self._desk.decide(decision)
        return f"{_title(matter)} {said}" + (f": {answer!r}" if answer is not None else "")

    async def _raised(self, row: FleetRow, raised: int) -> Decided:
        event = await self._desk.decisions.change_budget(row.run_id, limit=raised, reason=_REASON)
        before = dollars_of(row.budget_micros or 0)
        words = f"its budget held it; raised from {before:.2f} to {RAISED_USD} USD (#{event.seq})"
        return Decided(row.agent, words)


def verdict(matter: Matter) -> tuple[Verb, str | None]:
    """Return what the policy says of an item."""
    match matter.kind:
        case "unknown":
            return "probe", None
        case "question":
            options = matter.asked.options if matter.asked is not None else None
            return ("answered", str(options[0])) if options else ("rejected", None)
        case "call":
            arguments = matter.arguments
            expected = isinstance(arguments, dict) and arguments.get("command") == REMOVE
            return ("approved" if expected else "rejected"), None


def _title(matter: Matter) -> str:
    match matter.kind:
        case "unknown":
            return f"`{matter.tool}` of event #{matter.opened.seq}:"
        case "question":
            return "its question"
        case "call":
            return f"`{matter.tool}`"
