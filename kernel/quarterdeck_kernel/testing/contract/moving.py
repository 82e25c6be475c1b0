"""Whole runs: deleted, and taken in from elsewhere."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from quarterdeck_kernel.errors import (
    BlobNotFoundError,
    ConflictError,
    IdempotencyKeyUsedError,
    IntegrityError,
    RunExistsError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.record import Record, commitment_of
from quarterdeck_kernel.store.arrival import Arrival, Piece, SealedBlob
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.testing.contract.stage import Contract, Stage, head_of, raises
from quarterdeck_kernel.testing.logs import ADA, BEN, Beside, LogBuilder, say
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow


async def _deleted(store: EventStore, run_id: str, *, lease: Lease | None = None) -> None:
    lease = lease or await store.claim(run_id)
    head = await head_of(store, run_id)
    await store.delete(lease, head, actor=ADA, reason="long over")


class DeleteContract(Contract):
    """`delete`, and `acts`."""

    async def test_all_of_a_deleted_run_is_gone_and_the_chain_verifies(self) -> None:
        """Events, rows, snapshots and blobs; what others said stays, and what comes is chained."""
        async with self.stage() as stage:
            store = stage.store
            other = await stage.begun("other")
            log, lease = await stage.driven("run-1")
            ref = await store.put_blob("acme", b'{"text":"a long secret"}')
            beside = Beside(
                opened=(log.item("item"),),
                context=(ContextRow(thread=1, place=0, seq=2, part=-1, digest="d"),),
                steps=(StepRow(step_key="s", requested_seq=2),),
                blob=ref,
            )
            await stage.put(log, log.operate(say(), beside=beside))
            assert log.head is not None
            await store.put_snapshot(
                Snapshot(run_id="run-1", seq=3, hash=log.head.hash, fold_version=1, state="{}")
            )
            await stage.put(other, other.operate())
            at = await store.checkpoint()
            await _deleted(store, "run-1", lease=lease)
            for gone in (store.run("run-1"), store.read("run-1"), store.projections("run-1")):
                with raises(RunNotFoundError):
                    await gone
            with raises(BlobNotFoundError):
                await store.blob(ref)
            assert (await store.inbox()).rows == ()
            assert [row.run_id for row in (await store.fleet()).rows] == ["other"]
            assert {record.run_id for _, record in await store.read_workspace()} == {"other"}
            await stage.put(other, other.operate(say(key="later")))
            verdict = await store.verify(against=[at])
            assert verdict.ok, verdict
            assert (verdict.runs, verdict.events, verdict.deleted) == (1, 3, 3)

    async def test_the_act_is_on_record(self) -> None:
        """Who, when, why and which run; the blob that went with it is named, too."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say()))
            await stage.store.erase("run-1", 2, actor=BEN, reason="asked to")
            await _deleted(stage.store, "run-1")
            erased, deleted = await stage.store.acts()
            assert (erased.act, erased.seq, erased.actor) == ("erase", 2, BEN)
            assert (deleted.act, deleted.run_id, deleted.actor) == ("delete", "run-1", ADA)
            assert (deleted.reason, deleted.at_us) == ("long over", stage.clock.now_us())
            assert await stage.store.acts(after=erased.number, limit=1) == [deleted]

    async def test_a_run_whose_events_a_fork_shares_is_refused(self) -> None:
        """Once the fork is gone, it is no longer needed."""
        async with self.stage() as stage:
            log, lease = await stage.driven(events=3)
            fork = log.fork("fork", 2)
            await stage.put(fork, fork.create())
            with raises(ConflictError) as refused:
                await _deleted(stage.store, "run-1", lease=lease)
            assert "fork" in str(refused.error)
            assert len(await stage.stored("run-1")) == len(log.records)
            await _deleted(stage.store, "fork")
            await _deleted(stage.store, "run-1", lease=lease)
            assert (await stage.store.verify()).ok

    async def test_a_run_that_went_on_or_was_taken_over_is_refused(self) -> None:
        """What was decided upon is not what would be deleted."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            head = log.head
            assert head is not None
            await stage.put(log, log.operate())
            with raises(ConflictError):
                await stage.store.delete(lease, head, actor=ADA, reason="over")
            old = lease
            await stage.store.release(lease)
            lease = await stage.store.claim("run-1")
            with raises(ConflictError):
                await _deleted(stage.store, "run-1", lease=old)
            await _deleted(stage.store, "run-1", lease=lease)
            with raises(RunNotFoundError):
                await _deleted(stage.store, "run-1", lease=lease)

    async def test_a_blob_that_others_name_stays(self) -> None:
        """It goes with the last that named it."""
        async with self.stage() as stage:
            ref = await stage.store.put_blob("acme", b'{"text":"long"}')
            for run_id in ("one", "two"):
                log = await stage.begun(run_id)
                await stage.put(log, log.operate(say(), beside=Beside(blob=ref)))
            await _deleted(stage.store, "one")
            assert await stage.store.blob(ref)
            assert (await stage.store.verify()).ok
            await _deleted(stage.store, "two")
            with raises(BlobNotFoundError):
                await stage.store.blob(ref)
            assert (await stage.store.verify()).ok

    async def test_its_id_and_its_key_are_free_again(self) -> None:
        """A new run of that id is none the worse for what was erased in the old one."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say()))
            await stage.store.erase("run-1", 2, actor=ADA, reason="asked to")
            await _deleted(stage.store, "run-1")
            log = await stage.begun()
            await stage.put(log, log.operate(say("new")))
            assert await stage.stored("run-1") == log.records
            verdict = await stage.store.verify()
            assert verdict.ok, verdict
            assert verdict.erased == ()


