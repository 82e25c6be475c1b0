"""The envelope: sealing a payload into a record, and opening a record again.

Owns the header's layout and what a reader does with an event it cannot fully read: content that
was erased, content that was left in the store, and kinds of a newer version.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from quarterdeck_kernel import canonical
from quarterdeck_kernel.errors import IntegrityError, LimitExceededError
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.record import (
    SALT_BYTES,
    Record,
    blob_ref,
    blob_text,
    commitment_of,
    hash_of,
)
from quarterdeck_kernel.events.union import BY_KIND, AnyEvent
from quarterdeck_kernel.events.upcasters import SCHEMA, upcast
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.limits import HEADER_BYTES, PAYLOAD_BYTES

Content = Literal["present", "erased", "elsewhere", "left_out"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands for the payload of an event written by a newer version."""

    kind: str
    schema: int
    facts: Mapping[str, JsonValue]


class Event(NamedTuple):
    """An event as the kernel reads it. `payload` has None where its content is not present.

    `content` says why: `erased` for ever, `elsewhere` in a blob that was not fetched, or
    `left_out` because the reader asked for facts only.
    """

    run_id: str
    seq: int
    event_id: str
    kind: str
    tenant: str
    at_us: int
    actor: Actor
    epoch: int | None
    prev: str | None
    hash: str
    payload: "AnyEvent | Unreadable"
    content: Content = "present"
    blob: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


class Stamp(NamedTuple):
    """What an event's header says besides its payload."""

    run_id: str
    tenant: str
    actor: Actor
    at_us: int
    event_id: str
    epoch: int | None = None
    trace_id: str | None = None
    span_id: str | None = None


def _actor_data(actor: Actor) -> dict[str, str]:
    pairs = (
        ("kind", actor.kind),
        ("name", actor.name),
        ("host", actor.host),
        ("os_user", actor.os_user),
    )
    return {name: value for name, value in pairs if value is not None}


@lru_cache(maxsize=256)
def _actor_of(*pairs: tuple[str, str]) -> Actor:
    return Actor.model_validate(dict(pairs))


def content_text(payload: Payload) -> str:
    """Return the canonical text of a payload's content: what is salted, hashed and stored."""
    return Draft.of(payload).text


class Draft(NamedTuple):
    """A payload made ready to be sealed: its facts, and its content as text and as bytes.

    `as_given`: the text has no character that had to be made visible.
    """

    payload: Payload
    facts: dict[str, JsonValue]
    text: str
    data: bytes
    as_given: bool = True

    @classmethod
    def of(cls, payload: Payload) -> "Draft":
        """Split and encode a payload once, before its place in the chain is known."""
        facts, content = payload.split()
        text, data, as_given = canonical.encoded(content, from_model=True)
        if len(data) > PAYLOAD_BYTES:
            message = (
                f"the content of an event is {len(data):,} bytes; the limit is {PAYLOAD_BYTES:,}: "
                "store it as a file and record where it is"
            )
            raise LimitExceededError(message)
        return cls(payload, facts, text, data, as_given)


def seal(
    draft: Draft, stamp: Stamp, *, seq: int, prev: bytes | None, blob: str | None = None
) -> Record:
    """Return the record of an event: its header, a fresh salt, and the hash over both levels."""
    header: dict[str, object] = {
        "actor": _actor_data(stamp.actor),
        "at_us": stamp.at_us,
        "event_id": stamp.event_id,
        "facts": draft.facts,
        "run_id": stamp.run_id,
        "schema": SCHEMA,
        "seq": seq,
        "tenant": stamp.tenant,
    }
    if prev is not None:
        header["prev"] = prev.hex()
    if stamp.epoch is not None:
        header["epoch"] = stamp.epoch
    if stamp.span_id is not None:
        header["span_id"] = stamp.span_id
    if stamp.trace_id is not None:
        header["trace_id"] = stamp.trace_id
    text, data, _as_given = canonical.encoded(header, from_model=True)
    if len(data) > HEADER_BYTES:
        message = (
            f"the facts of {draft.facts['kind']} are {len(data):,} bytes; the limit is "
            f"{HEADER_BYTES:,}: shorten names and lists, large values belong to the content"
        )
        raise LimitExceededError(message)
    payload, content = draft.text, draft.data
    if blob is not None:
        payload = blob_text(blob, len(content))
        content = payload.encode()
    salt = os.urandom(SALT_BYTES)
    return Record(
        run_id=stamp.run_id,
        seq=seq,
        kind=str(draft.facts["kind"]),
        at_us=stamp.at_us,
        header=text,
        salt=salt,
        payload=payload,
        commitment=None,
        hash=hash_of(data, commitment_of(salt, content)),
    )


