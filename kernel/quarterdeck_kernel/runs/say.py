"""Saying something to a run: it hears it at the next boundary, once."""

from collections.abc import Sequence

from quarterdeck_kernel.engine.boundary import over
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.model_ask import as_stored
from quarterdeck_kernel.errors import ConflictError, InvalidError
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.limits import MESSAGE_CHARS, PAGE_ROWS
from quarterdeck_kernel.vocabulary.messages import Message


async def say(
    store: EventStore,
    journal: Journal,
    text: str,
    *,
    skills: Sequence[str],
    key: str | None,
    actor: Actor,
) -> int:
    """Record what is said; return its event, or that of the same text under the same key."""
    said = message_said(text, skills=skills, key=key)
    # As it will stand in the log: by this it is known again.
    message = Message(role="user", text=said.text or "")
    digest = journal.ingress.message(message, "prompt").value.digest()
    before: int | None = None

    def decide(state: RunState) -> Sequence[AnyEvent]:
        nonlocal before
        before = None
        if state.terminal:
            raise over(state)
        waits = state.messages.get(said.key)
        if waits is not None and waits.digest == digest:
            before = waits.seq
            return ()
        return [said]

    if key is not None:
        used = await _said_before(store, journal.run_id, said.key, digest)
        if used is not None:
            return used
    written = await journal.append(decide, actor=actor)
    if written:
        return written[0].seq
    assert before is not None, "nothing is written only for what waits already"
    return before


def message_said(
    text: str, *, skills: Sequence[str] = (), key: str | None = None
) -> OperatorMessage:
    """Return the event by which an agent is told something."""
    if not text.strip():
        raise InvalidError("there is nothing to say: the text is empty")
    if len(text) > MESSAGE_CHARS:
        raise InvalidError(
            f"a message has at most {MESSAGE_CHARS:,} characters, not {len(text):,}; put it into a "
            "file, and say where it is"
        )
    message = as_stored(Message(role="user", text=text))
    return OperatorMessage(
        key=key or new_id(),
        skills=tuple(dict.fromkeys(skills)),
        message_digest=message.digest(),
        text=message.text,
    )


async def unsay(journal: Journal, key: str, *, actor: Actor) -> int:
    """Take back what was said and is not used yet."""
    withdrawn = OperatorMessage(key=key, withdrawn=True, text=None)
    (event,) = await journal.append(lambda _: [withdrawn], actor=actor)
    return event.seq


async def _said_before(store: EventStore, run_id: str, key: str, digest: str) -> int | None:
    """Return where the same was said under this key; another text is a conflict."""
    after, found = 0, None
    while True:
        page = await store.read(run_id, after=after, kinds=("operator_message",), payloads=False)
        for record in page:
            payload = open_record(record, facts_only=True).payload
            if isinstance(payload, OperatorMessage) and payload.key == key:
                found = None if payload.withdrawn else (record.seq, payload.message_digest)
        if len(page) < PAGE_ROWS:
            break
        after = page[-1].seq
    if found is None:
        return None
    seq, before = found
    if before == digest:
        return seq
    raise ConflictError(
        f"another text was said under the key {key!r} (event #{seq}); use another key"
    )
