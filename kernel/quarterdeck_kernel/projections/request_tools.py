"""Which tools a recorded request offered: brought by itself, or by a request before it.

A request that offers what the agent's turns offered last stores no list of its own; the state
behind the event before it knows who did.
"""

from quarterdeck_kernel.errors import IntegrityError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.messages import ToolSchema, context_digest


def needs_state(request: ModelRequested) -> bool:
    """Tell whether `tools_source` has to look at the state before the request."""
    return request.tools is None and request.context.base is not None


def tools_source(seq: int, request: ModelRequested, before: RunState | None) -> int | None:
    """Return the event that brought the tools that request `seq` offers, None if it offers none.

    `before` is the state behind the event before the request, where `needs_state` says so.
    """
    if request.tools is not None:
        return seq if request.tools.length else None
    if request.context.base is None:
        return None
    assert before is not None, "ask `needs_state` first"
    return before.conversation.tools_seq


def tools_brought(event: Event) -> tuple[ToolSchema, ...] | None:
    """Return the list of tools that an event brought; None where it was erased."""
    payload = event.payload
    if not isinstance(payload, ModelRequested) or payload.tools is None:
        message = f"event #{event.seq} ({event.kind}) brought no list of tools"
        raise IntegrityError(message)
    if payload.new_tools is None:
        return None
    digests = [tool.digest() for tool in payload.new_tools]
    if payload.tools.base is not None or context_digest(digests) != payload.tools.digest:
        message = f"the tools of event #{event.seq} are not those that it names"
        raise IntegrityError(message)
    return payload.new_tools