def sealed_event(draft: Draft, stamp: Stamp, record: Record, prev: bytes | None) -> Event:
    """Return the event that opening `record` would give, without decoding what was just encoded."""
    if not draft.as_given or canonical.SPELT_OUT in record.header:
        # The payload may have characters that are not stored: what is read later is folded now.
        return open_record(record, blob=draft.text.encode())
    return Event(
        record.run_id,
        record.seq,
        stamp.event_id,
        record.kind,
        stamp.tenant,
        stamp.at_us,
        stamp.actor,
        stamp.epoch,
        prev.hex() if prev is not None else None,
        record.hash.hex(),
        cast("AnyEvent", draft.payload),
        trace_id=stamp.trace_id,
        span_id=stamp.span_id,
    )


def open_record(record: Record, *, facts_only: bool = False, blob: bytes | None = None) -> Event:
    """Return the event of a record. `blob` is its content, where the record only names one."""
    try:
        return _opened(record, facts_only=facts_only, blob=blob)
    except _UNREADABLE as error:
        raise _cannot_be_read(record.run_id, record.seq, error) from error


def open_header(header: dict[str, Any], digest: bytes) -> Event:
    """Return the event of a header that was parsed already, its content left out.

    The header is the event's from here on. It must have been held against `digest`.
    """
    try:
        return _event(header, digest, None, "left_out")
    except _UNREADABLE as error:
        raise _cannot_be_read(header["run_id"], header["seq"], error) from error


_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def _cannot_be_read(run_id: str, seq: int, error: Exception) -> IntegrityError:
    detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return IntegrityError(
        f"event #{seq} of run {run_id!r} cannot be read ({detail}); "
        "`verify` tells whether it was changed"
    )


def _opened(record: Record, *, facts_only: bool, blob: bytes | None) -> Event:
    header: dict[str, Any] = from_json(record.header, cache_strings="keys")
    payload = record.payload
    if payload is None:
        return _event(header, record.hash, None, "erased")
    named = blob_ref(payload)
    if facts_only:
        return _event(header, record.hash, None, "left_out", named)
    if named is None:
        return _event(header, record.hash, payload, "present")
    return _event(header, record.hash, blob, "elsewhere" if blob is None else "present", named)


def _event(
    header: dict[str, Any],
    digest: bytes,
    content_text: str | bytes | None,
    content: Content,
    named: str | None = None,
) -> Event:
    facts: dict[str, JsonValue] = header["facts"]
    kind, schema = str(facts["kind"]), int(header["schema"])
    cls = BY_KIND.get(kind)
    payload: AnyEvent | Unreadable
    if cls is None or schema > SCHEMA:
        payload, content = Unreadable(kind, schema, facts), "present"
    else:
        values = from_json(content_text) if content_text is not None else None
        facts.update(values or cls.no_content)
        if schema < SCHEMA:
            facts = upcast(kind, schema, facts)
        payload = cls.__pydantic_validator__.validate_python(facts)
    # By position, in the order of the fields: a log is folded by the hundred thousand.
    return Event(
        header["run_id"],
        header["seq"],
        header["event_id"],
        kind,
        header["tenant"],
        header["at_us"],
        _actor_of(*header["actor"].items()),
        header.get("epoch"),
        header.get("prev"),
        digest.hex(),
        payload,
        content,
        named,
        header.get("trace_id"),
        header.get("span_id"),
    )
