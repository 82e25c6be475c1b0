"""Who was first: what a person is told when an item was settled already."""

import hmac
from collections.abc import AsyncIterator

from quarterdeck_kernel.errors import AlreadySettledError, ConflictError
from quarterdeck_kernel.events.control_events import GrantRevoked
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.tool_events import ToolReconciled
from quarterdeck_kernel.projections.inbox import unknown_item
from quarterdeck_kernel.projections.texts import clock_time
from quarterdeck_kernel.store.port import EventStore

_KINDS = ("pause_expired", "pause_resolved", "tool_reconciled")
_PAGE = 100


async def settlement(store: EventStore, run_id: str, item_id: str) -> Event | None:
    """Return the newest event that settled an item of the inbox, if one did."""
    async for event in _backwards(store, run_id, _KINDS):
        if _settles(event, item_id):
            return event
    return None


async def _backwards(
    store: EventStore, run_id: str, kinds: tuple[str, ...]
) -> AsyncIterator[Event]:
    """Yield events of some kinds, the newest first, without their content."""
    until: int | None = None
    while True:
        records = await store.read(
            run_id, until=until, limit=_PAGE, backwards=True, kinds=kinds, payloads=False
        )
        for record in records:
            yield open_record(record, facts_only=True)
        if len(records) < _PAGE:
            return
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


async def edited_since(store: EventStore, run_id: str, pause_id: str) -> ConflictError:
    """Return the error that says who edited a call while somebody else looked at it."""
    who = "it was asked afresh"
    async for event in _backwards(store, run_id, ("pause_resolved",)):
        if isinstance(event.payload, PauseResolved) and event.payload.pause_id == pause_id:
            who = f"{event.payload.decision} by {signed(event)}"
            break
    return ConflictError(
        f"pause {pause_id!r} shows something else than what was answered: {who}; look again"
    )


async def revoked_before(store: EventStore, run_id: str, grant_id: str) -> ConflictError:
    """Return the error that says who took a grant back, or that there was none."""
    async for event in _backwards(store, run_id, ("grant_revoked",)):
        if isinstance(event.payload, GrantRevoked) and event.payload.grant_id == grant_id:
            return ConflictError(f"grant {grant_id!r} was revoked before, by {signed(event)}")
    return ConflictError(f"no grant {grant_id!r} stands in run {run_id!r}; list those that do")


async def pause_of_token(store: EventStore, run_id: str, hashed: str) -> str | None:
    """Return the pause, open or over, that a token was made for."""
    async for event in _backwards(store, run_id, ("pause_requested",)):
        asked = event.payload
        if isinstance(asked, PauseRequested) and hmac.compare_digest(
            asked.token_hash or "", hashed
        ):
            return asked.pause_id
    return None


def signed(event: Event) -> str:
    """Return who wrote an event, from where and when, as a person who came later is told."""
    where = f" on {event.actor.host}" if event.actor.host else ""
    return f"{event.actor}{where} at {clock_time(event.at_us)} (event #{event.seq})"


def _word(event: Event) -> str:
    match event.payload:
        case PauseResolved() as pause:
            return pause.decision
        case ToolReconciled() as verdict:
            return verdict.verdict
        case _:
            return "expired"
