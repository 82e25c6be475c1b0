"""Beginning runs: ids, idempotency keys, forks."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.errors import (
    ConflictError,
    IdempotencyKeyUsedError,
    NotFoundError,
    RunExistsError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.testing.contract.stage import Contract, Stage, raises
from quarterdeck_kernel.testing.logs import LogBuilder, queued, say, work


class CreationContract(Contract):
    """The first batch of a run."""

    async def test_a_run_begins(self) -> None:
        """What is known of a run: its tenant, its head, no parent."""
        async with self.stage() as stage:
            log = await stage.begun("run-1", tenant="acme")
            info = await stage.store.run("run-1")
            assert (info.run_id, info.tenant, info.parent) == ("run-1", "acme", None)
            assert info.head == log.head

    async def test_an_unknown_run_is_not_found(self) -> None:
        """Asking for a run that is not there says so, by every way of asking."""
        async with self.stage() as stage:
            store = stage.store
            for asking in (
                store.run("ghost"),
                store.read("ghost"),
                store.projections("ghost"),
                store.claim("ghost"),
                store.lease("ghost"),
                store.verify("ghost"),
            ):
                with raises(RunNotFoundError):
                    await asking

    async def test_a_taken_id_is_refused(self) -> None:
        """The second creation is told which id is taken; the first run is untouched."""
        async with self.stage() as stage:
            log = await stage.begun()
            rival = stage.log("run-1", tenant="rival")
            with raises(RunExistsError) as refused:
                await stage.store.append(rival.create(queued("something else")))
            assert refused.error.run_id == "run-1"
            assert await stage.stored("run-1") == log.records
            assert (await stage.store.run("run-1")).tenant == "acme"

    async def test_five_creations_with_one_id(self) -> None:
        """One of five concurrent starts gets the id, the others learn that it is taken."""
        async with self.stage() as stage:
            batches = [stage.log().create(queued(f"start {n}"), work()) for n in range(5)]
            results = await asyncio.gather(
                *(stage.store.append(batch) for batch in batches), return_exceptions=True
            )
            refused = [result for result in results if isinstance(result, BaseException)]
            assert [type(error) for error in refused] == [RunExistsError] * 4, refused
            assert all(isinstance(e, RunExistsError) and e.run_id == "run-1" for e in refused)
            won = next(b for b, r in zip(batches, results, strict=True) if r not in refused)
            assert await stage.stored("run-1") == list(won.records)

    async def test_an_idempotency_key_is_used_once(self) -> None:
        """The second start under a key learns the run that the first made."""
        async with self.stage() as stage:
            first, second = stage.log("run-1"), stage.log("run-2")
            await stage.put(first, first.create(idempotency_key="order-7"))
            with raises(IdempotencyKeyUsedError) as refused:
                await stage.store.append(second.create(idempotency_key="order-7"))
            assert refused.error.run_id == "run-1"
            with raises(RunNotFoundError):
                await stage.store.run("run-2")

    async def test_a_start_that_is_made_again_whole_learns_its_run(self) -> None:
        """A key says more than an id: the same start under both learns the run it made."""
        async with self.stage() as stage:
            first, again = stage.log("run-1"), stage.log("run-1")
            await stage.put(first, first.create(idempotency_key="order-7"))
            with raises(IdempotencyKeyUsedError) as refused:
                await stage.store.append(again.create(idempotency_key="order-7"))
            assert refused.error.run_id == "run-1"

    async def test_five_creations_with_one_key(self) -> None:
        """Concurrent starts under one key make one run, and all losers learn its id."""
        async with self.stage() as stage:
            batches = [stage.log(f"run-{n}").create(idempotency_key="order-7") for n in range(5)]
            results = await asyncio.gather(
                *(stage.store.append(batch) for batch in batches), return_exceptions=True
            )
            heads = await stage.store.heads()
            assert len(heads) == 1, heads
            refused = [result for result in results if isinstance(result, BaseException)]
            assert len(refused) == 4
            for error in refused:
                assert isinstance(error, IdempotencyKeyUsedError), repr(error)
                assert error.run_id == heads[0].run_id

    async def test_an_idempotency_key_belongs_to_a_tenant(self) -> None:
        """Another tenant's use of a key takes nothing away; neither do runs without a key."""
        async with self.stage() as stage:
            for run_id, tenant, key in (
                ("run-1", "acme", "order-7"),
                ("run-2", "rival", "order-7"),
                ("run-3", "acme", "order-8"),
                ("run-4", "acme", None),
                ("run-5", "acme", None),
            ):
                log = stage.log(run_id, tenant=tenant)
                await stage.put(log, log.create(idempotency_key=key))
            assert len(await stage.store.heads()) == 5

    async def test_a_creation_of_several_events_is_one_batch(self) -> None:
        """The rest of the first batch follows its first event."""
        async with self.stage() as stage:
            log = stage.log()
            await stage.put(log, log.create(queued(), say("and be quick"), work()))
            assert await stage.stored("run-1") == log.records


async def _family(stage: Stage) -> tuple[LogBuilder, LogBuilder, LogBuilder]:
    """Make a run of 6 events, a fork at 4 with 3 of its own, and a fork of that at 6 with 2."""
    parent, _ = await stage.driven("parent", events=6)
    child = parent.fork("child", 4)
    await stage.put(child, child.create())
    await stage.put(child, child.operate(say("c6"), say("c7")))
    grandchild = child.fork("grandchild", 6)
    await stage.put(grandchild, grandchild.create())
    await stage.put(grandchild, grandchild.operate(say("g8")))
    return parent, child, grandchild


