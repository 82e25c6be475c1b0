"""Appending: the fences of a batch, and that one batch is whole and blind to its neighbours."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.errors import (
    AccountRefusedError,
    ConflictError,
    HeadMovedError,
    LeaseLostError,
    NotFoundError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.record import recomputed_hash
from quarterdeck_kernel.store.batch import AccountMove, Head
from quarterdeck_kernel.testing.contract.stage import (
    Contract,
    head_of,
    raises,
    write_until_stored,
)
from quarterdeck_kernel.testing.logs import Beside, say, work


class AppendContract(Contract):
    """`append`, as the driver of a run uses it."""

    async def test_events_are_numbered_without_gaps(self) -> None:
        """Batches of several sizes give seqs 1, 2, 3 …, each bound to the one before."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            for size in (1, 3, 2):
                await stage.put(log, log.drive(lease, *[work(turn) for turn in range(size)]))
            stored = await stage.stored("run-1")
            assert [record.seq for record in stored] == list(range(1, 9))
            assert stored == log.records
            assert [recomputed_hash(record) for record in stored] == [r.hash for r in stored]
            assert (await stage.store.run("run-1")).head == log.head

    async def test_a_wrong_seq_is_refused(self) -> None:
        """A batch behind or beyond the head is a conflict, and nothing of it is stored."""
        async with self.stage() as stage:
            log, lease = await stage.driven(events=4)
            assert log.head is not None
            beyond = Head(run_id="run-1", seq=5, hash=log.head.hash)
            for head in (log.at(3), log.at(1), beyond):
                batch = log.drive(lease)
                stale = log.batch(batch.authority, (work(),), on=head)
                with raises(HeadMovedError):
                    await stage.store.append(stale)
            assert await stage.stored("run-1") == log.records

    async def test_a_wrong_previous_hash_is_refused(self) -> None:
        """The right seq and epoch are not enough: the head must be the one sealed upon."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            assert log.head is not None
            other = Head(run_id="run-1", seq=log.head.seq, hash=b"\1" * 32)
            stale = log.batch(log.drive(lease).authority, (work(),), on=other)
            with raises(HeadMovedError):
                await stage.store.append(stale)
            assert await stage.stored("run-1") == log.records

    async def test_the_second_event_of_a_stale_batch_is_refused(self) -> None:
        """A rival's event at the first place does not let the rest of a batch in behind it."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            stale = log.drive(lease, work(1), work(2))
            await stage.put(log, log.drive(lease, work(3)))
            with raises(HeadMovedError):
                await stage.store.append(stale)
            assert await stage.stored("run-1") == log.records
            assert await head_of(stage.store, "run-1") == log.head

    async def test_the_same_batch_twice_is_refused(self) -> None:
        """An append that is repeated by mistake finds its own events and stores no more."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            batch = log.drive(lease, work(1), work(2))
            await stage.put(log, batch)
            with raises(HeadMovedError):
                await stage.store.append(batch)
            assert await stage.stored("run-1") == log.records

    async def test_an_old_epoch_is_refused(self) -> None:
        """Once a run was claimed again, its earlier driver writes nothing, head known or not."""
        async with self.stage() as stage:
            log, old = await stage.driven()
            stale = log.drive(old, work(7))
            await stage.store.release(old)
            new = await stage.store.claim("run-1")
            with raises(LeaseLostError):
                await stage.store.append(stale)
            await stage.put(log, log.drive(new))
            with raises(LeaseLostError):
                await stage.store.append(stale)
            with raises(LeaseLostError):
                await stage.store.append(log.drive(old))
            assert await stage.stored("run-1") == log.records

    async def test_an_epoch_not_given_yet_is_refused(self) -> None:
        """Nobody writes under an epoch that was never claimed."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            with raises(LeaseLostError):
                await stage.store.append(log.drive(lease.epoch + 1))

    async def test_an_expired_lease_writes_until_it_is_stolen(self) -> None:
        """The epoch is the fence, not the deadline."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            stage.clock.advance(3_600_000_000)
            await stage.put(log, log.drive(lease))
            assert await stage.stored("run-1") == log.records

    async def test_an_append_to_no_run_is_refused(self) -> None:
        """A run begins with a creation, with nothing else."""
        async with self.stage() as stage:
            for batch in (stage.log("ghost").drive(1), stage.log("ghost").operate()):
                with raises(ConflictError, NotFoundError):
                    await stage.store.append(batch)
            with raises(RunNotFoundError):
                await stage.store.run("ghost")

    async def test_a_refused_batch_leaves_nothing(self) -> None:
        """Three events refused for an account: no event, row, move or position is left of them."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            await stage.store.set_limit("till", 10, version=0)
            before = await stage.store.checkpoint()
            beside = Beside(
                opened=(log.item(),),
                moves=(
                    AccountMove(account="free", spend=5),
                    AccountMove(account="till", reserve=11, guarded=True),
                ),
            )
            batch = log.drive(lease, work(1), work(2), work(3), beside=beside)
            with raises(AccountRefusedError) as refused:
                await stage.store.append(batch)
            assert refused.error.account == "till"
            assert await stage.stored("run-1") == log.records
            assert await stage.store.checkpoint() == before
            assert (await stage.store.inbox()).rows == ()
            assert (await stage.store.account("free")).spent == 0
            assert (await stage.store.account("till")).reserved == 0
            assert (await stage.store.projections("run-1")).fleet == log.fleet
            await stage.put(log, log.drive(lease))

    async def test_a_big_batch_is_stored_whole(self) -> None:
        """As many events as a batch may have, of a size that is kept inline."""
        async with self.stage() as stage:
            log, _ = await stage.driven()
            messages = [say("ahoy " * 300, key=f"m{n}") for n in range(256)]
            await stage.put(log, log.operate(*messages))
            assert await stage.stored("run-1") == log.records

    async def test_text_comes_back_as_it_was(self) -> None:
        """Bytes are kept, whatever they say: quotes, controls, other planes, a NUL."""
        async with self.stage() as stage:
            log = await stage.begun()
            text = "'; DROP TABLE events; -- \"\\ \x00\x1b[31m \u202e \U0001f4a3 {{secret:X}}"
            await stage.put(log, log.operate(say(text, key=text)))
            assert await stage.stored("run-1") == log.records


