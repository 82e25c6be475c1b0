"""Sealing and opening: what goes in comes out, and nothing can be changed on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.errors import IntegrityError, LimitExceededError
from quarterdeck_kernel.events.control_events import BudgetChanged
from quarterdeck_kernel.events.envelope import (
    Draft,
    Stamp,
    Unreadable,
    content_text,
    open_record,
    seal,
    sealed_event,
)
from quarterdeck_kernel.events.guard_events import GuardRedacted
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.record import (
    Record,
    blob_ref,
    commitment_of,
    hash_of,
    recomputed_hash,
)
from quarterdeck_kernel.events.upcasters import SCHEMA
from quarterdeck_kernel.vocabulary.actor import AGENT, Actor
from quarterdeck_kernel.vocabulary.limits import HEADER_BYTES
from tests.kernel.events.payloads import PAYLOADS, TEXT, models_of

STAMPS = st.builds(
    Stamp,
    run_id=st.just("run-1"),
    tenant=TEXT,
    actor=models_of(Actor),
    at_us=st.integers(0, 2**60),
    event_id=TEXT,
    epoch=st.none() | st.integers(1, 2**40),
    trace_id=st.none() | TEXT,
    span_id=st.none() | TEXT,
)
STAMP = Stamp(run_id="run-1", tenant="acme", actor=AGENT, at_us=5, event_id="e1")
SAID = OperatorMessage(key="m1", text="a secret")


def sealed(payload: Payload = SAID, *, blob: str | None = None) -> Record:
    return seal(Draft.of(payload), STAMP, seq=2, prev=b"\1" * 32, blob=blob)


def erased(record: Record) -> Record:
    assert record.salt is not None
    assert record.payload is not None
    commitment = commitment_of(record.salt, record.payload.encode())
    return record._replace(salt=None, payload=None, commitment=commitment)


def with_header(record: Record, **changes: object) -> Record:
    return record._replace(header=encode(json.loads(record.header) | changes))


@given(PAYLOADS, STAMPS, st.integers(1, 2**32), st.none() | st.binary(min_size=32, max_size=32))
def test_what_is_sealed_is_opened(
    payload: Payload, stamp: Stamp, seq: int, prev: bytes | None
) -> None:
    draft = Draft.of(payload)
    record = seal(draft, stamp, seq=seq, prev=prev)
    assert recomputed_hash(record) == record.hash
    event = open_record(record)
    assert event.payload == payload
    assert event.content == "present"
    assert event == sealed_event(draft, stamp, record, prev)
    assert (event.run_id, event.seq, event.kind) == (record.run_id, record.seq, record.kind)


def test_what_is_told_of_content_that_cannot_be_stored_is_what_is_read_later() -> None:
    draft = Draft.of(OperatorMessage(key="k", text="ahoy \ud800"))
    record = seal(draft, STAMP, seq=2, prev=b"\1" * 32)
    told = sealed_event(draft, STAMP, record, b"\1" * 32)
    assert told == open_record(record)
    assert told.payload == OperatorMessage(key="k", text="ahoy <U+D800>")


@given(PAYLOADS)
def test_an_erased_event_keeps_its_facts(payload: Payload) -> None:
    record = sealed(payload)
    gone = erased(record)
    assert recomputed_hash(gone) == record.hash
    event = open_record(gone)
    assert event.content == "erased"
    assert isinstance(event.payload, Payload)
    facts, content = event.payload.split()
    assert facts == payload.split()[0]
    assert set(content.values()) <= {None}


def test_nothing_of_erased_content_is_left() -> None:
    record = sealed(OperatorMessage(key="m1", text="the treasure lies under the palm"))
    assert "treasure" in str(record)
    assert "treasure" not in str(erased(record))


@given(PAYLOADS)
def test_facts_can_be_read_alone(payload: Payload) -> None:
    record = sealed(payload)
    event = open_record(record, facts_only=True)
    assert event.content == "left_out"
    assert isinstance(event.payload, Payload)
    assert event.payload.split()[0] == payload.split()[0]
    assert set(event.payload.split()[1].values()) <= {None}


@given(PAYLOADS)
def test_content_may_be_kept_as_a_blob(payload: Payload) -> None:
    text = content_text(payload)
    record = sealed(payload, blob="ab" * 32)
    assert blob_ref(record.payload) == "ab" * 32
    assert json.loads(record.payload or "")["size"] == len(text.encode())
    away = open_record(record)
    assert (away.content, away.blob) == ("elsewhere", "ab" * 32)
    fetched = open_record(record, blob=text.encode())
    assert (fetched.content, fetched.payload) == ("present", payload)


def test_unknown_costs_and_bounds_stay_unknown() -> None:
    """Facts without a default may be None, and are None when the event is read again."""
    for payload in (
        BudgetChanged(budget="micros", limit=None, revision=1),
        ModelCompleted.model_validate(
            {
                "request_seq": 1,
                "step_key": "s",
                "model": "m",
                "finish_reason": "stop",
                "usage": {},
                "cost_micros": None,
                "duration_us": 1,
                "message_digest": "d",
                "message": None,
            }
        ),
    ):
        assert open_record(sealed(payload)).payload == payload


def test_no_content_looks_like_a_blob() -> None:
    tricky = OperatorMessage(key="$blob", text='{"$blob":"00"}')
    assert blob_ref(sealed(tricky).payload) is None
    assert blob_ref(None) is None


def test_each_seal_has_a_salt_of_its_own() -> None:
    """Equal content of two events cannot be told by its hash."""
    first, second = sealed(), sealed()
    assert first.salt != second.salt
    assert first.payload == second.payload
    assert first.hash != second.hash


def test_an_unknown_kind_is_unreadable() -> None:
    facts = {"kind": "ship_boarded", "by": "pirates"}
    event = open_record(with_header(sealed(), facts=facts)._replace(kind="ship_boarded"))
    assert event.payload == Unreadable("ship_boarded", SCHEMA, facts)
    assert event.kind == "ship_boarded"


def test_a_newer_schema_is_unreadable() -> None:
    event = open_record(with_header(sealed(), schema=SCHEMA + 1))
    assert isinstance(event.payload, Unreadable)
    assert (event.payload.kind, event.payload.schema) == ("operator_message", SCHEMA + 1)


@pytest.mark.parametrize(
    "broken",
    [
        sealed()._replace(header="{"),
        sealed()._replace(header="[]"),
        sealed()._replace(payload="nonsense"),
        sealed()._replace(payload='{"text":5}'),
        sealed()._replace(payload='{"unheard_of":5}'),
        sealed()._replace(payload="[" * 100_000),
        with_header(sealed(), facts={"kind": "operator_message"}),
        with_header(sealed(), schema="x"),
        with_header(sealed(), actor={"kind": "ghost"}),
    ],
)
def test_what_cannot_be_read_says_where_it_stands(broken: Record) -> None:
    with pytest.raises(IntegrityError, match=r"#2 of run 'run-1'.*verify"):
        open_record(broken)


def test_every_byte_of_an_event_counts() -> None:
    record = sealed()
    assert record.salt is not None
    assert record.payload is not None
    commitment = commitment_of(record.salt, record.payload.encode())
    header, payload = record.header.encode(), record.payload.encode()
    for place in range(len(header)):
        for bit in (1, 32, 128):
            flipped = bytearray(header)
            flipped[place] ^= bit
            text = flipped.decode("utf-8", "replace")
            assert hash_of(text, commitment) != record.hash
    for place in range(len(payload)):
        flipped = bytearray(payload)
        flipped[place] ^= 1
        assert recomputed_hash(record._replace(payload=flipped.decode())) != record.hash
    for place in range(len(record.salt)):
        flipped = bytearray(record.salt)
        flipped[place] ^= 1
        assert recomputed_hash(record._replace(salt=bytes(flipped))) != record.hash


def test_bytes_cannot_wander_between_salt_and_payload() -> None:
    record = sealed()
    assert record.salt is not None
    assert record.payload is not None
    moved = record._replace(
        salt=record.salt + record.payload[:1].encode(), payload=record.payload[1:]
    )
    assert recomputed_hash(moved) != record.hash


def test_a_commitment_does_not_cover_for_a_payload() -> None:
    """A payload without its salt is neither whole nor erased: it must not verify."""
    record = sealed()
    forged = erased(record)._replace(payload='{"text":"forged"}')
    assert recomputed_hash(forged) != record.hash


def test_too_many_facts_are_refused() -> None:
    counts = {"x" * (HEADER_BYTES // 1_000) + str(n): 1 for n in range(1_000)}
    big = GuardRedacted(guard="privacy", where="prompt", counts=counts)
    with pytest.raises(LimitExceededError, match=f"{HEADER_BYTES:,}"):
        sealed(big)


def test_too_much_content_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quarterdeck_kernel.events.envelope.PAYLOAD_BYTES", 1_000)
    Draft.of(OperatorMessage(key="k", text="x" * 900))
    with pytest.raises(LimitExceededError, match="1,000"):
        Draft.of(OperatorMessage(key="k", text="x" * 1_000))


def test_limits_count_bytes() -> None:
    """Four bytes a character: a limit in characters would let four times as much in."""
    emoji = GuardRedacted(guard="\U0001f600" * (HEADER_BYTES // 2), where="prompt", counts={})
    with pytest.raises(LimitExceededError):
        sealed(emoji)
