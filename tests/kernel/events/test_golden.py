"""Logs of every released schema open and verify, for ever."""

import pytest

from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.record import recomputed_hash
from quarterdeck_kernel.events.union import BY_KIND
from quarterdeck_kernel.events.upcasters import SCHEMA
from tests.kernel.events import golden

RECORDS = golden.stored()


def test_it_verifies() -> None:
    assert [record.seq for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    prev = None
    for record in RECORDS:
        assert recomputed_hash(record) == record.hash, f"event #{record.seq}"
        assert open_record(record).prev == prev
        prev = record.hash.hex()


@pytest.mark.parametrize("facts_only", [False, True])
def test_it_opens(facts_only: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    for record in RECORDS:
        event = open_record(record, facts_only=facts_only)
        assert isinstance(event.payload, Payload)
        assert (event.kind, event.seq, event.at_us) == (record.kind, record.seq, record.at_us)
        if facts_only:
            assert event.content == "left_out"
        else:
            assert event.content == ("elsewhere" if event.blob else "present")
    assert event.blob == "5a" * 32


def test_its_last_hash_is_the_one_it_was_released_with() -> None:
    assert (
        RECORDS[-1].hash.hex() == "6cfd652e5943bc928710ba8eebb922738a84174febe7b49b4de4b87c33b34d49"
    )


@pytest.mark.skipif(SCHEMA != 1, reason="payloads have moved on since; the file has not")
def test_it_is_what_sealing_its_payloads_gives() -> None:
    assert golden.written() == RECORDS
    assert {record.kind for record in RECORDS} == set(BY_KIND)
    lines = golden.SCHEMA_1.read_text(encoding="ascii").splitlines()
    assert lines == [golden.line_of(record) for record in RECORDS]
