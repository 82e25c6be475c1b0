"""Reading a conversation back: rows and the events they point to become messages again.

Every message is held against its recorded digest and the whole list against that of its
request. What was erased is shown as erased, in its place; anything else that does not fit is an
integrity error that names the event.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.errors import IntegrityError, InvalidError
from quarterdeck_kernel.events.agent_events import ContextCompacted
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled
from quarterdeck_kernel.projections.conversation import HELD
from quarterdeck_kernel.vocabulary.messages import Context, Message, context_digest
from quarterdeck_kernel.vocabulary.rows import ContextRow


class Rebuilt(NamedTuple):
    """A list of messages as it was sent, and the events in it whose content was erased."""

    messages: tuple[Message, ...]
    erased: tuple[int, ...]


def rebuild(
    seq: int, context: Context, rows: Sequence[ContextRow], events: Mapping[int, Event]
) -> Rebuilt:
    """Return the list that event `seq` sent. `events` holds those that the rows name, whole."""
    digests = [row.digest for row in rows]
    if len(rows) != context.length or context_digest(digests) != context.digest:
        message = (
            f"the {len(rows)} messages found for event #{seq} are not the {context.length} it "
            "names; run `rebuild`, then `verify`"
        )
        raise IntegrityError(message)
    messages: list[Message] = []
    erased: list[int] = []
    for row in rows:
        event = events[row.seq]
        if event.content == "erased":
            erased.append(row.seq)
            messages.append(placeholder(event))
            continue
        found = message_of(event, row.part)
        if found.digest() != row.digest:
            text = f"the message of event #{row.seq} is not the one that event #{seq} sent"
            raise IntegrityError(text)
        messages.append(found)
    return Rebuilt(tuple(messages), tuple(dict.fromkeys(erased)))


def message_of(event: Event, part: int = HELD) -> Message:
    """Return the message that an event holds, or the `part`-th new one that it brings."""
    if event.content != "present":
        message = f"the content of event #{event.seq} is {event.content}; read it whole first"
        raise InvalidError(message)
    payload = event.payload
    found: Message | None = None
    match payload:
        case ModelRequested():
            new = payload.new_messages or ()
            found = new[part] if 0 <= part < len(new) else None
        case ModelCompleted():
            found = payload.message if part == HELD else None
        case ContextCompacted():
            # The summary is both: the one new message of its list, and what the event holds.
            found = payload.summary if part in {HELD, 0} else None
        case ToolCompleted() | ToolReconciled() if part == HELD:
            found = tool_message(payload)
        case OperatorMessage() if part == HELD and payload.text is not None:
            found = Message(role="user", text=payload.text)
        case _:
            found = None
    if found is None:
        message = f"event #{event.seq} ({event.kind}) holds no message {part}"
        raise IntegrityError(message)
    return found


def tool_message(payload: ToolCompleted | ToolReconciled) -> Message:
    """Return what a model is told of a tool's outcome; its digest is a fact of the event."""
    if isinstance(payload, ToolCompleted):
        note = f"\n\n{payload.note}" if payload.note is not None else ""
        if payload.outcome == "success" and payload.readable:
            text = _text(payload.result)
        else:
            text = payload.error or payload.cause or payload.outcome
        text += note
    else:
        text = _text(payload.result) if payload.verdict == "done" else payload.reason or "failed"
    return Message(role="tool", text=text, call_id=payload.call_id)


def placeholder(event: Event) -> Message:
    """Return what stands for a message whose content was erased, in the role it had."""
    text = f"[erased: event #{event.seq}]"
    match event.payload:
        case ModelCompleted():
            return Message(role="assistant", text=text)
        case ToolCompleted(call_id=call_id) | ToolReconciled(call_id=call_id):
            return Message(role="tool", text=text, call_id=call_id)
        case _:
            return Message(role="user", text=text)


def _text(result: JsonValue) -> str:
    return result if isinstance(result, str) else canonical.encode(result)
