"""News: waiting for events, whoever writes them."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

import asyncio

from quarterdeck_kernel.testing.contract.stage import Contract, head_of
from quarterdeck_kernel.testing.logs import say

_LONG_S = 30.0
_SHORT_S = 0.02


class NewsContract(Contract):
    """`wait`."""

    async def test_what_is_there_already_is_not_waited_for(self) -> None:
        """The answer is how far it goes: a seq for a run, a position for the workspace."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say("1"), say("2")))
            wait = stage.store.wait
            position = (await stage.store.checkpoint()).position
            assert await wait(after=0, run_id="run-1", timeout_s=_LONG_S) == 3
            assert await wait(after=2, run_id="run-1", timeout_s=_LONG_S) == 3
            assert await wait(after=0, timeout_s=_LONG_S) == position
            assert await wait(after=position - 1, timeout_s=_LONG_S) == position

    async def test_no_time_at_all_is_a_look(self) -> None:
        """With a timeout of 0 what is there is told, as with any other."""
        async with self.stage() as stage:
            await stage.begun()
            assert await stage.store.wait(after=0, run_id="run-1", timeout_s=0) == 1
            assert await stage.store.wait(after=0, timeout_s=0) is not None

    async def test_nothing_new_is_none(self) -> None:
        """Once the time is up, for a run and for the workspace."""
        async with self.stage() as stage:
            await stage.begun()
            position = (await stage.store.checkpoint()).position
            wait = stage.store.wait
            assert await wait(after=1, run_id="run-1", timeout_s=_SHORT_S) is None
            assert await wait(after=position, timeout_s=_SHORT_S) is None
            assert await wait(after=1, run_id="run-1", timeout_s=0) is None

    async def test_an_append_wakes_who_waits(self) -> None:
        """Many waiters of one run, and one of the workspace."""
        async with self.stage() as stage:
            log = await stage.begun()
            position = (await stage.store.checkpoint()).position
            waiters = [
                asyncio.create_task(stage.store.wait(after=1, run_id="run-1", timeout_s=_LONG_S))
                for _ in range(5)
            ]
            over_all = asyncio.create_task(stage.store.wait(after=position, timeout_s=_LONG_S))
            await asyncio.sleep(0)
            await stage.put(log, log.operate())
            assert await asyncio.gather(*waiters) == [2] * 5
            assert (await over_all or 0) > position

    async def test_another_stores_append_wakes_who_waits(self) -> None:
        """News come from every process on the same data."""
        async with self.stage() as stage:
            other = await stage.another()
            log = await stage.begun()
            position = (await stage.store.checkpoint()).position
            for_run = asyncio.create_task(
                stage.store.wait(after=1, run_id="run-1", timeout_s=_LONG_S)
            )
            over_all = asyncio.create_task(stage.store.wait(after=position, timeout_s=_LONG_S))
            await asyncio.sleep(0)
            await stage.put(log, log.operate(), by=other)
            assert await for_run == 2
            assert (await over_all or 0) > position
            assert await head_of(stage.store, "run-1") == log.head

    async def test_other_runs_do_not_wake_who_waits(self) -> None:
        """Somebody else's event is no news of this run."""
        async with self.stage() as stage:
            await stage.begun("run-1")
            other = await stage.begun("run-2")
            waiter = asyncio.create_task(
                stage.store.wait(after=1, run_id="run-1", timeout_s=_SHORT_S)
            )
            await asyncio.sleep(0)
            await stage.put(other, other.operate())
            assert await waiter is None

    async def test_a_waiter_may_be_cancelled(self) -> None:
        """And nobody else notices."""
        async with self.stage() as stage:
            log = await stage.begun()
            wait = stage.store.wait
            gone = asyncio.create_task(wait(after=1, run_id="run-1"))
            stays = asyncio.create_task(wait(after=1, run_id="run-1", timeout_s=_LONG_S))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert gone.cancelled()
            await stage.put(log, log.operate())
            assert await stays == 2
