"""Old payloads are lifted when they are read; their bytes stay."""

import json

import pytest

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.events import upcasters
from quarterdeck_kernel.events.envelope import Draft, Stamp, open_record, seal
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.record import Record, commitment_of, hash_of, recomputed_hash
from quarterdeck_kernel.events.union import BY_KIND
from quarterdeck_kernel.events.upcasters import SCHEMA, UPCASTERS, Plain, upcast
from quarterdeck_kernel.vocabulary.actor import AGENT
from tests.kernel.events.payloads import fixed_example


def written_under_schema_0(cents: int | None) -> Record:
    """Return a model's answer as a version with schema 0 would have sealed it."""
    stamp = Stamp(run_id="run-1", tenant="acme", actor=AGENT, at_us=5, event_id="e1")
    record = seal(Draft.of(fixed_example(ModelCompleted)), stamp, seq=1, prev=None)
    header = json.loads(record.header) | {"schema": 0}
    del header["facts"]["cost_micros"]
    if cents is not None:
        header["facts"]["cost_cents"] = cents
    text = encode(header)
    assert record.salt is not None
    assert record.payload is not None
    commitment = commitment_of(record.salt, record.payload.encode())
    return record._replace(header=text, hash=hash_of(text, commitment))


@pytest.mark.parametrize(("cents", "micros"), [(3, 30_000), (0, 0), (None, None)])
def test_the_worked_example(cents: int | None, micros: int | None) -> None:
    record = written_under_schema_0(cents)
    payload = open_record(record).payload
    assert isinstance(payload, ModelCompleted)
    assert payload.cost_micros == micros
    assert payload.message == fixed_example(ModelCompleted).message
    assert recomputed_hash(record) == record.hash


def test_an_old_event_that_was_erased_is_lifted_too() -> None:
    record = written_under_schema_0(3)
    event = open_record(record._replace(salt=None, payload=None, commitment=b"\0" * 32))
    assert event.content == "erased"
    assert isinstance(event.payload, ModelCompleted)
    assert event.payload.cost_micros == 30_000


def test_todays_schema_is_not_touched() -> None:
    payload: Plain = {"cost_cents": 3}
    assert upcast("model_completed", SCHEMA, payload) == {"cost_cents": 3}


def test_upcasters_form_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    def say(word: str) -> upcasters.Upcaster:
        return lambda payload: {**payload, "said": [*_words(payload), word]}

    monkeypatch.setattr(upcasters, "SCHEMA", 4)
    chain = {("k", 0): say("zero"), ("k", 1): say("one"), ("k", 3): say("three")}
    assert upcast("k", 0, {}, chain) == {"said": ["zero", "one", "three"]}
    assert upcast("k", 1, {}, chain) == {"said": ["one", "three"]}
    assert upcast("k", 2, {}, chain) == {"said": ["three"]}
    assert upcast("k", 4, {}, chain) == {}
    assert upcast("other", 0, {"a": 1}, chain) == {"a": 1}


def _words(payload: Plain) -> list[str]:
    words = payload.get("said", [])
    assert isinstance(words, list)
    return [str(word) for word in words]


def test_what_is_lifted_is_not_changed_in_place() -> None:
    payload: Plain = {"cost_cents": 3}
    assert upcast("model_completed", 0, payload) == {"cost_micros": 30_000}
    assert payload == {"cost_cents": 3}


def test_upcasters_belong_to_kinds_and_past_schemas() -> None:
    for kind, schema in UPCASTERS:
        assert kind in BY_KIND
        assert 0 <= schema < SCHEMA
