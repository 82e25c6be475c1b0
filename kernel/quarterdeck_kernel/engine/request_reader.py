"""Reading a model request back as it was sent: its messages, its tools, all that it asked for.

For whoever explains a run: the inspector, the replay check, a drift. Reading one costs what it
holds and the tail behind a snapshot, never the run.
"""

from typing import NamedTuple

from quarterdeck_kernel.engine.log_reader import opened, rows_of, state_at
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.projections.conversation import context_of
from quarterdeck_kernel.projections.rebuild import Rebuilt, message_of, placeholder, rebuild
from quarterdeck_kernel.projections.request_tools import needs_state, tools_brought, tools_source
from quarterdeck_kernel.projections.threads import place_of
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema


class Sent(NamedTuple):
    """A request as it went to the provider, and the events in it whose content was erased."""

    request: ModelRequest
    erased: tuple[int, ...]


async def request_sent(store: EventStore, run_id: str, seq: int) -> Sent:
    """Return what model request `seq` of a run sent."""
    event, payload = await _request(store, run_id, seq)
    messages = await _listed(store, run_id, event)
    tools = await _tools(store, run_id, event, payload)
    request = ModelRequest(
        model=payload.model,
        messages=messages.messages,
        tools=tools or (),
        answer_schema=payload.answer_schema,
        parameters=payload.parameters,
    )
    lost = () if tools is not None and event.content == "present" else (seq,)
    return Sent(request, tuple(dict.fromkeys((*messages.erased, *lost))))


async def messages_listed(store: EventStore, run_id: str, seq: int) -> Rebuilt:
    """Return the list of messages that event `seq` records: a request's, or a compaction's."""
    return await _listed(store, run_id, await _event(store, run_id, seq))


async def _listed(store: EventStore, run_id: str, event: Event) -> Rebuilt:
    seq, context = event.seq, context_of(event)
    if context is None:
        raise InvalidError(f"event #{seq} of run {run_id!r} is {event.kind}, no list of messages")
    rows = await rows_of(store, run_id, place_of(seq, context))
    named = sorted({row.seq for row in rows})
    events = {at: event if at == seq else await _event(store, run_id, at) for at in named}
    return rebuild(seq, context, rows, events)


async def tools_sent(store: EventStore, run_id: str, seq: int) -> tuple[ToolSchema, ...] | None:
    """Return the tools that model request `seq` offered; None where they were erased."""
    return await _tools(store, run_id, *await _request(store, run_id, seq))


async def message_sent(store: EventStore, run_id: str, seq: int, place: int) -> Message:
    """Return one message of the list that model request `seq` sent."""
    _, payload = await _request(store, run_id, seq)
    place_in_log = place_of(seq, payload.context)
    (row,) = await rows_of(store, run_id, place_in_log, place, place + 1)
    event = await _event(store, run_id, row.seq)
    return placeholder(event) if event.content == "erased" else message_of(event, row.part)


async def _tools(
    store: EventStore, run_id: str, event: Event, payload: ModelRequested
) -> tuple[ToolSchema, ...] | None:
    before = await state_at(store, run_id, event.seq - 1) if needs_state(payload) else None
    source = tools_source(event.seq, payload, before)
    if source is None:
        return ()
    return tools_brought(event if source == event.seq else await _event(store, run_id, source))


async def _request(store: EventStore, run_id: str, seq: int) -> tuple[Event, ModelRequested]:
    event = await _event(store, run_id, seq)
    if not isinstance(event.payload, ModelRequested):
        raise InvalidError(f"event #{seq} of run {run_id!r} is {event.kind}, no model request")
    return event, event.payload


async def _event(store: EventStore, run_id: str, seq: int) -> Event:
    (record,) = await store.read(run_id, after=seq - 1, until=seq, limit=1)
    return await opened(store, record)