async def _read_everyway(store: EventStore, run_id: str, records: list[Record]) -> None:
    """Hold every page of a log, by size and direction, against what it should be."""
    assert await store.read(run_id) == records
    assert await store.read(run_id, backwards=True) == records[::-1]
    last = len(records)
    for after in range(last + 1):
        for until in range(after, last + 1):
            page = records[after:until]
            assert await store.read(run_id, after=after, until=until) == page
            for limit in (1, 3):
                assert (
                    await store.read(run_id, after=after, until=until, limit=limit) == page[:limit]
                )
                down = await store.read(
                    run_id, after=after, until=until, limit=limit, backwards=True
                )
                assert down == page[::-1][:limit]


class ForkContract(Contract):
    """Runs that share the events of another."""

    async def test_a_fork_shares_its_parents_events(self) -> None:
        """A fork, and a fork of a fork, read as one log from event 1 to their own head."""
        async with self.stage() as stage:
            for log in await _family(stage):
                assert [record.seq for record in log.records] == list(
                    range(1, len(log.records) + 1)
                )
                await _read_everyway(stage.store, log.run_id, log.records)

    async def test_a_fork_knows_its_parent(self) -> None:
        """`run` names the event a fork branched from."""
        async with self.stage() as stage:
            parent, child, grandchild = await _family(stage)
            assert (await stage.store.run("parent")).parent is None
            assert (await stage.store.run("child")).parent == parent.at(4)
            info = await stage.store.run("grandchild")
            assert info.parent == child.at(6)
            assert info.head == grandchild.head

    async def test_a_fork_and_its_parent_grow_apart(self) -> None:
        """What is appended to one is not seen in the other."""
        async with self.stage() as stage:
            parent, child, _ = await _family(stage)
            await stage.put(parent, parent.operate(say("p7")))
            await stage.put(child, child.operate(say("c8")))
            assert await stage.stored("parent") == parent.records
            assert await stage.stored("child") == child.records

    async def test_kinds_are_found_across_the_seam(self) -> None:
        """A filter by kind, with a limit, goes through a fork's prefix and tail alike."""
        async with self.stage() as stage:
            _, _, grandchild = await _family(stage)
            kinds = {"phase_entered", "operator_message"}
            wanted = [record for record in grandchild.records if record.kind in kinds]
            assert len(wanted) >= 4
            read = stage.store.read
            assert await read("grandchild", kinds=kinds) == wanted
            for limit in range(1, len(wanted) + 1):
                assert await read("grandchild", kinds=kinds, limit=limit) == wanted[:limit]
                down = await read("grandchild", kinds=kinds, limit=limit, backwards=True)
                assert down == wanted[::-1][:limit]
            assert await read("grandchild", kinds={"run_queued"}) == grandchild.records[:1]

    async def test_a_fork_of_shared_events(self) -> None:
        """A fork may branch from an event that its parent itself shares with an older run."""
        async with self.stage() as stage:
            _, child, _ = await _family(stage)
            early = child.fork("early", 2)
            await stage.put(early, early.create())
            forked_from = (await stage.store.run("early")).parent
            assert forked_from is not None
            assert (forked_from.seq, forked_from.hash) == (2, child.at(2).hash)
            await _read_everyway(stage.store, "early", early.records)
            assert (await stage.store.verify("early")).ok

    async def test_a_fork_needs_its_parents_event(self) -> None:
        """No such run, no such event, another hash, another tenant: each is refused."""
        async with self.stage() as stage:
            parent, _ = await stage.driven("parent", events=3)
            wrong = (
                Head(run_id="ghost", seq=2, hash=parent.at(2).hash),
                Head(run_id="parent", seq=7, hash=parent.at(3).hash),
                Head(run_id="parent", seq=2, hash=parent.at(1).hash),
                Head(run_id="parent", seq=2, hash=b"\0" * 32),
            )
            for head in wrong:
                fork = LogBuilder("fork", clock=stage.clock, parent=head)
                with raises(ConflictError, NotFoundError):
                    await stage.store.append(fork.create())
            with raises(ConflictError, NotFoundError):
                await stage.store.append(parent.fork("fork", 2, tenant="rival").create())
            with raises(RunNotFoundError):
                await stage.store.run("fork")

    async def test_a_fork_is_driven_under_its_own_lease(self) -> None:
        """Leases and epochs of a parent say nothing about its fork."""
        async with self.stage() as stage:
            parent, lease = await stage.driven("parent", events=3)
            fork = parent.fork("fork", 2)
            await stage.put(fork, fork.create())
            status = await stage.store.lease("fork")
            assert (status.epoch, status.holder, status.live) == (0, None, False)
            own = await stage.store.claim("fork")
            await stage.put(fork, fork.drive(own))
            await stage.put(parent, parent.drive(lease))
            assert await stage.stored("fork") == fork.records

    async def test_the_workspace_holds_shared_events_once(self) -> None:
        """Over the workspace each event is read once, under the run that wrote it."""
        async with self.stage() as stage:
            parent, child, grandchild = await _family(stage)
            own = {record.hash for log in (parent, child, grandchild) for record in log.records}
            events = await stage.store.read_workspace()
            assert len(events) == len(own)
            assert {record.hash for _, record in events} == own
