"""Rows of conversations: where each message of a request's list stands, in a keyset table.

A list is found again by its event alone: its first `shared` messages are the places 0 to
`shared` of its thread, the others the places from `shared` on under the event's own seq (see
`threads` for the shapes). So reading a request of the past costs at most two ranges of rows, and
a request costs the rows of what it adds. The place of a message in the table is always its place
in the list.
"""

from collections.abc import Iterable
from typing import NamedTuple

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.agent_events import ContextCompacted
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.projections.open_items import Place
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.threads import extends, prefix_length
from quarterdeck_kernel.vocabulary.messages import Context
from quarterdeck_kernel.vocabulary.rows import ContextRow

HELD = -1
"""The `part` of a row whose event holds the message itself."""


_LISTING = (ModelRequested, ContextCompacted)  # a union would be made anew at every call


class Span(NamedTuple):
    """The rows of one thread with start <= place < stop."""

    thread: int
    start: int
    stop: int


class BaseNeeded(NamedTuple):
    """Rows of the base's list that must be known before those of a new one can be made.

    Where `place` is None the state has forgotten the base: read event `seq`, and its place is
    `threads.place_of(seq, payload.context)`.
    """

    seq: int
    start: int
    stop: int
    place: Place | None


def spans(place: Place, start: int = 0, stop: int | None = None) -> tuple[Span, ...]:
    """Return where the messages [start, stop) of a list stand: all of them by default."""
    stop = place.length if stop is None else min(stop, place.length)
    parts = (
        Span(place.thread, start, min(stop, place.shared)),
        Span(place.seq, max(start, place.shared), stop),
    )
    return tuple(span for span in parts if span.start < span.stop)


def context_of(event: Event) -> Context | None:
    """Return the context that an event records, if it is one that does."""
    payload = event.payload
    return payload.context if isinstance(payload, _LISTING) else None


def base_needed(state: RunState, context: Context) -> BaseNeeded | None:
    """Return which rows of its base `context_rows` will ask for, or None if it needs none."""
    copied = _copied(context, grown=extends(context))
    if not copied or context.base is None:
        return None
    start = min(cut.start for cut in copied.values())
    stop = max(cut.stop for cut in copied.values())
    return BaseNeeded(context.base, start, stop, _place_in(state, context.base))


def context_rows(
    seq: int, context: Context, base_rows: Iterable[ContextRow] = ()
) -> tuple[ContextRow, ...]:
    """Return the rows that the list of event `seq` adds.

    `base_rows` are those of the base's list that `base_needed` names, in any order; more do no
    harm. Facts are enough: erasing content changes no row.
    """
    grown = extends(context)
    thread = seq if context.thread is None or not grown else context.thread
    copied = _copied(context, grown=grown)
    rows: list[ContextRow] = []
    if copied:
        of_base = {row.place: row for row in base_rows}
        for place, cut in copied.items():
            rows += _moved(of_base, cut, thread, place, context.base)
    place = added = 0
    for segment in context.segments:
        if segment.source == "base":
            place += segment.stop - segment.start
            continue
        held = segment.source == "event"
        for item in range(segment.start, segment.stop):
            where = (item, HELD) if held else (seq, item)
            rows.append(ContextRow(thread, place, *where, context.digests[added]))
            place += 1
            added += 1
    if copied:
        rows.sort(key=_place_of_row)
    return tuple(rows)


def _copied(context: Context, *, grown: bool) -> dict[int, range]:
    """Return what of the base gets rows of its own: the base's places, by the first new place."""
    first = prefix_length(context) if grown else context.shared
    cuts: dict[int, range] = {}
    place = 0
    for segment in context.segments:
        end = place + segment.stop - segment.start
        if end > first and end > place and segment.source == "base":
            skipped = max(first - place, 0)
            cuts[place + skipped] = range(segment.start + skipped, segment.stop)
        place = end
    return cuts


def _moved(
    of_base: dict[int, ContextRow], cut: range, thread: int, place: int, base: int | None
) -> list[ContextRow]:
    missing = next((item for item in cut if item not in of_base), None)
    if missing is not None:
        message = f"message {missing} of the list of #{base} is needed: ask `base_needed` first"
        raise InvalidError(message)
    return [
        ContextRow(
            thread=thread,
            place=place + item - cut.start,
            seq=of_base[item].seq,
            part=of_base[item].part,
            digest=of_base[item].digest,
        )
        for item in cut
    ]


def _place_of_row(row: ContextRow) -> int:
    return row.place


def _place_in(state: RunState, seq: int) -> Place | None:
    last = state.conversation.last
    if last is not None and last.seq == seq:
        return last
    intent = state.model_intents.get(seq)
    return intent.place if intent is not None else None
