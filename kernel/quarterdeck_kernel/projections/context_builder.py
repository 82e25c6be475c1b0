"""Putting the list of messages of a request together, by reference where it can be.

What the engine uses to write a `Context`; `conversation` makes the rows of it and `rebuild`
reads it back.
"""

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from quarterdeck_kernel.errors import InvalidError, LimitExceededError
from quarterdeck_kernel.projections.conversation import context_rows
from quarterdeck_kernel.projections.open_items import Place
from quarterdeck_kernel.projections.state import Conversation
from quarterdeck_kernel.projections.threads import extends, place_of, prefix_length
from quarterdeck_kernel.vocabulary.limits import CONTEXT_MESSAGES
from quarterdeck_kernel.vocabulary.messages import Context, Message, Segment, context_digest
from quarterdeck_kernel.vocabulary.rows import ContextRow


class Base(NamedTuple):
    """A list that is on record, with the rows of all its messages."""

    place: Place
    rows: tuple[ContextRow, ...]


class Cut(NamedTuple):
    """The messages [start, stop) of the base's list."""

    start: int
    stop: int


class EventMessage(NamedTuple):
    """The message that event `seq` holds; its digest is a fact of that event."""

    seq: int
    digest: str


Piece = Cut | EventMessage | Message


class Built(NamedTuple):
    """A context, and the messages that the event has to bring itself."""

    context: Context
    new_messages: tuple[Message, ...]


def extend(
    conversation: Conversation,
    base: Base | None,
    additions: Sequence[EventMessage | Message],
    *,
    main: bool = True,
) -> Built:
    """Return the context of the base's whole list and what follows it."""
    whole: tuple[Piece, ...] = ()
    if base is not None and base.place.length:
        whole = (Cut(0, base.place.length),)
    return build(conversation, base, (*whole, *additions), main=main)


def build(
    conversation: Conversation, base: Base | None, pieces: Sequence[Piece], *, main: bool = True
) -> Built:
    """Return the context of a list made of pieces, in order.

    `main` is a list that the agent's next turn goes on from (a request of purpose `turn`, a
    compaction). Others never grow a thread: they branch off.
    """
    segments: list[Segment] = []
    added: list[str] = []
    digests: list[str] = []
    new: list[Message] = []
    cut = False
    for piece in pieces:
        match piece:
            case Cut():
                digests += _cut_digests(base, piece)
                segments.append(Segment(source="base", start=piece.start, stop=piece.stop))
                cut = True
                continue
            case EventMessage():
                digest = piece.digest
                segments.append(Segment(source="event", start=piece.seq, stop=piece.seq + 1))
            case Message():
                digest = piece.digest()
                _add_new(segments, len(new))
                new.append(piece)
            case _:
                assert_never(piece)
        digests.append(digest)
        added.append(digest)
    if len(digests) > CONTEXT_MESSAGES:
        message = (
            f"a request of {len(digests):,} messages; the limit is {CONTEXT_MESSAGES:,}: compact it"
        )
        raise LimitExceededError(message)
    plain = Context(
        base=base.place.seq if base is not None and cut else None,
        segments=tuple(segments),
        length=len(digests),
        digest=context_digest(digests),
        digests=tuple(added),
    )
    thread, shared = _placed(conversation, base, plain, main=main)
    placed = plain.model_copy(update={"thread": thread, "shared": shared})
    return Built(placed, tuple(new))


def listed(seq: int, context: Context, base: Base | None) -> Base:
    """Return the list of event `seq`, to be the base of what follows."""
    rows = base.rows if base is not None else ()
    shared = prefix_length(context) if extends(context) else context.shared
    own = context_rows(seq, context, rows)
    return Base(place_of(seq, context), (*rows[:shared], *own))


def _placed(
    conversation: Conversation, base: Base | None, context: Context, *, main: bool
) -> tuple[int | None, int]:
    """Return the thread the list stands in and how much of it it shares; see `threads`."""
    prefix = prefix_length(context)
    others = any(segment.source == "base" for segment in context.segments[1:])
    if base is None or prefix == 0 or others:
        return None, 0
    place = base.place
    in_one_thread = place.thread == place.seq or place.shared == place.length
    if in_one_thread or prefix <= place.shared:
        grows = main and prefix < context.length
        if grows and in_one_thread and conversation.threads.get(place.thread) == prefix:
            return place.thread, context.length
        return place.thread, prefix
    if main:
        return None, 0
    return place.thread, place.shared


def _cut_digests(base: Base | None, piece: Cut) -> list[str]:
    if base is None or not 0 <= piece.start < piece.stop <= base.place.length:
        length = base.place.length if base is not None else 0
        message = f"messages {piece.start} to {piece.stop} are not in the base's list of {length}"
        raise InvalidError(message)
    return [row.digest for row in base.rows[piece.start : piece.stop]]


def _add_new(segments: list[Segment], index: int) -> None:
    """New messages that follow each other are one segment."""
    last = segments[-1] if segments else None
    if last is not None and last.source == "new" and last.stop == index:
        segments[-1] = Segment(source="new", start=last.start, stop=index + 1)
    else:
        segments.append(Segment(source="new", start=index, stop=index + 1))
