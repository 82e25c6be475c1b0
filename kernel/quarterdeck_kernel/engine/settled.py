"""Who was first: what a person is told when an item was settled already."""

from datetime import UTC, datetime

from quarterdeck_kernel.errors import AlreadySettledError
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.people_events import PauseExpired, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.projections.inbox import unknown_item
from quarterdeck_kernel.store.port import EventStore

_KINDS = ("pause_expired", "pause_resolved", "tool_reconciled")
_PAGE = 100


async def settlement(store: EventStore, run_id: str, item_id: str) -> Event | None:
    """Return the newest event that settled an item of the inbox, if one did."""
    until: int | None = None
    while True:
        records = await store.read(
            run_id, until=until, limit=_PAGE, backwards=True, kinds=_KINDS, payloads=False
        )
        for record in records:
            event = open_record(record, facts_only=True)
            if _settles(event, item_id):
                return event
        if len(records) < _PAGE:
            return None
        until = records[-1].seq - 1


def _settles(event: Event, item_id: str) -> bool:
    match event.payload:
        case PauseResolved(closes=True) | PauseExpired() as pause:
            return pause.pause_id == item_id
        case ToolReconciled() as verdict:
            return unknown_item(verdict.intent_seq) == item_id
        case _:
            return False


async def already_settled(store: EventStore, run_id: str, item_id: str) -> AlreadySettledError:
    """Return the error that says who settled an item, how, and when."""
    event = await settlement(store, run_id, item_id)
    if event is None:
        message = f"run {run_id!r} has nothing open named {item_id!r}; look at its inbox"
        return AlreadySettledError(message, item_id=item_id)
    message = f"{item_id!r} was settled before: {_word(event)} by {signed(event)}"
    return AlreadySettledError(message, item_id=item_id)


def signed(event: Event) -> str:
    """Return who wrote an event, from where and when, as a person who came later is told."""
    where = f" on {event.actor.host}" if event.actor.host else ""
    return f"{event.actor}{where} at {clock_time(event.at_us)} (event #{event.seq})"


def clock_time(at_us: int) -> str:
    """Return a time as a person is told it."""
    return f"{datetime.fromtimestamp(at_us / 1_000_000, tz=UTC):%H:%M:%S} UTC"


def _word(event: Event) -> str:
    match event.payload:
        case PauseResolved() as pause:
            return pause.decision
        case ToolReconciled() as verdict:
            return verdict.verdict
        case _:
            return "expired"