async def _in_pages(*pieces: Piece) -> AsyncIterator[Sequence[Piece]]:
    for piece in pieces:
        yield (piece,)


def _arrival(log: LogBuilder) -> Arrival:
    assert log.head is not None
    assert log.fleet is not None
    rows = ProjectionRows(fleet=log.fleet)
    return Arrival(run_id=log.run_id, tenant=log.tenant, head=log.head, rows=rows)


def _made(stage: Stage, run_id: str = "come", *, events: int = 3) -> LogBuilder:
    """Return a log that no store has seen."""
    log = stage.log(run_id)
    log.accept(log.create())
    for number in range(1, events):
        log.accept(log.operate(say(key=f"m{number}")))
    return log


class TakeInContract(Contract):
    """`take_in`: of stores that lie on a disk."""

    async def test_a_run_is_here_as_it_was_there(self) -> None:
        """Tombstones and blobs included; it goes on as any other."""
        async with self.stage() as stage:
            store = stage.store
            await stage.begun("mine")
            log = _made(stage)
            gone = log.records[1]
            log.records[1] = gone._replace(salt=None, payload=None, commitment=_commitment(gone))
            item = log.item("item")
            assert log.fleet is not None
            rows = ProjectionRows(fleet=log.fleet, inbox_opened=(item,))
            arrival = replace(_arrival(log), rows=rows, redacted=(2,))
            await store.take_in(arrival, _in_pages(*log.records), actor=ADA, reason="from far")
            assert await stage.stored("come") == log.records
            assert (await store.projections("come")) == rows
            assert [row.run_id for row in (await store.inbox()).rows] == ["come"]
            verdict = await store.verify()
            assert verdict.ok, verdict
            assert verdict.erased == (("come", 2),)
            act, tombstone = await store.acts()
            assert (act.act, act.run_id, act.seq, act.reason) == (
                "import",
                "come",
                None,
                "from far",
            )
            assert (tombstone.act, tombstone.seq) == ("import", 2)
            assert "redacted" in tombstone.reason
            await stage.put(log, log.operate(say(key="on")))

    async def test_others_hear_of_it(self) -> None:
        """It comes by the feed as what it is: new events."""
        async with self.stage() as stage:
            log = _made(stage)
            await stage.store.take_in(
                _arrival(log), _in_pages(*log.records), actor=ADA, reason="from far"
            )
            found = await stage.store.read_workspace()
            assert [record for _, record in found] == log.records
            assert await stage.store.wait(after=0, timeout_s=1) == len(log.records)

    async def test_what_breaks_off_leaves_nothing(self) -> None:
        """Neither events nor rows nor blobs; and it can be tried again."""
        async with self.stage() as stage:
            log = _made(stage)
            at = await stage.store.checkpoint()

            async def broken() -> AsyncIterator[Sequence[Piece]]:
                yield log.records[:2]
                raise OSError("the cable")

            with raises(OSError):
                await stage.store.take_in(_arrival(log), broken(), actor=ADA, reason="from far")
            with raises(IntegrityError):
                await stage.store.take_in(
                    _arrival(log), _in_pages(*log.records[:2]), actor=ADA, reason="from far"
                )
            assert await stage.store.checkpoint() == at
            assert await stage.store.acts() == []
            with raises(RunNotFoundError):
                await stage.store.run("come")
            await stage.store.take_in(
                _arrival(log), _in_pages(*log.records), actor=ADA, reason="from far"
            )

    async def test_others_write_while_it_comes(self) -> None:
        """However long its pieces take; it finds its place behind what was written meanwhile."""
        async with self.stage() as stage:
            log = _made(stage, events=6)
            mine = await stage.begun("mine")

            async def slowly() -> AsyncIterator[Sequence[Piece]]:
                for number, record in enumerate(log.records):
                    yield [record]
                    await stage.put(mine, mine.operate(say(key=f"meanwhile-{number}")))
                    with raises(RunNotFoundError):
                        await stage.store.run("come")

            await stage.store.take_in(_arrival(log), slowly(), actor=ADA, reason="from far")
            assert await stage.stored("come") == log.records
            assert await stage.stored("mine") == mine.records
            verdict = await stage.store.verify()
            assert verdict.ok, verdict

    async def test_who_was_first_meanwhile_stays(self) -> None:
        """A run of that id that was begun while it came is not written over."""
        async with self.stage() as stage:
            log = _made(stage)

            async def slowly() -> AsyncIterator[Sequence[Piece]]:
                yield log.records
                await stage.begun("come")

            with raises(RunExistsError):
                await stage.store.take_in(_arrival(log), slowly(), actor=ADA, reason="from far")
            assert await stage.stored("come") != log.records
            verdict = await stage.store.verify()
            assert verdict.ok, verdict

    async def test_an_id_that_is_taken_a_used_key_and_a_missing_parent_are_refused(self) -> None:
        """Nothing is taken in over what is here."""
        async with self.stage() as stage:
            store = stage.store
            mine = await stage.begun("come")
            keyed = stage.log("keyed")
            await stage.put(keyed, keyed.create(idempotency_key="k"))
            log = _made(stage)
            cases: tuple[tuple[type[Exception], Arrival], ...] = (
                (RunExistsError, _arrival(log)),
                (
                    IdempotencyKeyUsedError,
                    replace(_arrival(log), run_id="new", idempotency_key="k"),
                ),
                (
                    RunNotFoundError,
                    replace(
                        _arrival(log),
                        run_id="new",
                        parent=Head(run_id="ghost", seq=1, hash=b"\1" * 32),
                    ),
                ),
                (
                    RunNotFoundError,
                    replace(
                        _arrival(log),
                        run_id="new",
                        parent=Head(run_id="come", seq=1, hash=b"\1" * 32),
                    ),
                ),
            )
            for error, arrival in cases:
                with raises(error):
                    await store.take_in(
                        arrival, _in_pages(*log.records), actor=ADA, reason="from far"
                    )
            assert await stage.stored("come") == mine.records
            assert (await store.verify()).runs == 2  # noqa: PLR2004 - those that were there

    async def test_a_blob_keeps_its_name_beside_equal_content(self) -> None:
        """The salt of its origin is a part of what the events were hashed with."""
        async with self.stage() as stage:
            content = b'{"text":"long"}'
            here = await stage.store.put_blob("acme", content)
            theirs = await stage.store.sealed_blob(here)
            salt = bytes(16)
            ref = _ref(salt, content)
            log = stage.log("come")
            log.accept(log.create())
            log.accept(log.operate(say(), beside=Beside(blob=ref)))
            pieces = (log.records[0], SealedBlob(ref, salt, content), log.records[1])
            await stage.store.take_in(
                _arrival(log), _in_pages(*pieces), actor=ADA, reason="from far"
            )
            assert await stage.store.sealed_blob(ref) == (ref, salt, content)
            assert await stage.store.sealed_blob(here) == theirs
            assert (await stage.store.verify()).ok


def _commitment(record: Record) -> bytes:
    assert record.salt is not None
    assert record.payload is not None
    return commitment_of(record.salt, record.payload.encode())


def _ref(salt: bytes, content: bytes) -> str:
    return commitment_of(salt, content).hex()
