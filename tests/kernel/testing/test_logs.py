"""The builder makes logs that hold together, and the same ones when seeded."""

import pytest

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.record import recomputed_hash
from quarterdeck_kernel.testing.logs import (
    Beside,
    LogBuilder,
    ask,
    queued,
    say,
    started,
    work,
)
from quarterdeck_kernel.vocabulary.words import NeedRank


def built(seed: int | None = None) -> LogBuilder:
    log = LogBuilder(seed=seed)
    log.accept(log.create(queued("sail")))
    log.accept(log.drive(1, started(), work(), work(2)))
    log.accept(log.operate())
    return log


def test_events_are_chained() -> None:
    log = built()
    fork = log.fork("fork", 3)
    fork.accept(fork.create())
    for one in (log, fork):
        prev = None
        for seq, record in enumerate(one.records, 1):
            event = open_record(record)
            assert (event.seq, event.prev) == (seq, prev)
            assert recomputed_hash(record) == record.hash
            prev = event.hash
        assert one.head == one.at()
    assert [record.run_id for record in fork.records] == ["run-1"] * 3 + ["fork"]


def test_building_changes_nothing_until_accepted() -> None:
    log = built()
    head = log.head
    first, second = log.operate(), log.operate()
    assert log.head == head
    assert first.records[0].seq == second.records[0].seq == 6
    log.accept(first)
    assert log.head == first.head


def test_ids_are_the_same_when_seeded() -> None:
    def ids(log: LogBuilder) -> list[str]:
        return [open_record(record).event_id for record in log.records]

    assert ids(built(7)) == ids(built(7)) != ids(built(8))
    assert ids(built()) != ids(built())


def test_the_fleet_row_follows() -> None:
    log = built()
    assert log.fleet is not None
    assert (log.fleet.objective, log.fleet.status) == ("sail", "running")
    needs = [log.fleet.need]
    log.accept(log.drive(1, ask(), beside=Beside(opened=(log.item(),))))
    assert log.fleet.rank == NeedRank.WAITING
    needs.append(log.fleet.need)
    log.accept(log.operate(beside=Beside(closed=("pause-1",))))
    assert [*needs, log.fleet.need] == ["running", "waiting", "running"]
    assert log.fleet.head_seq == len(log.records)


def test_a_person_cannot_write_what_a_driver_writes() -> None:
    with pytest.raises(InvalidError, match="phase_entered"):
        built().operate(say(), work())
