"""What no store may accept is refused before it comes to one."""

from dataclasses import replace

import pytest

from quarterdeck_kernel.errors import InvalidError, LimitExceededError
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.testing.logs import LogBuilder, say, work
from quarterdeck_kernel.vocabulary.limits import BATCH_EVENTS, RUN_EVENTS


def begun() -> LogBuilder:
    log = LogBuilder()
    log.accept(log.create())
    return log


def test_a_batch_knows_where_it_leads() -> None:
    batch = begun().drive(1, work(), work(2))
    assert batch.head == Head(run_id="run-1", seq=3, hash=batch.records[1].hash)
    assert batch.expected is not None
    assert batch.previous_hashes == (batch.expected.hash, batch.records[0].hash)
    assert LogBuilder().create().previous_hashes == (None,)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidError, match="at least one"):
        replace(begun().operate(), records=())


def test_a_batch_has_a_bound() -> None:
    log = begun()
    log.operate(*[say()] * BATCH_EVENTS)
    with pytest.raises(LimitExceededError, match="split"):
        log.operate(*[say()] * (BATCH_EVENTS + 1))


def test_a_run_has_a_bound() -> None:
    last = Head(run_id="run-1", seq=RUN_EVENTS - 1, hash=b"\0" * 32)
    log = begun()
    with pytest.raises(LimitExceededError, match="fork"):
        log.batch(log.operate().authority, (say(),), on=last)


def test_events_must_follow_each_other() -> None:
    log = begun()
    batch = log.operate(say("1"), say("2"))
    first, second = batch.records
    for records in (
        (second, first),
        (second,),
        (first, second._replace(seq=4)),
        (first, second._replace(run_id="run-2")),
    ):
        with pytest.raises(InvalidError, match="does not follow"):
            replace(batch, records=records)


def test_a_checkpoint_survives_being_written_down() -> None:
    kept = Checkpoint(workspace_id="w1", position=12, link="ab" * 32)
    assert Checkpoint.parse(str(kept)) == kept
    assert Checkpoint.parse(f"  {kept}\n") == kept
    for line in ("", "w1 12", "w1 x " + "ab" * 32, "w1 12 abcd", f"{kept} more"):
        assert Checkpoint.parse(line) is None
