"""Endings: callers that are cancelled, stores that close."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio
from typing import Any

from quarterdeck_kernel.errors import StoreClosedError
from quarterdeck_kernel.store.batch import AccountMove
from quarterdeck_kernel.testing.contract.stage import (
    CancelledAtAwait,
    Contract,
    head_of,
    raises,
    write_until_stored,
)
from quarterdeck_kernel.testing.logs import ADA, Beside, say


class CancellationContract(Contract):
    """A caller that is cancelled learns nothing false, and leaves nothing half-done."""

    async def test_an_append_cancelled_at_every_await(self) -> None:
        """Its batch is whole or absent, and the next append works."""
        async with self.stage() as stage:
            log = await stage.begun()
            nth, reached = 0, True
            while reached:
                batch = log.operate(say("1", key=f"a{nth}"), say("2", key=f"b{nth}"))
                work = CancelledAtAwait(stage.store.append(batch), nth)
                cancelled = await _outcome(work)
                reached = work.reached
                assert cancelled or not reached, "an outside cancel always wins"
                await write_until_stored(stage.store, log, say("next", key=f"n{nth}"))
                stored = await stage.stored("run-1")
                assert [record.seq for record in stored] == list(range(1, len(stored) + 1))
                tail = stored[len(log.records) :]
                assert [len(tail), *(r.hash for r in tail[:-1])] in (
                    [1],
                    [3, *(r.hash for r in batch.records)],
                ), f"cancelled at await {nth}"
                log.records = stored
                log.head = await head_of(stage.store, "run-1")
                nth += 1
            assert nth > 1, "the append never waited, so nothing was tested"
            assert (await stage.store.verify()).ok

    async def test_a_cancelled_append_is_stored_all_the_same(self) -> None:
        """Once it waits, its batch takes its course."""
        async with self.stage() as stage:
            log = await stage.begun()
            task = asyncio.create_task(stage.store.append(log.operate(say("1"), say("2"))))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert await stage.store.wait(after=1, run_id="run-1", timeout_s=30) == 3

    async def test_a_burst_of_which_half_is_cancelled(self) -> None:
        """The other half is stored, and no run is left with part of a batch."""
        async with self.stage() as stage:
            logs = [await stage.begun(f"run-{n:02}") for n in range(40)]
            moves = (AccountMove(account="till", spend=1),)
            tasks = [
                asyncio.create_task(
                    stage.store.append(log.operate(say(), say("2"), beside=Beside(moves=moves)))
                )
                for log in logs
            ]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert not any(isinstance(result, Exception) for result in results), results
            await write_until_stored(stage.store, logs[0], say("next"))
            counts = [len(await stage.stored(log.run_id)) for log in logs]
            assert set(counts[1::2]) == {3}
            assert set(counts[2::2]) <= {1, 3}
            stored = sum(count // 3 for count in counts[1:]) + (counts[0] - 1) // 3
            assert (await stage.store.account("till")).spent == stored
            assert (await stage.store.verify()).ok

    async def test_other_calls_cancelled_at_every_await(self) -> None:
        """Reading, claiming, putting blobs: the store works on."""
        async with self.stage() as stage:
            log = await stage.begun()
            store = stage.store
            calls = (
                lambda: store.read("run-1"),
                lambda: store.claim("run-1"),
                lambda: store.put_blob("acme", b"content"),
                store.fleet,
                lambda: store.set_limit("till", 5, version=0),
                store.verify,
                store.renew,
                lambda: store.erase("run-1", 1, actor=ADA, reason="asked to"),
            )
            for call in calls:
                nth, reached = 0, True
                while reached and nth < 50:
                    work = CancelledAtAwait(call(), nth)
                    try:
                        await _outcome(work)
                    except Exception:  # noqa: BLE001 - a limit set before is refused, rightly
                        assert not work.reached
                    reached = work.reached
                    await write_until_stored(store, log, say(key=f"n{nth}"))
                    nth += 1
            assert (await store.verify()).ok


async def _outcome(work: CancelledAtAwait[Any]) -> bool:
    """Run to the end in a task of its own; tell whether it ended by being cancelled."""

    async def run() -> object:
        return await work

    task = asyncio.create_task(run())
    try:
        await task
    except asyncio.CancelledError:
        assert task.cancelled()
        return True
    return False


class CloseContract(Contract):
    """`close`."""

    async def test_closing_twice_is_harmless(self) -> None:
        """One after the other, and both at once."""
        async with self.stage() as stage:
            await stage.begun()
            await asyncio.gather(stage.store.close(), stage.store.close())
            await stage.store.close()

    async def test_a_closed_store_says_so(self) -> None:
        """Whatever is asked of it."""
        async with self.stage() as stage:
            log = await stage.begun()
            store = stage.store
            lease = await store.claim("run-1")
            await store.close()
            for asking in (
                store.append(log.operate()),
                store.put_blob("acme", b"x"),
                store.run("run-1"),
                store.read("run-1"),
                store.read_workspace(),
                store.blob("0" * 64),
                store.heads(),
                store.checkpoint(),
                store.wait(after=0),
                store.fleet(),
                store.projections("run-1"),
                store.inbox(),
                store.context("run-1", 1),
                store.step("run-1", "pay"),
                store.claim("run-1"),
                store.renew(),
                store.release(lease),
                store.lease("run-1"),
                store.account("till"),
                store.set_limit("till", 5, version=0),
                store.snapshot("run-1", fold_version=1),
                store.verify(),
                store.erase("run-1", 1, actor=ADA, reason="asked to"),
                store.backup(stage.folder / "copy.db"),
            ):
                with raises(StoreClosedError):
                    await asking

    async def test_what_is_under_way_is_finished(self) -> None:
        """Appends that were asked for before the close are stored, or refused as too late."""
        async with self.stage() as stage:
            logs = [await stage.begun(f"run-{n}") for n in range(8)]
            tasks = [asyncio.create_task(stage.store.append(log.operate())) for log in logs]
            await asyncio.sleep(0)
            await stage.store.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert results == [None] * 8, results

    async def test_who_waits_is_let_go(self) -> None:
        """A waiter of a store that closes does not wait for ever."""
        async with self.stage() as stage:
            await stage.begun()
            waiter = asyncio.create_task(stage.store.wait(after=1, run_id="run-1"))
            await asyncio.sleep(0)
            await stage.store.close()
            (result,) = await asyncio.gather(waiter, return_exceptions=True)
            assert result is None or isinstance(result, StoreClosedError), repr(result)


class ReopenContract(Contract):
    """What outlives a store that closes. For adapters whose data do."""

    async def test_everything_is_there_again(self) -> None:
        """Events, rows, accounts, blobs, the identity of the workspace."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=5)
            await stage.put(log, log.operate(beside=Beside(opened=(log.item(),))))
            await stage.store.set_limit("till", 100, version=0)
            ref = await stage.store.put_blob("acme", b"manifest")
            at = await stage.store.checkpoint()
            fleet = (await stage.store.projections("run-1")).fleet
            await stage.store.close()
            again = await stage.another()
            assert await again.read("run-1") == log.records
            assert await again.checkpoint() == at
            assert (await again.projections("run-1")).fleet == fleet
            assert len((await again.inbox()).rows) == 1
            assert (await again.account("till")).limit == 100
            assert await again.blob(ref) == b"manifest"
            assert (await again.verify(against=[at])).ok
            await stage.put(log, log.operate(), by=again)