class BurstContract(Contract):
    """`append`, from many tasks at once."""

    async def test_one_conflict_does_not_fail_its_neighbours(self) -> None:
        """Of 64 runs that append at once one is stale: it is told, the others are stored."""
        async with self.stage() as stage:
            logs = [await stage.begun(f"run-{n:02}") for n in range(64)]
            stale = logs[31]
            lost = stale.operate(say("lost"))
            await stage.put(stale, stale.operate(say("first")))
            batches = [log.operate(say("at once"), say("and more")) for log in logs]
            batches[31] = lost
            results = await asyncio.gather(
                *(stage.store.append(batch) for batch in batches), return_exceptions=True
            )
            assert isinstance(results[31], HeadMovedError), repr(results[31])
            for n, (log, batch, result) in enumerate(zip(logs, batches, results, strict=True)):
                if n != 31:
                    assert not isinstance(result, BaseException), f"run {n}: {result!r}"
                    log.accept(batch)
                assert await stage.stored(log.run_id) == log.records
            assert (await stage.store.verify()).ok

    async def test_a_refused_batch_between_others_leaves_no_part(self) -> None:
        """Refusals of each kind share a burst with batches that are stored."""
        async with self.stage() as stage:
            await stage.store.set_limit("till", 0, version=0)
            logs = [await stage.begun(f"run-{n}") for n in range(12)]
            guarded = Beside(moves=(AccountMove(account="till", reserve=1, guarded=True),))
            batches = []
            for n, log in enumerate(logs):
                if n % 4 == 1:
                    batches.append(log.operate(say("a"), say("b"), beside=guarded))
                elif n % 4 == 2:
                    batches.append(log.operate(say("a"), say("b"), stands="nothing"))
                elif n % 4 == 3:
                    batches.append(log.drive(99, work(1), work(2)))
                else:
                    batches.append(log.operate(say("a"), say("b")))
            results = await asyncio.gather(
                *(stage.store.append(batch) for batch in batches), return_exceptions=True
            )
            for n, (log, result) in enumerate(zip(logs, results, strict=True)):
                assert isinstance(result, ConflictError) == (n % 4 != 0), f"run {n}: {result!r}"
                assert len(await stage.stored(log.run_id)) == (1 if n % 4 else 3)
            assert (await stage.store.verify()).ok

    async def test_thirty_writers_of_one_run(self) -> None:
        """Writers that fold and try again all get in, each at a seq of its own."""
        async with self.stage() as stage:
            log = await stage.begun()
            seqs = await asyncio.gather(
                *(write_until_stored(stage.store, log, say(key=f"message-{n}")) for n in range(30))
            )
            assert sorted(seqs) == list(range(2, 32))
            assert [record.seq for record in await stage.stored("run-1")] == list(range(1, 32))
            assert (await stage.store.verify("run-1")).ok

    async def test_two_handles_of_twenty_writers(self) -> None:
        """Two stores on one set of data number its events 1 to 40, none twice."""
        async with self.stage() as stage:
            other = await stage.another()
            log = await stage.begun()
            seqs = await asyncio.gather(
                *(
                    write_until_stored(store, log, say(key=f"message-{n}"))
                    for n in range(20)
                    for store in (stage.store, other)
                )
            )
            assert sorted(seqs) == list(range(2, 42))
            assert [record.seq for record in await other.read("run-1")] == list(range(1, 42))
            assert (await stage.store.verify("run-1")).ok

    async def test_batches_of_one_run_in_flight_keep_their_order(self) -> None:
        """Batches built upon each other and sent at once are stored one behind the other."""
        async with self.stage() as stage:
            log = await stage.begun()
            batches = [log.accept(log.operate(say(key=f"m{n}"), say("2"))) for n in range(20)]
            await asyncio.gather(*(stage.store.append(batch) for batch in batches))
            assert await stage.stored("run-1") == log.records
